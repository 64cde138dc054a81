"""`/v1`: recipients."""

from __future__ import annotations

from console.api.frame import api

router = api("recipients")
