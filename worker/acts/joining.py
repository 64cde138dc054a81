"""Addresses join a campaign, unless they may not be mailed."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from classifier.decode import normal_address
from models.events import Event, EventKind
from models.session import insert_new
from models.tables.mailing import Campaign, Contact, Recipient
from models.tables.standing import RecipientEvent
from worker.act import Act
from worker.chunks import chunks
from worker.decide import event_key
from worker.queries.campaigns import find_campaign
from worker.rules import Rules
from worker.sending.sends import ADDRESS, LONGEST_ADDRESS
from worker.writing.locks import lock, lock_team
from worker.writing.refold import refold
from worker.writing.stored import event_columns, storable
from worker.writing.suppression import Covering, suppressed


@dataclass(frozen=True, slots=True)
class Joined:
    """What became of one address, in its normal form where it is one; `says` tells it in words."""

    address: str
    state: Literal["joined", "known", "refused"]
    says: str


def join(session: Session, rules: Rules, campaign_key: str, addresses: Sequence[str], act: Act) -> list[Joined]:
    """Let addresses join a campaign; say what became of each, in the order in which they are given.

    A recipient of the campaign stays as it is: one who left the list is started again by a person's word alone. An
    address given twice has the same answer twice. Call it with at most some thousand addresses a transaction.

    Args:
        session: inside a write transaction.
        rules: the team and its settings.
        campaign_key: the key of a campaign of the team.
        addresses: however they are written.
        act: who, when and why.

    Raises:
        InputError: the team has no such campaign.
    """
    # The team's lock keeps an entry that is made at this moment from missing the new contact, or it from the entry.
    lock_team(session, rules.team_id, exclusive=True)
    campaign = find_campaign(session, rules.team_id, campaign_key)
    plain = [normal_address(address) for address in addresses]
    good = sorted({each for each in plain if len(each) <= LONGEST_ADDRESS and ADDRESS.fullmatch(each)})
    covers = suppressed(session, rules.team_id, good)
    answers = {each: Joined(each, "refused", f"{each!r} is no address") for each in plain}
    answers |= _refused(covers)
    answers |= _take_in(session, campaign, [each for each in good if each not in covers], act)
    return [answers[each] for each in plain]


def _refused(covers: Mapping[str, Sequence[Covering]]) -> dict[str, Joined]:
    return {
        each: Joined(each, "refused", f"under Do Not Email: {'; '.join(map(str, found))}")
        for each, found in covers.items()
    }


def _take_in(session: Session, campaign: Campaign, addresses: Sequence[str], act: Act) -> dict[str, Joined]:
    contacts = _contacts(session, campaign.team_id, addresses)
    lock(session, contacts.values())
    # A person may have banned somebody while this waited for the contact.
    banned = _refused(suppressed(session, campaign.team_id, contacts))
    contacts = {address: contact_id for address, contact_id in contacts.items() if address not in banned}
    known = _recipients(session, campaign.id, contacts.values())
    new = {address: contact_id for address, contact_id in contacts.items() if contact_id not in known}
    whose = {"team_id": campaign.team_id, "campaign_id": campaign.id, "changed_at": act.at}
    rows = [whose | {"contact_id": contact_id} for contact_id in new.values()]
    insert_new(session, Recipient, rows)
    made = _recipients(session, campaign.id, new.values())
    events = [_event_row(made[contact_id].id, campaign.key, address, act) for address, contact_id in new.items()]
    insert_new(session, RecipientEvent, events)
    refold(session, new.values(), act.at)
    return banned | {
        address: Joined(address, "joined", "joined the campaign")
        if address in new
        else Joined(address, "known", _standing(known[contact_id]))
        for address, contact_id in contacts.items()
    }


def _contacts(session: Session, team_id: int, addresses: Sequence[str]) -> dict[str, int]:
    rows = [{"team_id": team_id, "address": each, "domain": each.rpartition("@")[2]} for each in addresses]
    insert_new(session, Contact, rows)
    query = select(Contact.address, Contact.id).where(Contact.team_id == team_id)
    return {
        row.address: row.id
        for chunk in chunks(addresses)
        for row in session.execute(query.where(Contact.address.in_(chunk)))
    }


def _recipients(session: Session, campaign_id: int, contact_ids: Collection[int]) -> dict[int, Any]:
    query = select(Recipient.contact_id, Recipient.id, Recipient.status, Recipient.sequence, Recipient.listed).where(
        Recipient.campaign_id == campaign_id
    )
    return {
        row.contact_id: row
        for chunk in chunks(contact_ids)
        for row in session.execute(query.where(Recipient.contact_id.in_(chunk)))
    }


def _event_row(recipient_id: int, campaign_key: str, address: str, act: Act) -> dict[str, Any]:
    key = event_key("joined", EventKind.JOINED, campaign_key, address)
    because = f"{act.by} added it to the campaign" + (f": {act.why}" if act.why else "")
    return event_columns(Event(kind=EventKind.JOINED, happened_at=act.at, key=key)) | {
        "recipient_id": recipient_id,
        "because": [storable(because)],
        "actor": act.by,
        "recorded_at": act.at,
    }


def _standing(recipient: Any) -> str:
    if recipient.listed:
        return f"in the campaign already: {recipient.status.value}, sequence {recipient.sequence.value}"
    return f"left the campaign: {recipient.status.value}; only a person's word (set the status Active) starts it again"
