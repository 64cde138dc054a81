"""`/v1`: labels."""

from __future__ import annotations

from console.api.frame import api

router = api("labels")
