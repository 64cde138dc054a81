"""Reads recorded messages for every front end: lists by what became of them, and whom one message changed."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Tuple, and_, literal, select, tuple_
from sqlalchemy.orm import Session

from models.tables.mail import VERDICT_OF_MESSAGE, InboundMessage, MessageState, VerdictRow
from models.tables.mailboxes import Mailbox
from models.tables.mailing import Campaign, Contact, Recipient
from models.tables.standing import RecipientEvent, StatusChange
from worker.errors import InputError, NotFoundError
from worker.queries.pages import LIMIT, Page
from worker.queries.story import Row
from worker.writing.aside import attempts_of


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageFilter:
    """Which messages are asked for; `mailbox` is a name, None: any of the team's."""

    state: MessageState = MessageState.UNMATCHED
    mailbox: str | None = None


def messages_page(
    session: Session, team_id: int, wanted: MessageFilter, after: int | None = None, limit: int = LIMIT
) -> Page:
    """Return messages, the newest first; those that are set aside each with the next step.

    Args:
        session: any.
        team_id: whose mailboxes.
        wanted: which of them.
        after: the id of the last message of the page before.
        limit: most rows.

    Raises:
        InputError: the team has no such mailbox, or no message `after`.
    """
    query = (
        select(InboundMessage, Mailbox.name, VerdictRow)
        .join(Mailbox, Mailbox.id == InboundMessage.mailbox_id)
        .outerjoin(VerdictRow, VERDICT_OF_MESSAGE)
        .where(InboundMessage.state == wanted.state)
        .where(InboundMessage.mailbox_id.in_(_mailboxes(session, team_id, wanted.mailbox)))
        .order_by(InboundMessage.arrived_at.desc(), InboundMessage.id.desc())
        .limit(limit + 1)
    )
    if after is not None:
        query = query.where(tuple_(InboundMessage.arrived_at, InboundMessage.id) < _place(session, team_id, after))
    found = session.execute(query).all()
    rows = [facts_of(*row) for row in found[:limit]]
    if wanted.state is MessageState.SET_ASIDE:
        rows = [row | attempts_of(session, row["id"]) for row in rows]
    return Page(rows, str(rows[-1]["id"]) if len(found) > limit else None)


def _mailboxes(session: Session, team_id: int, name: str | None) -> list[int]:
    query = select(Mailbox.id).where(Mailbox.team_id == team_id)
    if name is None:
        return list(session.scalars(query))
    found = list(session.scalars(query.where(Mailbox.name == name)))
    if not found:
        raise NotFoundError(f"no mailbox {name!r} in this team; inbox-worker mailboxes list shows them")
    return found


def _place(session: Session, team_id: int, message_id: int) -> Tuple:
    """Return where in the list a message stands."""
    query = select(InboundMessage.arrived_at).join(Mailbox, Mailbox.id == InboundMessage.mailbox_id)
    arrived_at = session.scalar(query.where(InboundMessage.id == message_id, Mailbox.team_id == team_id))
    if arrived_at is None:
        raise InputError(f"no message {message_id} to go on from; begin the list anew")
    return tuple_(literal(arrived_at, InboundMessage.arrived_at.type), literal(message_id, InboundMessage.id.type))


def facts_of(row: InboundMessage, mailbox: str, verdict: VerdictRow | None) -> Row:
    """Return what is known of one message as JSON data, without its words; whether these were removed for their age."""
    return {
        "id": row.id,
        "mailbox": mailbox,
        "folder": row.folder,
        "junk": bool(row.clues.get("junk")),
        "uid": row.uid,
        "arrived_at": row.arrived_at,
        "from": row.from_address,
        "subject": row.subject,
        "message_id": row.message_id,
        "size": row.size,
        "state": row.state.value,
        "duplicate_of": row.duplicate_of,
        "removed": verdict is None and row.state in {MessageState.JUDGED, MessageState.UNMATCHED},
        "error": row.error,
        "problems": row.problems,
        "verdict": verdict.kind if verdict else None,
        "class": verdict.reply_class if verdict else None,
        "confidence": verdict.confidence if verdict else None,
        "artifact": verdict.artifact if verdict else None,
    }


def effects_of(session: Session, message_id: int) -> list[Row]:
    """Return what one message means for whom, each with the statuses it changed."""
    query = (
        select(RecipientEvent, Contact.address, Campaign.key, Campaign.name)
        .join(Recipient, Recipient.id == RecipientEvent.recipient_id)
        .join(Contact, Contact.id == Recipient.contact_id)
        .join(Campaign, Campaign.id == Recipient.campaign_id)
        .where(RecipientEvent.message_id == message_id, RecipientEvent.retracted_at.is_(None))
        .order_by(RecipientEvent.id)
    )
    return [
        {
            "address": address,
            "campaign": campaign,
            "campaign_name": name,
            "event": event.kind.value,
            "class": event.status.value if event.status else None,
            "bounce": event.bounce.value if event.bounce else None,
            "because": event.because,
            "changes": _changes(session, event),
        }
        for event, address, campaign, name in session.execute(query)
    ]


def _changes(session: Session, event: RecipientEvent) -> list[Row]:
    """Return from which to which status an event led; what changed only the sequence is left out."""
    query = (
        select(StatusChange)
        .where(StatusChange.recipient_id == event.recipient_id, StatusChange.event_key == event.key)
        .where(and_(StatusChange.from_status.is_not(None), StatusChange.from_status != StatusChange.to_status))
        .order_by(StatusChange.id)
    )
    return [
        {
            "from": change.from_status.value if change.from_status else None,
            "to": change.to_status.value,
            "at": change.recorded_at,
        }
        for change in session.scalars(query)
    ]
