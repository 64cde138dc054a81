"""Keeps and lists what cannot be judged or written: with its octets, so that it can be tried again, and once each."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from models.session import insert_new
from models.tables.handling import AsideMessage
from models.tables.mail import InboundMessage, MessageState
from models.tables.mailboxes import Mailbox
from worker.writing.record import LARGEST, LONGEST_FOLDER, Judged, row_of
from worker.writing.stored import storable


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


def list_aside(session: Session, mailbox_id: int | None = None, limit: int | None = None) -> list[dict[str, Any]]:
    """Return what is set aside, of one mailbox or of all, the newest first, each with the next step."""
    query = _with_attempts().order_by(InboundMessage.arrived_at.desc(), InboundMessage.id.desc()).limit(limit)
    if mailbox_id is not None:
        query = query.where(InboundMessage.mailbox_id == mailbox_id)
    return [
        {
            "id": row.id,
            "mailbox": mailbox,
            "folder": row.folder,
            "arrived_at": row.arrived_at,
            "from": row.from_address,
            "subject": row.subject,
            "size": row.size,
            "error": row.error,
            **_attempts_row(row, mailbox, attempts, last_attempt_at, kept=kept),
        }
        for row, mailbox, attempts, last_attempt_at, kept in session.execute(query)
    ]


def attempts_of(session: Session, message_id: int) -> dict[str, Any]:
    """Return how often a message that is set aside was tried, and the next step; nothing for any other message."""
    found = session.execute(_with_attempts().where(InboundMessage.id == message_id)).one_or_none()
    return _attempts_row(*found[:4], kept=found[4]) if found else {}


def _with_attempts() -> Select[*tuple[Any, ...]]:
    # The octets themselves may be many.
    kept = AsideMessage.raw.is_not(None)
    return (
        select(InboundMessage, Mailbox.name, AsideMessage.attempts, AsideMessage.last_attempt_at, kept)
        .join(Mailbox, Mailbox.id == InboundMessage.mailbox_id)
        .outerjoin(AsideMessage, AsideMessage.message_id == InboundMessage.id)
        .where(InboundMessage.state == MessageState.SET_ASIDE)
    )


def _attempts_row(
    row: InboundMessage, mailbox: str, attempts: int | None, last_attempt_at: datetime | None, *, kept: bool
) -> dict[str, Any]:
    step = f"inbox-worker review retry {row.id}" if kept else f"nothing was kept; inbox-worker backfill {mailbox}"
    tried_at = last_attempt_at or row.recorded_at
    return {"attempts": attempts or 1, "last_attempt_at": tried_at, "kept": bool(kept), "next_step": step}


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
