"""What went and goes to one endpoint, in pages; fast among millions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, literal, select, tuple_
from sqlalchemy.orm import Session

from models.tables.outside import Delivery, DeliveryState, OutboxEvent
from worker.queries.pages import LIMIT, Page
from worker.queries.places import id_place, place, recipient_place
from worker.webhooks.endpoints import delivery_row, endpoint_in


def deliveries_page(
    session: Session,
    team_id: int,
    endpoint_id: int,
    state: DeliveryState | None = None,
    after: str | None = None,
    limit: int = LIMIT,
) -> Page:
    """Return deliveries with what was told: the newest event first, or of one state the latest attempt first.

    Raises:
        InputError: the team has no such endpoint, or the cursor `after` is damaged.
    """
    endpoint_in(session, team_id, endpoint_id)
    found = _some(session, endpoint_id, state, after, limit + 1)
    shown = found[:limit]
    ids = [each.event_id for each in shown]
    events = {event.id: event for event in session.scalars(select(OutboxEvent).where(OutboxEvent.id.in_(ids)))}
    rows = [_row(delivery, events[delivery.event_id]) for delivery in shown]
    return Page(rows, _place_of(shown[-1], state) if len(found) > limit else None)


def _some(
    session: Session, endpoint_id: int, state: DeliveryState | None, after: str | None, limit: int
) -> Sequence[Delivery]:
    """Return the next deliveries, in the order of the index that knows them."""
    query = select(Delivery).where(Delivery.endpoint_id == endpoint_id).limit(limit)
    if state is None:
        if after is not None:
            query = query.where(Delivery.event_id < id_place(after))
        return session.scalars(query.order_by(Delivery.event_id.desc())).all()
    query = query.where(Delivery.state == state)
    if after is not None:
        query = query.where(_behind(*recipient_place(after)))
    return session.scalars(query.order_by(Delivery.next_attempt_at.desc(), Delivery.id.desc())).all()


def _behind(at: datetime, delivery_id: int) -> ColumnElement[bool]:
    last = tuple_(literal(at, Delivery.next_attempt_at.type), literal(delivery_id, Delivery.id.type))
    return tuple_(Delivery.next_attempt_at, Delivery.id) < last


def _place_of(delivery: Delivery, state: DeliveryState | None) -> str:
    if state is None:
        return place(delivery.event_id)
    return place(delivery.next_attempt_at.isoformat(), delivery.id)


def _row(delivery: Delivery, event: OutboxEvent) -> dict[str, Any]:
    return delivery_row(delivery, event.type, event.recorded_at) | {"data": event.payload}
