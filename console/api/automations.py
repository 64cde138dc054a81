"""`/v1`: automations."""

from __future__ import annotations

from console.api.frame import api

router = api("automations")
