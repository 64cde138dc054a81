"""Who was erased: the names that stand for them now, when, by whom and why; reads only."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.tables.privacy import Erasure
from worker.queries.story import Row


def erasures(session: Session, team_id: int, names: Iterable[str] | None = None) -> list[Row]:
    """Return who was erased when, by whom and why, the newest first; of some names alone where they are given."""
    query = select(Erasure).where(Erasure.team_id == team_id).order_by(Erasure.id.desc())
    wanted = None if names is None else set(names)
    return [
        {
            "at": each.recorded_at,
            "by": each.actor,
            "why": each.why,
            "names": each.pseudonyms,
            "counts": each.counts,
        }
        for each in session.scalars(query)
        if wanted is None or wanted & set(each.pseudonyms)
    ]
