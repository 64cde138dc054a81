"""The ranges of UIDs by which the workers of a fleet share a backfill: laid out, held, and summed up in the database.

Whoever holds a range writes its name there, and every batch is written only where it still stands. So what was taken
in and what is counted are one transaction, whoever dies, and nobody counts for another.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import Engine, or_, select, update
from sqlalchemy.orm import Session

from models.session import INSERTS, reading, transaction
from models.tables.handling import BackfillRange, MailboxRequest
from models.tables.mailboxes import Mailbox
from worker.errands.range_sums import Standing, is_ready, release, sum_up
from worker.errors import MailboxError, Trouble
from worker.imap.fetched import FolderState
from worker.reading.visit import PollReport
from worker.totals import total

SIZE: Final = 2_000
"""Messages in a range: some seconds of work, which is what a worker that ends leaves to others at most."""
MOST: Final = 5
"""So many times as many messages lie between the first and the last of a range at most, with those recorded before."""


@dataclass(frozen=True, slots=True)
class Span:
    """A range that is to be laid out."""

    folder: str
    uidvalidity: int
    first_uid: int
    last_uid: int
    coming: int
    junk: bool = False


@dataclass(frozen=True, slots=True)
class Held:
    """A range in hand."""

    range_id: int
    request_id: int
    holder: str
    span: Span
    mailbox_id: int
    host: str
    since: date | None
    failed: bool
    """The last try came to an error, and nothing was taken in since."""


def cut(state: FolderState, uids: Sequence[int], there: Sequence[int], *, junk: bool = False) -> list[Span]:
    """Cut the UIDs of a folder that are to be taken in into ranges; `there` are all that it holds. Both ascend."""
    spans: list[Span] = []
    start = 0
    while start < len(uids):
        end = min(start + SIZE, len(uids))
        # Whoever takes a range in lists everything in it.
        beyond = bisect_left(there, uids[start]) + MOST * SIZE
        if beyond < len(there):
            end = min(end, bisect_left(uids, there[beyond], start))
        spans.append(Span(state.folder, state.uidvalidity, uids[start], uids[end - 1], end - start, junk))
        start = end
    return spans


def coordinate(engine: Engine, request: tuple[int, int, Mapping[str, Any]], holder: str) -> int:
    """Become the coordinator of a request and return the range that stands for what its coordinator does.

    Args:
        engine: the database.
        request: its id, and how many messages were taken in, to which counts, before it was cut into ranges.
        holder: the new coordinator's name.
    """
    request_id, done, counts = request
    own = {"folder": "", "uidvalidity": 0, "first_uid": 0, "last_uid": 0, "junk": False, "more": False}
    values = {**own, "request_id": request_id, "coming": done, "done": done, "counts": dict(counts), "holder": holder}
    key = ["request_id", "folder", "uidvalidity", "first_uid"]
    insert = INSERTS[engine.dialect.name](BackfillRange.__table__).values(values)
    # What was known to come is counted anew; of what is laid out already, that is what was done.
    taken_up = insert.on_conflict_do_update(index_elements=key, set_={"holder": holder, "coming": _TABLE.done})
    with transaction(engine) as session:
        own_id: int = session.execute(taken_up.returning(_TABLE.id)).scalar_one()
        return own_id


def expect(engine: Engine, range_id: int, holder: str, coming: int) -> None:
    """Note that so many more messages are to come.

    Raises:
        MailboxError: the range is another's.
    """
    with transaction(engine) as session:
        _held(session, range_id, holder).coming += coming


def note(session: Session, range_id: int, holder: str, messages: int, report: PollReport) -> bool:
    """Write down what came of a batch, in its transaction; return whether a person wants the backfill to stop.

    Raises:
        MailboxError: the range is another's, or the backfill has ended.
    """
    held = _held(session, range_id, holder)
    held.done += messages
    held.counts = total(held.counts, report.counts())
    held.error = held.again_at = None
    return session.scalar(select(MailboxRequest.stop_at).where(MailboxRequest.id == held.request_id)) is not None


def lay_out(engine: Engine, own: tuple[int, str], spans: Iterable[Span], now: datetime, error: str | None) -> None:
    """Lay out ranges, all at once; of a folder that was numbered anew they take the place of those with old numbers.

    Args:
        engine: the database.
        own: the coordinator's own range, and its name.
        spans: what is to be taken in.
        now: aware UTC.
        error: what could not be laid out.

    Raises:
        MailboxError: another coordinates by now.
    """
    spans = list(spans)
    with transaction(engine) as session:
        coordinator = _held(session, *own)
        coordinator.ended_at, coordinator.error = now, error or coordinator.error
        old = (
            BackfillRange.request_id == coordinator.request_id,
            or_(BackfillRange.ended_at.is_(None), BackfillRange.more),
        )
        for folder, uidvalidity in {(span.folder, span.uidvalidity) for span in spans}:
            session.execute(
                update(BackfillRange)
                .where(*old, BackfillRange.folder == folder, BackfillRange.uidvalidity != uidvalidity)
                .values(_given_up(now))
            )
        rows = [_row(span, coordinator.request_id) for span in spans]
        insert = INSERTS[engine.dialect.name](BackfillRange.__table__)
        if rows:
            session.execute(insert.on_conflict_do_nothing(), rows)


def give_up(engine: Engine, request_id: int, folders: Sequence[str], now: datetime) -> None:
    """End the ranges of folders that were numbered anew and hold nothing that is not recorded."""
    with transaction(engine) as session:
        session.execute(
            update(BackfillRange)
            .where(BackfillRange.request_id == request_id, BackfillRange.folder.in_(folders), BackfillRange.more)
            .values(_given_up(now))
        )


def standing(engine: Engine, request_id: int, now: datetime) -> Standing:
    """Return how far a backfill is."""
    with reading(engine) as session:
        return sum_up(session, request_id, now)


def close(engine: Engine, request_id: int, now: datetime) -> Standing:
    """Take every range from whoever holds it, and return how far the backfill has come for good."""
    with transaction(engine) as session:
        release(session, request_id)
        return sum_up(session, request_id, now)


def take(engine: Engine, range_id: int, holder: str, now: datetime) -> Held | None:
    """Take a range in hand; None where it has ended or rests, or its backfill is to end."""
    query = (
        select(BackfillRange, MailboxRequest, Mailbox.host)
        .join(MailboxRequest, MailboxRequest.id == BackfillRange.request_id)
        .join(Mailbox, Mailbox.id == MailboxRequest.mailbox_id)
        .where(BackfillRange.id == range_id, BackfillRange.ended_at.is_(None), is_ready(now))
        .where(MailboxRequest.ended_at.is_(None), MailboxRequest.stop_at.is_(None))
        .with_for_update(of=BackfillRange)
    )
    with transaction(engine) as session:
        found = session.execute(query).one_or_none()
        if found is None:
            return None
        row, request, host = found
        row.holder = holder
        span = Span(row.folder, row.uidvalidity, row.first_uid, row.last_uid, row.coming, row.junk)
        return Held(
            row.id, request.id, holder, span, request.mailbox_id, host, request.since, failed=row.error is not None
        )


def leave(engine: Engine, held: Held, **said: Any) -> None:
    """Let a range go, and write down what is to be said of it; nothing where it is another's by now."""
    mine = BackfillRange.id == held.range_id, BackfillRange.holder == held.holder
    with transaction(engine) as session:
        session.execute(update(BackfillRange).where(*mine).values(holder=None, **said))


def rest(engine: Engine, held: Held, until: datetime, error: str | None) -> None:
    """Let a range go that failed by what passes: all of the backfill that nobody has in hand rests as long."""
    leave(engine, held, again_at=until, error=error)
    others = BackfillRange.request_id == held.request_id, BackfillRange.ended_at.is_(None)
    with transaction(engine) as session:
        session.execute(
            update(BackfillRange).where(*others, BackfillRange.holder.is_(None), is_ready(until)).values(again_at=until)
        )


def finished(engine: Engine, held: Held, now: datetime) -> None:
    """Let a range go of which everything is taken in, by whomever."""
    leave(engine, held, ended_at=now, coming=BackfillRange.done, error=None, again_at=None)


def _held(session: Session, range_id: int, holder: str) -> BackfillRange:
    query = (
        select(BackfillRange)
        .join(MailboxRequest, MailboxRequest.id == BackfillRange.request_id)
        .where(BackfillRange.id == range_id, BackfillRange.holder == holder, MailboxRequest.ended_at.is_(None))
    )
    found = session.scalar(query.with_for_update(of=BackfillRange))
    if found is None:
        raise MailboxError(
            "another worker of the fleet takes this part of a backfill in by now, or it has ended; "
            "nothing was written here",
            permanent=False,
            trouble=Trouble.TURN,
        )
    return found


def _given_up(now: datetime) -> dict[str, Any]:
    return {"ended_at": now, "coming": BackfillRange.done, "more": False, "holder": None}


def _row(span: Span, request_id: int) -> dict[str, Any]:
    return {
        "request_id": request_id,
        "folder": span.folder,
        "uidvalidity": span.uidvalidity,
        "first_uid": span.first_uid,
        "last_uid": span.last_uid,
        "coming": span.coming,
        "junk": span.junk,
        "done": 0,
        "counts": {},
        "more": False,
    }


_TABLE = BackfillRange.__table__.c
