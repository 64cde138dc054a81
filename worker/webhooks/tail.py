"""Reads the outbox of a team in order, and goes on reading without missing what is committed late.

Ids are given out before the transactions that hold them end, so an event may appear below one that was read already.
Whoever follows remembers the ids that are missing, and looks for them for a while.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Row, Select, func, select
from sqlalchemy.orm import Session

from models.tables.outside import EventType, OutboxEvent
from worker.chunks import chunks

AWAITED = timedelta(minutes=10)
"""How long a missing id is looked for; a transaction of ours that lasts longer has failed."""
AT_ONCE = 5_000
LOOKED_BACK = 10_000
"""How many ids below where a reader begins may still be missing."""


@dataclass(slots=True)
class Tail:
    """Where a reader of a team's outbox stands; `types` empty: every type."""

    team_id: int
    types: frozenset[EventType] = frozenset()
    top: int = 0
    """The highest id that was read, whoever's it is."""
    missing: dict[int, datetime] = field(default_factory=dict)
    """Ids below it that were not there, and when that was noticed."""

    def begin(self, session: Session, top: int, now: datetime) -> None:
        """Read from above `top` on; an event below it that is committed only now is new too."""
        self.top = top
        newest = session.scalar(select(func.max(OutboxEvent.id))) or 0
        low, high = max(top - LOOKED_BACK, 0), min(top, newest) + 1
        there = select(OutboxEvent.id, OutboxEvent.recorded_at).where(OutboxEvent.id > low, OutboxEvent.id < high)
        self._await(session.execute(there).all(), low, high, now)

    def read(self, session: Session, now: datetime) -> Iterator[OutboxEvent]:
        """Yield what is new since the last reading: what was late first, then in the order of the ids."""
        yield from self._late(session, now)
        while there := session.execute(_after(self.top)).all():
            ids = [row.id for row in there]
            self._await(there, self.top, ids[-1], now)
            self.top = ids[-1]
            yield from self._mine(session, ids)

    def _await(self, there: Sequence[Row[int, datetime]], low: int, high: int, now: datetime) -> None:
        """Remember the ids between `low` and `high` that are missing and may still come.

        An id is given out after those below it, so what is missing below an event that was recorded before the longest
        transaction that may still run, and within one as long, was never written or is removed.
        """
        settled = max((row.id for row in there if now - row.recorded_at > 2 * AWAITED), default=low)
        ids = {row.id for row in there}
        self.missing |= {each: now for each in range(settled + 1, high) if each not in ids}

    def _late(self, session: Session, now: datetime) -> Iterator[OutboxEvent]:
        for chunk in chunks(list(self.missing), AT_ONCE):
            found = list(session.scalars(select(OutboxEvent.id).where(OutboxEvent.id.in_(chunk))))
            for event_id in found:
                del self.missing[event_id]
            yield from self._mine(session, found)
        self.missing = {event_id: at for event_id, at in self.missing.items() if now - at < AWAITED}

    def _mine(self, session: Session, ids: list[int]) -> Iterator[OutboxEvent]:
        query = select(OutboxEvent).where(OutboxEvent.id.in_(ids), OutboxEvent.team_id == self.team_id)
        if self.types:
            query = query.where(OutboxEvent.type.in_(self.types))
        yield from session.scalars(query.order_by(OutboxEvent.id))


def before_time(session: Session, team_id: int, since: datetime) -> int:
    """Return the id below the team's first event that was recorded at `since` or later."""
    first = select(func.min(OutboxEvent.id)).where(OutboxEvent.team_id == team_id, OutboxEvent.recorded_at >= since)
    found = session.scalar(first)
    return (found if found is not None else (session.scalar(select(func.max(OutboxEvent.id))) or 0) + 1) - 1


def before_newest(session: Session, team_id: int, count: int) -> int:
    """Return the id below the team's newest `count` events."""
    newest = select(OutboxEvent.id).where(OutboxEvent.team_id == team_id).order_by(OutboxEvent.id.desc()).limit(count)
    return min(session.scalars(newest), default=1) - 1


def _after(top: int) -> Select[int, datetime]:
    return (
        select(OutboxEvent.id, OutboxEvent.recorded_at)
        .where(OutboxEvent.id > top)
        .order_by(OutboxEvent.id)
        .limit(AT_ONCE)
    )
