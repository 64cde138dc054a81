"""Everything that is held about one person, as JSON data to hand over; docs/privacy.md explains the keys."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Text, cast, or_, select
from sqlalchemy.orm import Session

from models.tables.handling import AsideMessage, MessageMove
from models.tables.learning import Label
from models.tables.mail import VERDICT_OF_MESSAGE, InboundMessage, MessageState, VerdictRow
from models.tables.mailboxes import Mailbox
from models.tables.mailing import Contact, Recipient, SentMessage, SentMessageId
from models.tables.outside import OutboxEvent
from models.tables.standing import DneEntry
from worker.chunks import chunks
from worker.errors import NotFoundError
from worker.privacy.held import Held, held, holds, rows_of
from worker.queries.erasures import erasures
from worker.queries.history import tell
from worker.queries.messages import facts_of
from worker.queries.story import Row, entry_row
from worker.writing.suppression import erased


def disclose(session: Session, team_id: int, address: str) -> Row:
    """Return everything that is held about the person at an address in one team.

    Of somebody who was erased that is the ban, and what came from them since.

    Args:
        session: any.
        team_id: whose contacts and mailboxes.
        address: in its normal form; any address of the person.

    Raises:
        NotFoundError: nothing is held.
    """
    name = erased(session, team_id, [address]).get(address)
    whose = held(session, team_id, address, *([name] if name else []))
    if name:
        since = [each for each in _messages(session, whose) if each["state"] != MessageState.ERASED.value]
        return {"address": address, "erased": erasures(session, team_id, [name]), "messages": since}
    told: Row = {
        "address": address,
        "addresses": list(whose.addresses),
        "erased": [],
        "contacts": [tell(session, team_id, each.address) for each in _contacts(session, whose)],
        "do_not_email": _entries(session, whose),
        "sends": _sends(session, whose),
        "messages": _messages(session, whose),
        "labels": _labels(session, whose),
        "told_to_other_systems": _told(session, whose),
    }
    if not any(told[each] for each in ("contacts", "do_not_email", "messages", "labels", "told_to_other_systems")):
        raise NotFoundError(f"nothing is held about {address}; inbox-worker recipients list --address PART searches")
    return told


def _contacts(session: Session, whose: Held) -> list[Contact]:
    return rows_of(session, Contact, Contact.id, whose.contacts)


def _entries(session: Session, whose: Held) -> list[Row]:
    """Return the entries of the addresses themselves; those of their domains stand with the contacts."""
    of_person = or_(DneEntry.target.in_(whose.addresses), DneEntry.recipient_id.in_(whose.recipients))
    query = select(DneEntry).where(DneEntry.team_id == whose.team_id, of_person).order_by(DneEntry.id)
    return [entry_row(entry) for entry in session.scalars(query)]


def _sends(session: Session, whose: Held) -> list[Row]:
    rows = rows_of(session, SentMessage, SentMessage.recipient_id, whose.recipients)
    ids = rows_of(session, SentMessageId, SentMessageId.sent_message_id, [row.id for row in rows])
    campaigns = {row.id: row.campaign_id for row in rows_of(session, Recipient, Recipient.id, whose.recipients)}
    return [
        {
            "at": row.sent_at,
            "send_id": row.send_id,
            "subject": row.subject_key,
            "token": row.token,
            "recipient": row.recipient_id,
            "campaign_id": campaigns[row.recipient_id],
            "message_ids": sorted(each.message_id for each in ids if each.sent_message_id == row.id),
        }
        for row in rows
    ]


def _messages(session: Session, whose: Held) -> list[Row]:
    query = (
        select(InboundMessage, Mailbox.name, VerdictRow, VerdictRow.rest, AsideMessage.raw, MessageMove.to_folder)
        .join(Mailbox, Mailbox.id == InboundMessage.mailbox_id)
        .outerjoin(VerdictRow, VERDICT_OF_MESSAGE)
        .outerjoin(AsideMessage, AsideMessage.message_id == InboundMessage.id)
        .outerjoin(MessageMove, MessageMove.message_id == InboundMessage.id)
        .order_by(InboundMessage.id)
    )
    return [
        facts_of(row, mailbox, verdict)
        | {
            "details": _details(verdict),
            "rest": rest,
            "clues": row.clues,
            "raw": raw.decode("latin-1") if raw else None,
            "moved_to": moved_to,
        }
        for some in chunks(whose.messages)
        for row, mailbox, verdict, rest, raw, moved_to in session.execute(query.where(InboundMessage.id.in_(some)))
    ]


def _details(verdict: VerdictRow | None) -> dict[str, Any] | None:
    return verdict.details if verdict else None


def _labels(session: Session, whose: Held) -> list[Row]:
    hashes = {row.content_hash for row in rows_of(session, InboundMessage, InboundMessage.id, whose.messages)}
    of_mail = or_(Label.message_id.in_(whose.messages), Label.key.in_(hashes))
    naming = or_(*(holds(column, whose.addresses) for column in (Label.text, Label.subject, Label.note)))
    query = select(Label).where(Label.team_id == whose.team_id, or_(of_mail, naming)).order_by(Label.id)
    return [
        {
            "at": label.recorded_at,
            "class": label.label.value,
            "by": label.actor,
            "subject": label.subject,
            "text": label.text,
            "language": label.language,
            "note": label.note,
            "source": label.source.value,
            "message": label.message_id,
        }
        for label in session.scalars(query)
    ]


def _told(session: Session, whose: Held) -> list[Row]:
    about = or_(OutboxEvent.subject.in_(whose.addresses), holds(cast(OutboxEvent.payload, Text), whose.addresses))
    query = select(OutboxEvent).where(OutboxEvent.team_id == whose.team_id, about).order_by(OutboxEvent.id)
    return [
        {"at": each.recorded_at, "type": each.type.value, "endpoint": each.endpoint, "data": each.payload}
        for each in session.scalars(query)
    ]
