"""Removes old events for other systems from the outbox, so that it does not grow for ever; and addresses in time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Engine, delete, exists, func, literal_column, select, update
from sqlalchemy.orm import Session

from models.session import reading, transaction
from models.tables.outside import Delivery, DeliveryState, EventType, OutboxEvent
from worker.privacy.sqlite_log import empty_log
from worker.secrets.pseudonyms import ERASED

BATCH = 1_000
"""Events removed in one transaction, so that other writers get their turn."""


def remove_old(engine: Engine, before: datetime, stopping: Callable[[], bool] = lambda: False) -> int:
    """Remove events that were recorded before this time, with their deliveries, and return how many.

    What was not dispatched, still waits for an endpoint, or was given up stays. The ids rise with the time, so the
    outbox is read from its beginning, batch by batch, up to the first event that is young enough.
    """
    hide_told(engine)
    removed = top = 0
    while not stopping():
        with reading(engine) as session:
            ids, more = _old_after(session, top, before)
        if ids:
            top = ids[-1]
            with transaction(engine) as session:
                removed += _remove(session, ids)
        if not more:
            break
    return removed


def hide_told(engine: Engine) -> int:
    """Take the address out of what was told of people who were erased, once every endpoint has heard or was given up.

    Returns how many events that were.
    """
    with reading(engine) as session:
        ids = session.scalars(select(OutboxEvent.id).where(*_TOLD)).all()
    if not ids:
        return 0
    with transaction(engine) as session:
        events = session.scalars(select(OutboxEvent).where(OutboxEvent.id.in_(ids), *_TOLD)).all()
        for event in events:
            name = event.payload["name"]
            event.subject, event.payload = name, event.payload | {"address": name}
            whose = update(Delivery).where(Delivery.event_id == event.id).values(subject=name, last_error=None)
            session.execute(whose, execution_options={"synchronize_session": False})
    empty_log(engine)
    return len(events)


_TOLD = (
    # Written out, for a partial index is used only where the condition is no variable.
    OutboxEvent.type == literal_column(f"'{EventType.CONTACT_ERASED.value}'"),
    ~OutboxEvent.subject.endswith("@" + ERASED),
    OutboxEvent.dispatched_at.is_not(None),
    ~exists().where(Delivery.event_id == OutboxEvent.id, Delivery.state == DeliveryState.PENDING),
)


def _old_after(session: Session, top: int, before: datetime) -> tuple[list[int], bool]:
    """Return the old ones among the next events, and whether older ones may follow."""
    # The newest stays: a SQLite table that is empty gives out its first ids again.
    newest = select(func.max(OutboxEvent.id)).scalar_subquery()
    query = select(OutboxEvent.id, OutboxEvent.recorded_at).where(OutboxEvent.id > top, OutboxEvent.id < newest)
    rows = session.execute(query.order_by(OutboxEvent.id).limit(BATCH)).all()
    ids = [row.id for row in rows if row.recorded_at < before]
    return ids, len(rows) == len(ids) == BATCH


def _remove(session: Session, ids: list[int]) -> int:
    """Remove those of the events that are over for every endpoint."""
    wanted = select(Delivery.event_id).where(Delivery.event_id.in_(ids), Delivery.state != DeliveryState.DELIVERED)
    kept = set(session.scalars(wanted))
    free = [each for each in ids if each not in kept]
    # Waiting for nobody it cannot be in anybody's way: what a replay or a removal has in hand is left to the next time.
    over = select(Delivery.id).where(Delivery.event_id.in_(free), Delivery.state == DeliveryState.DELIVERED)
    session.execute(
        delete(Delivery).where(Delivery.id.in_(session.scalars(over.with_for_update(skip_locked=True)).all()))
    )
    gone = delete(OutboxEvent).where(
        OutboxEvent.id.in_(free),
        OutboxEvent.dispatched_at.is_not(None),
        ~exists().where(Delivery.event_id == OutboxEvent.id),
    )
    result = session.execute(gone.returning(OutboxEvent.id), execution_options={"synchronize_session": False})
    return len(result.all())
