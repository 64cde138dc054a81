"""Writes the events that messages cause, in place of those they caused before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from models.among import among
from models.events import Trust
from models.rows import insert_new
from models.tables.standing import RecipientEvent

# What a better match may change of a stored event; what was decided then stays.
_BY_MATCH = ("trust", "send_id", "other_address", "because", "retracted_at", "message_id")


def write_events(
    session: Session, message_ids: Sequence[int], rows: Mapping[tuple[int, str], dict[str, Any]], now: datetime
) -> None:
    """Put the events that messages cause in place of those that these messages, looked at again, caused before.

    An event of another row of the same mail (a second mailbox of the team, a mailbox that was added again) is the
    same event: it keeps the earliest arrival, and acts where one of the rows makes it act.
    """
    stored = _stored(session, message_ids, {key for _, key in rows})
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


_BY_KEY = select(RecipientEvent).where(among(RecipientEvent.key, "keys"))
_BY_EITHER = select(RecipientEvent).where(
    or_(among(RecipientEvent.key, "keys"), among(RecipientEvent.message_id, "messages"))
)


def _stored(session: Session, message_ids: Sequence[int], keys: set[str]) -> dict[tuple[int, str], RecipientEvent]:
    if not keys and not message_ids:
        return {}
    query = _BY_EITHER if message_ids else _BY_KEY
    found = session.scalars(query, {"keys": keys, "messages": message_ids})
    return {(row.recipient_id, row.key): row for row in found}


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
