"""What the sending side sent: taken in from a file or from the mailbox's own Sent folder."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from models.session import insert_new
from models.tables.mailing import Campaign, Contact, Recipient, SecondAddress, SentMessage, SentMessageId
from worker.chunks import chunks
from worker.match import subject_key
from worker.matching.known_sends import KnownSends, Sent, Slot
from worker.matching.links import Purpose, linked_of_addresses, make_token
from worker.matching.veil import veiled_sends
from worker.rules import Rules
from worker.tie import rematch
from worker.writing.locks import lock, lock_team
from worker.writing.refold import Change, refold
from worker.writing.stored import storable

# No white space, control character or half of a surrogate pair, and nothing that ends an address in a header.
_PART = r"[^\s\x00-\x1f\x7f-\x9f\ud800-\udfff@<>\"(),:;\\]+"
ADDRESS = re.compile(rf"{_PART}@{_PART}\.{_PART}")
BATCH = 1_000

# As long as the columns are.
LONGEST_ADDRESS = 320
LONGEST_CAMPAIGN = LONGEST_TOKEN = 200
LONGEST_SEND_ID = 500
LONGEST_ID = 998


def send_id_of(message_id: str, to: str) -> str:
    """Return the id of a send that has none of its own: its Message-ID and recipient, hashed where that is long."""
    send_id = f"{message_id} {to}"
    return send_id if len(send_id) <= LONGEST_SEND_ID else hashlib.sha256(send_id.encode()).hexdigest()


@dataclass(slots=True)
class SendsReport:
    """How many sends were new, how many were known, and what the mail they explain changed."""

    new: int = 0
    known: int = 0
    changes: list[Change] = field(default_factory=list)


def import_sends(session: Session, rules: Rules, sends: Sequence[Sent], now: datetime) -> SendsReport:
    """Record sends with their campaigns, contacts and recipients, and match the team's mail with them again.

    The same mail twice, also once learnt from a Sent folder and once imported, is one send: what is imported knows
    the campaign, and every Message-ID is kept. A mail to somebody who was erased counts as one to the name that stands
    for them, so that no address is stored again. Call it with at most some thousand sends a transaction.

    Raises:
        InputError: a send_id is known for a mail to somebody else.
    """
    lock_team(session, rules.team_id, exclusive=True)
    sends = veiled_sends(session, rules.team_id, sends)
    contacts = _contacts(session, rules.team_id, {send.to for send in sends})
    same_persons = set(lock(session, contacts.values())) - set(contacts.values())
    known = KnownSends(session, rules.team_id, sends, contacts.values())
    slots = [known.place(send, contacts[send.to]) for send in sends]
    touched = [slot for slot in known.slots if slot.write]
    report = SendsReport(sum(slot.row_id is None for slot in touched))
    report.known = len(sends) - report.new
    _write(session, rules.team_id, touched, {slot.send_id: slot for slot in slots}, now)
    values = {value for send in sends for value in (send.to, send.token, *send.message_ids) if value}
    values |= _second_addresses(session, contacts.values()) | _link_tokens(session, rules, contacts)
    report.changes = rematch(session, rules, values, now)
    report.changes += refold(session, {slot.contact_id for slot in touched} | same_persons, now)
    return report


def _write(
    session: Session, team_id: int, touched: Sequence[Slot], mentioned: Mapping[str, Slot], now: datetime
) -> None:
    """Write new sends and those that an import took over, and every Message-ID that was heard of."""
    sends = [(slot, slot.write) for slot in touched if slot.write]
    campaigns = _campaigns(session, team_id, [send for _, send in sends])
    pairs = {(campaigns[send.campaign], slot.contact_id) for slot, send in sends}
    recipients = _recipients(session, team_id, pairs, now)
    rows = [
        (slot.row_id, _row(team_id, send, recipients[campaigns[send.campaign], slot.contact_id]))
        for slot, send in sends
    ]
    insert_new(session, SentMessage, [row for row_id, row in rows if row_id is None])
    taken_over = [row | {"id": row_id} for row_id, row in rows if row_id is not None]
    if taken_over:
        session.execute(update(SentMessage), taken_over)
    row_ids = _row_ids(session, team_id, set(mentioned))
    insert_new(
        session,
        SentMessageId,
        [
            {"team_id": team_id, "message_id": message_id, "sent_message_id": row_ids[send_id]}
            for send_id, slot in mentioned.items()
            for message_id in sorted(slot.message_ids)
        ],
    )


def _row(team_id: int, send: Sent, recipient_id: int) -> dict[str, Any]:
    return {
        "team_id": team_id,
        "recipient_id": recipient_id,
        "mailbox_id": send.mailbox_id,
        "send_id": send.send_id,
        "subject_key": storable(subject_key(send.subject)),
        "token": send.token,
        # Mail servers stamp arrivals to the second; a report within the same second came after the send.
        "sent_at": send.sent_at.replace(microsecond=0),
    }


def _second_addresses(session: Session, contact_ids: Iterable[int]) -> set[str]:
    """Return the other addresses the contacts answered from; mail from these may answer the new sends too."""
    return {
        address
        for chunk in chunks(set(contact_ids))
        for address in session.scalars(select(SecondAddress.address).where(SecondAddress.contact_id.in_(chunk)))
    }


def _link_tokens(session: Session, rules: Rules, addresses: Collection[str]) -> set[str]:
    """Return the tokens of the links in mail to these addresses; an opt-out by mail may have carried one."""
    if not rules.link_keys:
        return set()
    linked = linked_of_addresses(session, rules.team_id, addresses)
    return {make_token(key, Purpose.UNSUBSCRIBE, each) for each in linked for key in rules.link_keys}


def _row_ids(session: Session, team_id: int, send_ids: set[str]) -> dict[str, int]:
    return {
        row.send_id: row.id
        for chunk in chunks(send_ids)
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


def _recipients(
    session: Session, team_id: int, pairs: set[tuple[int, int]], now: datetime
) -> dict[tuple[int, int], int]:
    whose = {"team_id": team_id, "changed_at": now}
    rows = [whose | {"campaign_id": campaign, "contact_id": contact} for campaign, contact in sorted(pairs)]
    insert_new(session, Recipient, rows)
    return {
        (row.campaign_id, row.contact_id): row.id
        for chunk in chunks({contact for _, contact in pairs})
        for row in session.execute(
            select(Recipient.id, Recipient.campaign_id, Recipient.contact_id).where(Recipient.contact_id.in_(chunk))
        )
    }
