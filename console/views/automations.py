"""`/automations`."""

from __future__ import annotations

from fastapi import APIRouter

router = APIRouter(prefix="/automations", include_in_schema=False)
