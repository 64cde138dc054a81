"""Counts of what was done, which add up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def total(before: Mapping[str, Any], since: Mapping[str, Any]) -> dict[str, Any]:
    """Return counts that add up what was done before and since."""
    summed = dict(before)
    for name, value in since.items():
        earlier = before.get(name)
        summed[name] = total(earlier or {}, value) if isinstance(value, Mapping) else (earlier or 0) + value
    return summed
