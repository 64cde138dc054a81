"""Numbers that stop where counting would take longer than they are worth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session


@dataclass(frozen=True, slots=True)
class Tally:
    """How many there are, as far as was counted."""

    count: int
    more: bool = False

    def __str__(self) -> str:
        """Say the number, or that there are more."""
        return f"more than {self.count:,}" if self.more else f"{self.count:,}"

    def __bool__(self) -> bool:
        return self.count > 0


def tally(session: Session, rows: Select[*tuple[Any, ...]], most: int) -> Tally:
    """Count the rows of a query, up to `most`."""
    number = session.scalar(select(func.count()).select_from(rows.limit(most + 1).subquery())) or 0
    return Tally(min(number, most), number > most)
