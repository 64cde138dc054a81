"""`/v1`: model."""

from __future__ import annotations

from console.api.frame import api

router = api("model")
