"""Sends again what was given up or delivered, each event with the webhook-id it had."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Update, select, update
from sqlalchemy.orm import Session

from models.tables.outside import Delivery, DeliveryState, OutboxEvent
from worker.errors import InputError
from worker.webhooks.endpoints import endpoint_in, find_endpoint


def replay_all(
    session: Session, team_id: int, name: str, now: datetime, *, states: Sequence[DeliveryState], since: datetime | None
) -> int:
    """Send again what was given up or delivered, in the order of the events; return how many.

    Args:
        session: inside a write transaction.
        team_id: whose endpoint.
        name: which endpoint.
        now: aware UTC.
        states: DEAD, DELIVERED or both.
        since: only events that were recorded at this time or later.

    Raises:
        NotFoundError: there is no endpoint of this name.
    """
    endpoint = find_endpoint(session, team_id, name)
    again = update(Delivery).where(Delivery.endpoint_id == endpoint.id, Delivery.state.in_(states))
    if since is not None:
        again = again.where(Delivery.event_id.in_(select(OutboxEvent.id).where(OutboxEvent.recorded_at >= since)))
    return _send_again(session, again, now)


def replay_one(session: Session, team_id: int, endpoint_id: int, event_id: int, now: datetime) -> None:
    """Send one event again that was given up or delivered, with the webhook-id it had.

    Raises:
        InputError: the team has no such endpoint, or the event did not go there, or waits to be sent already.
    """
    endpoint_in(session, team_id, endpoint_id)
    again = update(Delivery).where(
        Delivery.endpoint_id == endpoint_id,
        Delivery.event_id == event_id,
        Delivery.state.in_((DeliveryState.DEAD, DeliveryState.DELIVERED)),
    )
    if not _send_again(session, again, now):
        raise InputError(f"event {event_id} waits to be sent already, or never went to this endpoint")


def _send_again(session: Session, deliveries: Update, now: datetime) -> int:
    """Let deliveries begin anew, and return how many there are."""
    fresh = deliveries.values(
        state=DeliveryState.PENDING, attempts=0, first_attempt_at=None, delivered_at=None, next_attempt_at=now
    )
    result: Any = session.execute(fresh.execution_options(synchronize_session=False))
    return int(result.rowcount)
