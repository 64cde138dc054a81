"""`/mailboxes`."""

from __future__ import annotations

from fastapi import APIRouter

router = APIRouter(prefix="/mailboxes", include_in_schema=False)
