"""`/v1`: Do Not Email."""

from __future__ import annotations

from console.api.frame import api

router = api("Do Not Email")
