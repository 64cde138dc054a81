"""The outbox: what other systems may hear of, written in the same transaction as the change itself.

Whoever writes about a recipient holds the contact's lock, so the ids of one subject's events rise in the order in which
they were committed. Who makes or lifts an entry by hand holds the team's too; only for an address that is no contact
itself may such an act, and what follows from another contact's mail, come in either order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from models.events import DneReason
from models.rows import insert_new
from models.tables.outside import EventType, OutboxEvent


@dataclass(frozen=True, slots=True)
class Told:
    """One event for other systems: `subject` is whom or what it is about, `payload` is JSON data."""

    type: EventType
    subject: str
    payload: dict[str, Any]
    endpoint: str | None = None
    """Only for the endpoint of this name."""


def tell(session: Session, team_id: int, events: Sequence[Told], now: datetime) -> None:
    """Write events into the outbox, in this order."""
    insert_new(
        session,
        OutboxEvent,
        [
            {
                "team_id": team_id,
                "type": each.type,
                "subject": each.subject,
                "payload": each.payload,
                "endpoint": each.endpoint,
                "recorded_at": now,
            }
            for each in events
        ],
    )


def entry_payload(
    target: str, reason: DneReason, since: datetime, by: str | None, note: str | None
) -> dict[str, str | None]:
    """Return what other systems hear of an entry."""
    return {"target": target, "reason": reason.value, "since": since.isoformat(), "by": by, "note": note}
