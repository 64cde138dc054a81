"""Learns sends from the mailbox's own Sent folder, so that it can be processed with no other integration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from classifier.message import ParsedMessage, parse
from models.tables import Campaign, Contact, Recipient, SentMessage, SentMessageId
from worker.lookup import chunks
from worker.match import subject_key
from worker.sends import Sent

# Providers rewrite Message-IDs: the copy in \Sent is the imported send where address, subject and time agree.
SAME_SEND = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class SentHeader:
    """The header block of one mail in the Sent folder and when it got there (aware UTC)."""

    raw: bytes
    stored_at: datetime


def learn(
    session: Session,
    team_id: int,
    mailbox_id: int,
    mailbox_name: str,
    headers: Sequence[SentHeader],
    own: frozenset[str],
) -> list[Sent]:
    """Turn the headers of sent mail into sends; one that is known already only adds its Message-ID.

    A mail in a thread that a known send began belongs to that send's campaign; any other to the campaign
    "learnt:" plus the mailbox's name. Mail to ourselves is left out.
    """
    mails = [(parse(header.raw), header.stored_at) for header in headers]
    threads = _threads(session, team_id, mails)
    known = _known(session, team_id, {address for mail, _ in mails for address in mail.to_addresses})
    campaign = f"learnt:{mailbox_name}"
    sends: dict[str, Sent] = {}
    for mail, stored_at in mails:
        if not mail.message_id:
            continue
        for address in mail.to_addresses:
            if address in own:
                continue
            send = Sent(
                campaign=_thread_campaign(mail, address, threads, sends) or campaign,
                campaign_name=None,
                to=address,
                message_ids=(mail.message_id,),
                subject=mail.subject,
                sent_at=_sent_at(mail, stored_at),
                send_id=f"{mail.message_id} {address}",
                mailbox_id=mailbox_id,
            )
            sends[send.send_id] = _same(send, known) or send
    return list(sends.values())


def _sent_at(mail: ParsedMessage, stored_at: datetime) -> datetime:
    """Return the Date of the mail unless it is missing or later than its arrival in the folder."""
    return min(mail.date.astimezone(UTC), stored_at) if mail.date else stored_at


def _threads(
    session: Session, team_id: int, mails: Sequence[tuple[ParsedMessage, datetime]]
) -> dict[tuple[str, str], str]:
    """Return (Message-ID, address) -> campaign key for the known sends the mails continue."""
    ids = {value for mail, _ in mails for value in (mail.message_id, mail.in_reply_to, *mail.references) if value}
    query = (
        select(SentMessageId.message_id, Contact.address, Campaign.key)
        .join(SentMessage, SentMessage.id == SentMessageId.sent_message_id)
        .join(Recipient, Recipient.id == SentMessage.recipient_id)
        .join(Contact, Contact.id == Recipient.contact_id)
        .join(Campaign, Campaign.id == Recipient.campaign_id)
        .where(SentMessageId.team_id == team_id)
    )
    return {
        (row.message_id, row.address): row.key
        for chunk in chunks(ids)
        for row in session.execute(query.where(SentMessageId.message_id.in_(chunk)))
    }


def _thread_campaign(
    mail: ParsedMessage, address: str, threads: dict[tuple[str, str], str], sends: dict[str, Sent]
) -> str | None:
    for value in (mail.message_id, mail.in_reply_to, *mail.references):
        if (value or "", address) in threads:
            return threads[value or "", address]
        learnt = sends.get(f"{value} {address}")
        if learnt:
            return learnt.campaign
    return None


def _known(session: Session, team_id: int, addresses: set[str]) -> dict[tuple[str, str], list[Any]]:
    """Return (address, subject key) -> the sends recorded for it."""
    query = (
        select(SentMessage.send_id, SentMessage.sent_at, SentMessage.subject_key, Contact.address, Campaign.key)
        .join(Recipient, Recipient.id == SentMessage.recipient_id)
        .join(Contact, Contact.id == Recipient.contact_id)
        .join(Campaign, Campaign.id == Recipient.campaign_id)
        .where(SentMessage.team_id == team_id)
    )
    known: dict[tuple[str, str], list[Any]] = {}
    for chunk in chunks(addresses):
        for row in session.execute(query.where(Contact.address.in_(chunk))):
            known.setdefault((row.address, row.subject_key), []).append(row)
    return known


def _same(send: Sent, known: dict[tuple[str, str], list[Any]]) -> Sent | None:
    for row in known.get((send.to, subject_key(send.subject)), ()):
        if abs(row.sent_at - send.sent_at) <= SAME_SEND:
            return replace(send, send_id=row.send_id, campaign=row.key)
    return None
