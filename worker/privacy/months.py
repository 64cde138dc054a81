"""How long what is bulky of a message is kept: its verdict, with its words, and the clues it may be claimed by.

The message itself stays listed, and so does all that it caused: events, statuses, entries of Do Not Email, labels.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import ColumnElement, Engine, and_, delete, exists, or_, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from config import logs
from config.settings import Settings
from models.partitions import drop_before, keep_ahead, later, month_of
from models.session import reading, transaction
from models.tables.mail import InboundMessage, MessageClue, MessageState, VerdictRow
from models.tables.standing import RecipientEvent, ReviewItem

log = logs.logger(__name__)

BATCH = 1_000
"""Messages whose texts are removed in one transaction, so that other writers get their turn."""
BUSY = frozenset({"55P03", "40P01"})
"""What PostgreSQL says where a lock was not to be had, or two waited for each other."""


def keep_months(
    engine: Engine, settings: Settings, now: datetime, stopping: Callable[[], bool] = lambda: False
) -> None:
    """Make the months to come, and remove the texts whose months are over.

    A month is removed as a whole: a text is kept for at least `message_months` and less than one more.
    """
    _in_passing(engine, lambda session: keep_ahead(session, now))
    if settings.message_months is None:
        return
    month = later(month_of(now), -settings.message_months)
    needed = needed_since(now - timedelta(days=settings.weak_match_days))
    _in_passing(engine, lambda session: drop_before(session, month, select(InboundMessage.id).where(needed)))
    removed = remove_texts(engine, month, needed, stopping)
    if removed:
        log.info(
            "texts_removed",
            says="removed the texts of {count} messages recorded before {month}",
            count=removed,
            month=month,
        )


def needed_since(claimed: datetime) -> ColumnElement[bool]:
    """Say of which messages the text is still needed, however old it is.

    A person may be asked about it; or it matched nobody, and a send that is told of late may still claim it.

    Args:
        claimed: since when a message must have arrived for that.
    """
    waits = (
        exists()
        .where(RecipientEvent.message_id == InboundMessage.id, ReviewItem.closed_at.is_(None))
        .where(ReviewItem.recipient_id == RecipientEvent.recipient_id, ReviewItem.event_key == RecipientEvent.key)
    )
    return or_(waits, and_(InboundMessage.state == MessageState.UNMATCHED, InboundMessage.arrived_at >= claimed))


def remove_texts(
    engine: Engine, month: date, needed: ColumnElement[bool], stopping: Callable[[], bool] = lambda: False
) -> int:
    """Remove row by row what was recorded before a month and lies in none that could be dropped; return how much.

    That is everything on SQLite; on PostgreSQL what is older than the months, and what was needed when its month went.
    The ids rise with the time, so the verdicts are read from the first, batch by batch, up to one that is young enough.
    """
    removed = top = 0
    before = datetime.combine(month, time(), UTC)
    more = True
    while more and not stopping():
        with reading(engine) as session:
            ids, more = _old_after(session, top, before)
        if ids:
            top = ids[-1]
            with transaction(engine) as session:
                removed += _remove(session, ids, needed)
    return removed


def _old_after(session: Session, top: int, before: datetime) -> tuple[list[int], bool]:
    """Return the old ones among the next messages, and whether older ones may follow."""
    query = select(VerdictRow.message_id, VerdictRow.recorded_at).where(VerdictRow.message_id > top)
    rows = session.execute(query.order_by(VerdictRow.message_id).limit(BATCH)).all()
    ids = [row.message_id for row in rows if row.recorded_at < before]
    return ids, len(rows) == len(ids) == BATCH


def _remove(session: Session, ids: Collection[int], needed: ColumnElement[bool]) -> int:
    kept = set(session.scalars(select(InboundMessage.id).where(InboundMessage.id.in_(ids), needed)))
    free = [each for each in ids if each not in kept]
    for model in (VerdictRow, MessageClue):
        session.execute(
            delete(model).where(model.message_id.in_(free)), execution_options={"synchronize_session": False}
        )
    return len(free)


def _in_passing(engine: Engine, change: Callable[[Session], object]) -> None:
    """Change the months unless somebody uses the tables just then; that is no trouble, since there is another time."""
    if engine.dialect.name == "sqlite":
        return  # It has no months, and a look at them would keep others from writing.
    try:
        with transaction(engine) as session:
            change(session)
    except OperationalError as error:
        if getattr(error.orig, "sqlstate", None) not in BUSY:
            raise
        log.info("months_in_use", says="the months are in use; they are changed another time")
