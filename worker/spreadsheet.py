"""Cells of CSV that a spreadsheet takes for text, so that a stranger's words never become a formula of ours."""

from __future__ import annotations

import re

_FORMULA = re.compile("'*[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
"""How a formula begins, in wide letters too; what has the mark already gets one more, so that it comes off again."""


def guarded(cell: str) -> str:
    """Return a cell to write: with an apostrophe before it where a spreadsheet would calculate."""
    return f"'{cell}" if _FORMULA.match(cell) else cell


def unguarded(cell: str) -> str:
    """Return what a cell held before it was guarded."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell, 1) else cell
