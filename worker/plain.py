"""Values as one line of text that does nothing to whoever shows it, whatever a stranger wrote."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any


def plain(value: Any) -> str:
    """Return a value as one line; times in UTC, nothing as an empty text."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    return "".join(each if each.isprintable() else " " for each in str(value))
