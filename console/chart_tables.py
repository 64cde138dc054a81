"""The numbers of charts as rows, for those who do not see the charts, and for those who want the numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from console.charts import Series
from console.drawing import day_text, share_text
from console.model_charts import Point

UNKNOWN = "not known"


@dataclass(frozen=True, slots=True)
class Table:
    """A head and rows of as many cells; the first cell of a row names it."""

    head: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]


def days_table(days: Sequence[date], series: Sequence[Series], *, percent: bool = False) -> Table:
    """Return a row for each day, with the value of each series."""
    written = share_text if percent else _count
    columns = [[UNKNOWN if value is None else written(value) for value in each.values] for each in series]
    rows = zip(map(day_text, days), *columns, strict=True)
    return Table(("Day", *(each.name for each in series)), list(rows))


def matrix_table(names: Sequence[str], counts: Sequence[Sequence[int]]) -> Table:
    """Return a row for each true class, with how often it was called which."""
    rows = [(name, *map(_count, found)) for name, found in zip(names, counts, strict=True)]
    return Table(("True class", *(f"called {name}" for name in names)), rows)


def reliability_table(points: Sequence[Point]) -> Table:
    """Return a row for each span of confidence."""
    rows = [(share_text(each.sure), share_text(each.right), _count(each.rows)) for each in points]
    return Table(("How sure", "Told right", "Replies"), rows)


def _count(number: float) -> str:
    return f"{number:,.0f}"
