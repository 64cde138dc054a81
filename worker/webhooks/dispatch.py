"""From the outbox to deliveries: writes down, for each event, which endpoints are to hear of it.

One process does so at a time. Events of one subject were committed in the order of their ids; two that dispatched side
by side could still write down a later one first, and it would be delivered first.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime

from sqlalchemy import Engine, Row, exists, func, select, update
from sqlalchemy.orm import Session

from models.session import insert_new, reading, transaction
from models.tables.outside import Delivery, DeliveryState, EventType, OutboxEvent, WebhookEndpoint

Waiting = Row[int, int, EventType, str, str | None, datetime]
"""Id, team_id, type, subject, endpoint and recorded_at of an event."""

BATCH = 5_000
LOCK = int.from_bytes(b"outbox", "big")
"""Number of the advisory lock that whoever dispatches on PostgreSQL holds."""


def dispatch(engine: Engine, now: datetime, stopping: Callable[[], bool] = lambda: False) -> int:
    """Write the deliveries of every event that waits, batch by batch, and return how many events those were.

    It leaves the work to another process that is at it.
    """
    done = 0
    while not stopping() and _any_waits(engine):
        with transaction(engine) as session:
            taken = _alone(session) and dispatch_batch(session, now)
        if not taken:
            break
        done += taken
    return done


def dispatch_batch(session: Session, now: datetime, most: int = BATCH) -> int:
    """Write the deliveries of the first `most` events that wait; the caller holds the lock."""
    endpoints: dict[int, list[WebhookEndpoint]] = defaultdict(list)
    # Whoever removes an endpoint meanwhile waits until the deliveries that refer to it are written.
    known = select(WebhookEndpoint).order_by(WebhookEndpoint.id).with_for_update(read=True, key_share=True)
    for endpoint in session.scalars(known):
        endpoints[endpoint.team_id].append(endpoint)
    events = _take(session, now, most)
    insert_new(
        session,
        Delivery,
        [
            {
                "endpoint_id": endpoint.id,
                "event_id": event.id,
                "subject": event.subject,
                "state": DeliveryState.PENDING,
                "attempts": 0,
                "next_attempt_at": now,
            }
            for event in sorted(events, key=lambda event: event.id)
            for endpoint in endpoints.get(event.team_id, ())
            if wants(endpoint, event)
        ],
    )
    return len(events)


def wants(endpoint: WebhookEndpoint, event: Waiting) -> bool:
    """Say whether an endpoint is to hear of an event: one that names an endpoint is for that one alone.

    Whatever was recorded before the endpoint was added is none of its business, however long it waited here.
    """
    if event.recorded_at < endpoint.recorded_at:
        return False
    if event.endpoint is not None:
        return bool(event.endpoint == endpoint.name)
    return not endpoint.types or event.type in endpoint.types


def _any_waits(engine: Engine) -> bool:
    with reading(engine) as session:
        return bool(session.scalar(select(exists().where(OutboxEvent.dispatched_at.is_(None)))))


def _alone(session: Session) -> bool:
    if session.get_bind().dialect.name == "sqlite":
        return True  # It has one writer at a time anyway.
    return bool(session.scalar(select(func.pg_try_advisory_xact_lock(LOCK))))


def _take(session: Session, now: datetime, most: int) -> Sequence[Waiting]:
    """Mark and return events in one statement: one that is committed meanwhile is in both or in neither."""
    waiting = select(OutboxEvent.id).where(OutboxEvent.dispatched_at.is_(None)).order_by(OutboxEvent.id).limit(most)
    statement = (
        update(OutboxEvent)
        .where(OutboxEvent.id.in_(waiting.scalar_subquery()))
        .values(dispatched_at=now)
        .returning(
            OutboxEvent.id,
            OutboxEvent.team_id,
            OutboxEvent.type,
            OutboxEvent.subject,
            OutboxEvent.endpoint,
            OutboxEvent.recorded_at,
        )
    )
    return session.execute(statement, execution_options={"synchronize_session": False}).all()
