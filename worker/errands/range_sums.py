"""How far a backfill is by its ranges, for whoever carries it out and for whoever stops it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, or_, select, update
from sqlalchemy.orm import Session

from models.tables.handling import BackfillRange, MailboxRequest
from worker.totals import total

FARTHEST: Final = timedelta(days=2)
"""Ahead of now no rest leads: the clock was wrong when a later time was written."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a backfill is, by its ranges."""

    coming: int = 0
    done: int = 0
    counts: Mapping[str, Any] = field(default_factory=dict)
    is_shared: bool = False
    """It has ranges at all."""
    is_laid_out: bool = False
    open: Sequence[int] = ()
    """The ranges that have not ended."""
    ready: Sequence[int] = ()
    """Those of them that need not wait."""
    stale: Sequence[str] = ()
    """Folders that were numbered anew."""
    failed: str | None = None
    """Why one of them ended before its time."""
    left_out: str | None = None
    """What could not be laid out."""


def sum_up(session: Session, request_id: int, now: datetime) -> Standing:
    """Return how far a backfill is."""
    rows = session.scalars(
        select(BackfillRange).where(BackfillRange.request_id == request_id).order_by(BackfillRange.id)
    ).all()
    counts: dict[str, Any] = {}
    for row in rows:
        counts = total(counts, row.counts)
    parts = [row for row in rows if row.folder]
    return Standing(
        coming=sum(row.coming for row in rows),
        done=sum(row.done for row in rows),
        counts=counts,
        is_shared=bool(rows),
        is_laid_out=any(row.ended_at for row in rows if not row.folder),
        open=[row.id for row in parts if row.ended_at is None],
        ready=[row.id for row in parts if row.ended_at is None and not _rests(row, now)],
        stale=sorted({row.folder for row in parts if row.more}),
        failed=next((row.error for row in parts if row.error and row.ended_at), None),
        left_out=next((row.error for row in rows if not row.folder), None),
    )


def is_ready(now: datetime) -> ColumnElement[bool]:
    """Return the condition that a range need not wait any longer."""
    again_at = BackfillRange.again_at
    return or_(again_at.is_(None), again_at <= now, again_at > now + FARTHEST)


def _rests(row: BackfillRange, now: datetime) -> bool:
    """Say of a row that was read what `is_ready` asks for, the other way round."""
    return row.again_at is not None and now < row.again_at <= now + FARTHEST


def release(session: Session, request_id: int) -> None:
    """Take every range from whoever holds it: a batch that is not written by then never is."""
    session.execute(update(BackfillRange).where(BackfillRange.request_id == request_id).values(holder=None))


def end_stopped(session: Session, request: MailboxRequest, now: datetime) -> None:
    """End a request that was stopped while nobody looked after it, and write down what its ranges have come to."""
    release(session, request.id)
    found = sum_up(session, request.id, now)
    request.ended_at = now
    if found.is_shared:
        request.coming, request.done = found.coming, found.done
        more = bool(found.open) or not found.is_laid_out
        request.result = {"counts": dict(found.counts), "more": more}
