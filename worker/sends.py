"""What the sending side sent: taken in from a file or from the mailbox's own Sent folder."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.session import insert_new
from models.tables import Campaign, Contact, Recipient, SecondAddress, SentMessage, SentMessageId
from worker.lookup import T, chunks
from worker.match import subject_key
from worker.refold import Change, lock, refold
from worker.stored import storable
from worker.tie import Rules, lock_team, rematch

ADDRESS = re.compile(r"[^\s@<>\"(),:;\\]+@[^\s@<>\"(),:;\\]+\.[^\s@<>\"(),:;\\]+")
BATCH = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """One mail that was sent to one recipient of one campaign; `sent_at` is aware UTC."""

    campaign: str
    to: str
    message_ids: tuple[str, ...]
    sent_at: datetime
    subject: str = ""
    send_id: str
    token: str | None = None
    campaign_name: str | None = None
    mailbox_id: int | None = None


@dataclass(slots=True)
class SendsReport:
    """How many sends were new, how many were known, and what the mail they explain changed."""

    new: int = 0
    known: int = 0
    changes: list[Change] = field(default_factory=list)


def import_sends(session: Session, rules: Rules, sends: Sequence[Sent], now: datetime) -> SendsReport:
    """Record sends with their campaigns, contacts and recipients, and match the team's mail with them again.

    The same send twice adds nothing but Message-IDs that were not known. Call it with at most some thousand sends
    a transaction.
    """
    lock_team(session, rules.team_id, exclusive=True)
    campaigns = _campaigns(session, rules.team_id, sends)
    contacts = _contacts(session, rules.team_id, {send.to for send in sends})
    lock(session, contacts.values())
    recipients = _recipients(session, {(campaigns[send.campaign], contacts[send.to]) for send in sends})
    before = _stored(session, rules.team_id, sends)
    fresh = {send.send_id: send for send in sends if send.send_id not in before}
    insert_new(
        session,
        SentMessage,
        [
            {
                "team_id": rules.team_id,
                "recipient_id": recipients[campaigns[send.campaign], contacts[send.to]],
                "mailbox_id": send.mailbox_id,
                "send_id": send.send_id,
                "subject_key": storable(subject_key(send.subject)),
                "token": send.token,
                # Mail servers stamp arrivals to the second; a report within the same second came after the send.
                "sent_at": send.sent_at.replace(microsecond=0),
            }
            for send in fresh.values()
        ],
    )
    stored = _stored(session, rules.team_id, sends)
    ids = [
        {"team_id": rules.team_id, "message_id": message_id, "sent_message_id": stored[send.send_id]}
        for send in sends
        for message_id in send.message_ids
    ]
    insert_new(session, SentMessageId, ids)
    touched = sorted({contacts[send.to] for send in fresh.values()})
    changes = refold(session, touched, now)
    values = {value for send in sends for value in (send.to, send.token, *send.message_ids) if value}
    changes += rematch(session, rules, values | _second_addresses(session, contacts.values()), now)
    return SendsReport(len(fresh), len(sends) - len(fresh), changes)


def _second_addresses(session: Session, contact_ids: Iterable[int]) -> set[str]:
    """Return the other addresses the contacts answered from; mail from these may answer the new sends too."""
    return {
        address
        for chunk in chunks(set(contact_ids))
        for address in session.scalars(select(SecondAddress.address).where(SecondAddress.contact_id.in_(chunk)))
    }


def split(sends: Iterable[T]) -> Iterator[list[T]]:
    """Cut many sends into transactions."""
    return chunks(sends, BATCH)


def _stored(session: Session, team_id: int, sends: Sequence[Sent]) -> dict[str, int]:
    return {
        row.send_id: row.id
        for chunk in chunks({send.send_id for send in sends})
        for row in session.execute(
            select(SentMessage.id, SentMessage.send_id).where(
                SentMessage.team_id == team_id, SentMessage.send_id.in_(chunk)
            )
        )
    }


def _campaigns(session: Session, team_id: int, sends: Sequence[Sent]) -> dict[str, int]:
    names = {send.campaign: send.campaign_name or send.campaign for send in sends}
    rows: list[dict[str, Any]] = [{"team_id": team_id, "key": key, "name": name} for key, name in names.items()]
    insert_new(session, Campaign, rows)
    query = select(Campaign.key, Campaign.id).where(Campaign.team_id == team_id, Campaign.key.in_(names))
    return {row.key: row.id for row in session.execute(query)}


def _contacts(session: Session, team_id: int, addresses: set[str]) -> dict[str, int]:
    ordered = sorted(addresses)
    rows = [{"team_id": team_id, "address": each, "domain": each.rpartition("@")[2]} for each in ordered]
    insert_new(session, Contact, rows)
    return {
        row.address: row.id
        for chunk in chunks(ordered)
        for row in session.execute(
            select(Contact.id, Contact.address).where(Contact.team_id == team_id, Contact.address.in_(chunk))
        )
    }


def _recipients(session: Session, pairs: set[tuple[int, int]]) -> dict[tuple[int, int], int]:
    insert_new(
        session, Recipient, [{"campaign_id": campaign, "contact_id": contact} for campaign, contact in sorted(pairs)]
    )
    return {
        (row.campaign_id, row.contact_id): row.id
        for chunk in chunks({contact for _, contact in pairs})
        for row in session.execute(
            select(Recipient.id, Recipient.campaign_id, Recipient.contact_id).where(Recipient.contact_id.in_(chunk))
        )
    }
