"""`/v1`: webhooks."""

from __future__ import annotations

from console.api.frame import api

router = api("webhooks")
