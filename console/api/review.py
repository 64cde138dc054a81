"""`/v1`: review."""

from __future__ import annotations

from console.api.frame import api

router = api("review")
