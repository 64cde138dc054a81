"""Keeps PostgreSQL from plans that its guesses lead it to; SQLite looks things up one by one anyway."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, Subquery, select, text, true
from sqlalchemy.orm import Session


def looked_up(session: Session, outer: Subquery, inner: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
    """Return what `inner`, which names columns of `outer`, finds for its rows: looked up for one after the other.

    PostgreSQL takes words and filters to be far more common than they are, and would read a whole table at once.
    """
    if session.get_bind().dialect.name != "postgresql":
        return inner
    # Its guess of the cost is as far off: it would first compile for 90 ms what then takes ten.
    session.execute(text("SET LOCAL jit = off"))
    each = inner.offset(0).lateral()
    return select(*each.c).select_from(outer.join(each, true()))
