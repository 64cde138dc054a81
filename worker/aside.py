"""Keeps what cannot be judged or written: with its octets, so that it can be tried again, and once each."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from models.handling import AsideMessage
from models.session import insert_new
from models.tables import InboundMessage, MessageState
from worker.record import LARGEST, LONGEST_FOLDER, Judged, row_of
from worker.stored import storable


def set_aside(session: Session, mailbox_id: int, judged: Judged, error: Exception | str, now: datetime) -> bool:
    """Keep a message that cannot be judged or written, with its error and its octets; it stays in its mailbox.

    One that was set aside before keeps its row, and one more attempt is counted. Returns False where it is recorded.
    """
    text = error if isinstance(error, str) else f"{type(error).__name__}: {error}"
    # Only what cannot fail again: where it lies, what can be read of it, and why.
    bare = Judged(
        folder=storable(judged.folder, LONGEST_FOLDER),
        uidvalidity=min(judged.uidvalidity, LARGEST),
        uid=min(judged.uid, LARGEST),
        arrived_at=judged.arrived_at,
        size=min(judged.size, LARGEST),
        content_hash=judged.content_hash,
        message_id=judged.message_id,
        from_address=judged.from_address,
        subject=judged.subject,
        junk=judged.junk,
    )
    columns = row_of(mailbox_id, bare, MessageState.SET_ASIDE, now) | {"error": storable(text, 2_000)}
    row = _at(session, mailbox_id, bare) or (_renumbered(session, mailbox_id, bare) if judged.raw else None)
    if row is None:
        insert_new(session, InboundMessage, [columns])
        row = _at(session, mailbox_id, bare)
    if row is None:
        return False  # Another worker has written it meanwhile.
    row.uidvalidity, row.uid, row.error = columns["uidvalidity"], columns["uid"], columns["error"]
    aside = session.get(AsideMessage, row.id) or AsideMessage(message_id=row.id, attempts=0)
    if judged.raw or aside.raw is None:
        aside.raw, aside.omitted = judged.raw or None, list(storable(judged.omitted))
    aside.attempts += 1
    aside.last_attempt_at = now
    session.add(aside)
    session.flush()
    return True


def _at(session: Session, mailbox_id: int, judged: Judged) -> InboundMessage | None:
    """Return the row of a message that was set aside before at this place."""
    return session.scalar(
        _in_folder(mailbox_id, judged.folder).where(
            InboundMessage.uidvalidity == judged.uidvalidity, InboundMessage.uid == judged.uid
        )
    )


def _renumbered(session: Session, mailbox_id: int, judged: Judged) -> InboundMessage | None:
    """Return the row of the same message from before its folder was renumbered, so that it is not kept twice."""
    same = _in_folder(mailbox_id, judged.folder).where(
        InboundMessage.uidvalidity != judged.uidvalidity, InboundMessage.content_hash == judged.content_hash
    )
    return session.scalar(same.order_by(InboundMessage.id).limit(1))


def _in_folder(mailbox_id: int, folder: str) -> Select[InboundMessage]:
    return select(InboundMessage).where(
        InboundMessage.mailbox_id == mailbox_id,
        InboundMessage.folder == folder,
        InboundMessage.state == MessageState.SET_ASIDE,
    )
