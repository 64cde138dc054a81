"""Fault tests have a short form, for every run of the tests, and a long one: INBOX_SOAK=1."""

from __future__ import annotations

import os
from typing import Final

SOAK: Final = bool(os.environ.get("INBOX_SOAK"))


def either(short: int, long: int) -> int:
    """Return the number for the form that runs now."""
    return long if SOAK else short


def places(end: int, *, first: int, short: int, long: int | None = None) -> list[int]:
    """Return where in `end` octets something happens: at the first ones, and at others that lie evenly behind them.

    Args:
        end: how many octets there are.
        first: how many of them from the beginning are all taken.
        short: how many of the others are taken in the short form.
        long: how many in the long one; None: all.
    """
    others = range(first, end)
    count = (len(others) if long is None else long) if SOAK else short
    return [*range(min(first, end)), *others[:: max(1, len(others) // max(1, count))]]
