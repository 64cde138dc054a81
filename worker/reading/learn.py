"""Learns sends from the mailbox's own Sent folder, so that it can be processed with no other integration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from classifier.message import ParsedMessage, parse
from models.tables.mailing import Campaign, Contact, Recipient, SecondAddress, SentMessage, SentMessageId
from worker.chunks import chunks
from worker.matching.known_sends import Sent
from worker.sending.sends import LONGEST_ADDRESS, LONGEST_CAMPAIGN, LONGEST_ID, send_id_of
from worker.writing.book import LEARNT
from worker.writing.suppression import erased


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
    """Turn the headers of sent mail into sends, for `import_sends` to recognise those that are known.

    A mail in a thread that a known send began belongs to that send's recipient, also where it goes to the other
    address the person answered from; any other to the campaign "learnt:" plus the mailbox's name. Mail to ourselves
    is left out.
    """
    mails = [(parse(header.raw), header.stored_at) for header in headers]
    threads = _threads(session, team_id, mails)
    named = {address for mail, _ in mails for address in mail.to_addresses}
    names, firsts = erased(session, team_id, named), _first_addresses(session, team_id, named)
    unknown = f"{LEARNT}{mailbox_name}"[:LONGEST_CAMPAIGN]
    sends: dict[str, Sent] = {}
    for mail, stored_at in mails:
        for address in mail.to_addresses:
            if not mail.message_id or address in own or len(address) > LONGEST_ADDRESS:
                continue
            first = names.get(address, address)
            to, campaign = _thread(mail, (first, *firsts.get(address, ())), threads) or (first, unknown)
            send = Sent(
                campaign=campaign,
                to=to,
                message_ids=(mail.message_id[:LONGEST_ID],),
                subject=mail.subject,
                sent_at=_sent_at(mail, stored_at),
                send_id=send_id_of(mail.message_id, to),
                mailbox_id=mailbox_id,
            )
            sends[send.send_id] = send
            threads[mail.message_id, to] = campaign
    return list(sends.values())


def _thread(
    mail: ParsedMessage, addresses: Sequence[str], threads: Mapping[tuple[str, str], str]
) -> tuple[str, str] | None:
    """Return (address, campaign) of the known send that a mail to one of these addresses continues."""
    for value in (mail.in_reply_to, *reversed(mail.references)):
        for address in addresses:
            if (value or "", address) in threads:
                return address, threads[value or "", address]
    return None


def _first_addresses(session: Session, team_id: int, addresses: set[str]) -> dict[str, list[str]]:
    """Return address -> the contacts' own addresses whose second one it is."""
    firsts: dict[str, list[str]] = {}
    query = (
        select(SecondAddress.address.label("second"), Contact.address.label("first"))
        .join(Contact, Contact.id == SecondAddress.contact_id)
        .where(Contact.team_id == team_id)
        .order_by(Contact.address)
    )
    for chunk in chunks(addresses):
        for row in session.execute(query.where(SecondAddress.address.in_(chunk))):
            firsts.setdefault(row.second, []).append(row.first)
    return firsts


def _sent_at(mail: ParsedMessage, stored_at: datetime) -> datetime:
    """Return the Date of the mail unless it is missing or later than its arrival in the folder."""
    return min(mail.date.astimezone(UTC), stored_at) if mail.date else stored_at


def _threads(
    session: Session, team_id: int, mails: Sequence[tuple[ParsedMessage, datetime]]
) -> dict[tuple[str, str], str]:
    """Return (Message-ID, address) -> campaign key for the known sends the mails continue."""
    ids = {value for mail, _ in mails for value in (mail.in_reply_to, *mail.references) if value}
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
