"""Fault tests have a short form, for every run of the tests, and a long one: INBOX_SOAK=1."""

from __future__ import annotations

import os
from typing import Final

SOAK: Final = bool(os.environ.get("INBOX_SOAK"))


def either(short: int, long: int) -> int:
    """Return the number for the form that runs now."""
    return long if SOAK else short


def places(end: int, *, first: int, short: int) -> list[int]:
    """Return where in `end` octets something happens: at each in the long form, else at the first and some others.

    Args:
        end: how many octets there are.
        first: how many of them from the beginning are all taken.
        short: how many of the others are taken in the short form, evenly.
    """
    others = range(first, end)
    return [*range(min(first, end)), *others[:: 1 if SOAK else max(1, len(others) // short)]]
