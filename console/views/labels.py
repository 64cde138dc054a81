"""`/labels`."""

from __future__ import annotations

from fastapi import APIRouter

router = APIRouter(prefix="/labels", include_in_schema=False)
