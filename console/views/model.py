"""`/model`."""

from __future__ import annotations

from fastapi import APIRouter

router = APIRouter(prefix="/model", include_in_schema=False)
