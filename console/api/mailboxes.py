"""`/v1`: mailboxes."""

from __future__ import annotations

from console.api.frame import api

router = api("mailboxes")
