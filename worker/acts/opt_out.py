"""The opt-out by a link in our mail: one press is enough, and pressing again changes nothing."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.events import DneReason, Event, EventKind
from models.session import insert_new
from models.tables.standing import DneEntry, RecipientEvent
from worker.matching.links import Linked, Purpose, find_linked
from worker.writing.locks import lock, lock_team
from worker.writing.refold import refold
from worker.writing.stored import event_columns
from worker.writing.suppression import LIVE

RECIPIENT = "recipient"
"""Who acts: nobody of the team."""


def opt_out_by_link(session: Session, keys: Sequence[str], token: str, how: str, now: datetime) -> bool:
    """Take the recipient of a link out of all mail of the team; say whether the token is one of ours.

    Args:
        session: inside a write transaction.
        keys: that links may be signed with.
        token: of an unsubscribe link.
        how: kept in the history.
        now: aware UTC.
    """
    whose = find_linked(session, keys, Purpose.UNSUBSCRIBE, [token]).get(token)
    if whose is None:
        return False
    # Shared with all but imports; before the contact's, as everybody who writes entries takes them.
    lock_team(session, whose.team_id, exclusive=False)
    locked = lock(session, [whose.contact_id])
    if _is_out(session, whose):
        return True
    event = Event(kind=EventKind.LINK_OPT_OUT, happened_at=now, key=uuid.uuid4().hex)
    row = event_columns(event) | {
        "recipient_id": whose.recipient_id,
        "because": [f"unsubscribe link: {how}"],
        "actor": RECIPIENT,
        "recorded_at": now,
    }
    insert_new(session, RecipientEvent, [row])
    refold(session, locked, now)
    return True


def _is_out(session: Session, whose: Linked) -> bool:
    """Say whether this recipient's own press of the link still stands; a person may have lifted it."""
    query = select(DneEntry.id).where(
        DneEntry.recipient_id == whose.recipient_id,
        # The entry for another address of the same person says nothing of this one.
        DneEntry.target == whose.address,
        DneEntry.reason == DneReason.UNSUBSCRIBE_LINK,
        *LIVE,
    )
    return session.scalar(query.limit(1)) is not None
