"""Writes the events that messages cause, in place of those they caused before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.events import Trust
from models.session import insert_new
from models.tables import RecipientEvent
from worker.chunks import chunks

# What a better match may change of a stored event; what was decided then stays.
_BY_MATCH = ("trust", "send_id", "other_address", "because", "retracted_at", "message_id")


def write_events(
    session: Session, message_ids: Sequence[int], rows: Mapping[tuple[int, str], dict[str, Any]], now: datetime
) -> None:
    """Put the events the messages cause in place of those they caused before.

    An event of another row of the same mail (a second mailbox of the team, a mailbox that was added again) is the
    same event: it keeps the earliest arrival, and acts where one of the rows makes it act.
    """
    keys = {key for _, key in rows}
    stored = {
        (row.recipient_id, row.key): row
        for column, values in ((RecipientEvent.message_id, message_ids), (RecipientEvent.key, keys))
        for chunk in chunks(values)
        for row in session.scalars(select(RecipientEvent).where(column.in_(chunk)))
    }
    insert_new(session, RecipientEvent, [row for key, row in rows.items() if key not in stored])
    for key, old in stored.items():
        new = rows.get(key)
        if new is None:
            if old.message_id in message_ids:
                old.retracted_at = old.retracted_at or now
            continue
        _arrived(old, new["happened_at"])
        if _acts_by_another(old, new):
            continue
        for name in _BY_MATCH:
            if getattr(old, name) != new[name]:
                setattr(old, name, new[name])
    session.flush()


def _acts_by_another(old: RecipientEvent, new: Mapping[str, Any]) -> bool:
    """Say whether a stored event acts by another row of the mail, while this row, perhaps in junk, would not let it."""
    acts = old.trust is Trust.ACTS and old.retracted_at is None
    return acts and new["trust"] is Trust.SUGGESTS and old.message_id != new["message_id"]


def _arrived(event: RecipientEvent, at: datetime) -> None:
    """Move an event to an earlier arrival of its mail, and with it a pause that counts from there."""
    if at < event.happened_at:
        if event.until is not None and not event.dated:
            event.until -= event.happened_at - at
        event.happened_at = at
