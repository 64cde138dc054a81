"""Reads what is known about recipients, for every front end, as plain rows; writes nothing."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, or_, select
from sqlalchemy.orm import Session

from classifier.decode import normal_address
from models.events import ONLY_ASKED, ReviewKind, SequenceState, Status
from models.tables import (
    Campaign,
    Contact,
    DneEntry,
    InboundMessage,
    Recipient,
    RecipientEvent,
    ReviewItem,
    SecondAddress,
    SentMessage,
    StatusChange,
)
from worker.book import covering
from worker.chunks import chunks
from worker.errors import InputError

Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which recipients are asked for; None: any. `address` is any part of the address."""

    campaign: str | None = None
    status: Status | None = None
    sequence: SequenceState | None = None
    address: str | None = None
    unlisted: bool = False
    """Also those that left the campaign's list."""


def list_recipients(session: Session, team_id: int, wanted: Wanted, limit: int) -> list[Row]:
    """Return at most `limit` recipients by address, each with the Do Not Email targets that cover it."""
    query = (
        select(Recipient, Contact.address, Campaign.key)
        .join(Contact, Contact.id == Recipient.contact_id)
        .join(Campaign, Campaign.id == Recipient.campaign_id)
        .where(Contact.team_id == team_id, *_conditions(wanted))
        .order_by(Contact.address, Campaign.key)
        .limit(limit)
    )
    rows = session.execute(query).all()
    banned = live_targets(session, team_id, {row.address for row in rows})
    return [
        {"address": address, "campaign": key, **_standing(recipient), "do_not_email": banned.get(address, [])}
        for recipient, address, key in rows
    ]


def live_targets(session: Session, team_id: int, addresses: Collection[str]) -> dict[str, list[str]]:
    """Return address -> the targets of the live Do Not Email entries that cover it; only addresses that have one."""
    covers = {address: covering(address) for address in addresses}
    live: set[str] = set()
    for chunk in chunks({target for targets in covers.values() for target in targets}):
        query = select(DneEntry.target).where(DneEntry.team_id == team_id, DneEntry.target.in_(chunk), *_LIVE)
        live.update(session.scalars(query))
    found = {address: [target for target in targets if target in live] for address, targets in covers.items()}
    return {address: targets for address, targets in found.items() if targets}


def list_reviews(  # noqa: PLR0913 - each narrows or orders the list
    session: Session,
    team_id: int,
    *,
    kind: ReviewKind | None = None,
    campaign: str | None = None,
    recipient_id: int | None = None,
    teaching: bool = False,
    limit: int | None = None,
) -> list[Row]:
    """Return open review items, the most urgent first: see `_by_urgency`; with `teaching` see `_by_lesson`."""
    about = and_(RecipientEvent.recipient_id == ReviewItem.recipient_id, RecipientEvent.key == ReviewItem.event_key)
    query = (
        select(ReviewItem, Recipient.status, Contact.address, Campaign.key, RecipientEvent, InboundMessage.subject)
        .join(Recipient, Recipient.id == ReviewItem.recipient_id)
        .join(Contact, Contact.id == Recipient.contact_id)
        .join(Campaign, Campaign.id == Recipient.campaign_id)
        .outerjoin(RecipientEvent, about)
        .outerjoin(InboundMessage, InboundMessage.id == RecipientEvent.message_id)
        .where(Contact.team_id == team_id, ReviewItem.closed_at.is_(None))
        .order_by(*(_by_lesson() if teaching else _by_urgency()), ReviewItem.opened_at, ReviewItem.id)
        .limit(limit)
    )
    if kind:
        query = query.where(ReviewItem.kind == kind)
    if campaign:
        query = query.where(_is_campaign(campaign))
    if recipient_id:
        query = query.where(ReviewItem.recipient_id == recipient_id)
    return [_review(*row) for row in session.execute(query)]


_DRAWN = 2
_URGENCY = {
    ReviewKind.POSSIBLE_OPT_OUT: 0,
    ReviewKind.RANDOM_SAMPLE: _DRAWN,
    ReviewKind.NEAR_OPT_OUT: 3,
    ReviewKind.LOW_CONFIDENCE: 4,
}
"""The order of kinds of questions; those not named stand at 1."""


def _by_urgency() -> tuple[ColumnElement[Any], ...]:
    """Order what holds a sequence first, possible opt-outs before all; then contradictions; then what was drawn.

    A person who has time for some only would otherwise leave out what was drawn and is doubtful, and accuracy would
    look better than it is. Then what is close to a possible opt-out, then the rest. The oldest come first, but of the
    rest what the classifier is least sure of.
    """
    drawn = and_(RecipientEvent.sampled.is_(True), ReviewItem.kind.in_([*ONLY_ASKED, ReviewKind.LOW_CONFIDENCE]))
    unsure = and_(ReviewItem.kind == ReviewKind.LOW_CONFIDENCE, RecipientEvent.sampled.is_not(True))
    return (
        ReviewItem.holds.desc(),
        case((drawn, _DRAWN), else_=case(_URGENCY, value=ReviewItem.kind, else_=1)),
        case((unsure, RecipientEvent.confidence), else_=0.0),
    )


def _by_lesson() -> tuple[ColumnElement[Any], ...]:
    """Order what was drawn at random first, then what the classifier was least sure of; then what it did not judge."""
    return (
        case((RecipientEvent.sampled.is_(True), 0), (RecipientEvent.artifact.is_not(None), 1), else_=2),
        func.coalesce(RecipientEvent.confidence, 1.0),
    )


def tell(session: Session, team_id: int, address: str, campaign: str | None = None) -> Row:
    """Return the whole story of an address: entries, and for each campaign its events, changes and open reviews.

    Raises:
        InputError: nothing is known about the address.
    """
    address = normal_address(address)
    contact = _contact(session, team_id, address)
    known_as = contact.address if contact else address
    entries = _entries(session, team_id, known_as)
    if contact is None and not entries:
        raise InputError(f"nothing is known about {address}; inbox-worker recipients list --address PART searches")
    others = select(SecondAddress.address).where(SecondAddress.contact_id == contact.id) if contact else None
    live = [entry for entry in entries if entry["lifted_at"] is None and entry["withdrawn_at"] is None]
    return {
        "address": known_as,
        "other_addresses": sorted(session.scalars(others)) if others is not None else [],
        "contact": "Do Not Email" if live else "Active",
        "entries": entries,
        "recipients": _recipients(session, contact, campaign) if contact else [],
    }


def entry_row(entry: DneEntry) -> Row:
    """Return a Do Not Email entry as JSON data."""
    return {
        "target": entry.target,
        "reason": entry.reason.value,
        "since": entry.since,
        "by": entry.actor,
        "note": entry.note,
        "lifted_at": entry.lifted_at,
        "lifted_by": entry.lifted_by,
        "lifted_why": entry.lifted_why,
        "withdrawn_at": entry.withdrawn_at,
    }


_LIVE = (DneEntry.lifted_at.is_(None), DneEntry.withdrawn_at.is_(None))


def _conditions(wanted: Wanted) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.campaign:
        conditions.append(_is_campaign(wanted.campaign))
    if wanted.status:
        conditions.append(Recipient.status == wanted.status)
    if wanted.sequence:
        conditions.append(Recipient.sequence == wanted.sequence)
    if wanted.address:
        conditions.append(Contact.address.contains(wanted.address.strip().lower(), autoescape=True))
    if not wanted.unlisted:
        conditions.append(Recipient.listed.is_(True))
    return conditions


def _is_campaign(name: str) -> ColumnElement[bool]:
    return or_(Campaign.key == name, Campaign.name == name)


def _contact(session: Session, team_id: int, address: str) -> Contact | None:
    """Find a contact by its address, else by another address the person answered from."""
    team = select(Contact).where(Contact.team_id == team_id)
    by_other = team.join(SecondAddress, SecondAddress.contact_id == Contact.id).where(SecondAddress.address == address)
    return session.scalar(team.where(Contact.address == address)) or session.scalar(
        by_other.order_by(Contact.id).limit(1)
    )


def _entries(session: Session, team_id: int, address: str) -> list[Row]:
    query = select(DneEntry).where(DneEntry.team_id == team_id, DneEntry.target.in_(covering(address)))
    return [entry_row(entry) for entry in session.scalars(query.order_by(DneEntry.since, DneEntry.id))]


def _recipients(session: Session, contact: Contact, campaign: str | None) -> list[Row]:
    query = (
        select(Recipient, Campaign.key, Campaign.name)
        .join(Campaign, Campaign.id == Recipient.campaign_id)
        .where(Recipient.contact_id == contact.id)
        .order_by(Campaign.key)
    )
    if campaign:
        query = query.where(_is_campaign(campaign))
    return [
        {
            "campaign": key,
            "campaign_name": name,
            **_standing(recipient),
            "events": _events(session, recipient.id),
            "history": _history(session, recipient.id),
            "reviews": list_reviews(session, contact.team_id, recipient_id=recipient.id),
        }
        for recipient, key, name in session.execute(query)
    ]


def _standing(recipient: Recipient) -> Row:
    return {
        "status": recipient.status.value,
        "sequence": recipient.sequence.value,
        "until": recipient.sequence_until,
        "reason": recipient.sequence_reason.value if recipient.sequence_reason else None,
        "listed": recipient.listed,
    }


def _events(session: Session, recipient_id: int) -> list[Row]:
    sends = select(SentMessage).where(SentMessage.recipient_id == recipient_id)
    mails = (
        select(RecipientEvent, InboundMessage.subject)
        .outerjoin(InboundMessage, InboundMessage.id == RecipientEvent.message_id)
        .where(RecipientEvent.recipient_id == recipient_id)
    )
    rows = [
        {"at": send.sent_at, "event": "sent", "subject": send.subject_key, "send_id": send.send_id, "because": []}
        for send in session.scalars(sends)
    ]
    rows += [_event(event, subject) for event, subject in session.execute(mails)]
    # What we sent comes before what came back within the same second.
    return sorted(rows, key=lambda row: (row["at"], row["event"] != "sent"))


def _event(event: RecipientEvent, subject: str | None) -> Row:
    return {
        "at": event.happened_at,
        "event": event.kind.value,
        "class": event.status.value if event.status else None,
        "bounce": event.bounce.value if event.bounce else None,
        "confidence": event.confidence,
        "sure": event.sure,
        "until": event.until,
        "acts": event.trust.value,
        "subject": subject,
        "message": event.message_id,
        "because": event.because,
        "by": event.actor,
        "retracted_at": event.retracted_at,
    }


def _history(session: Session, recipient_id: int) -> list[Row]:
    query = select(StatusChange).where(StatusChange.recipient_id == recipient_id).order_by(StatusChange.id)
    return [
        {
            "at": change.recorded_at,
            "from": change.from_status.value if change.from_status else None,
            "to": change.to_status.value,
            "from_sequence": change.from_sequence.value if change.from_sequence else None,
            "to_sequence": change.to_sequence.value,
            "because": change.because,
            "by": change.actor,
        }
        for change in session.scalars(query)
    ]


def _review(
    item: ReviewItem, status: Status, address: str, campaign: str, event: RecipientEvent | None, subject: str | None
) -> Row:
    return {
        "id": item.id,
        "kind": item.kind.value,
        "holds": item.holds,
        "address": address,
        "campaign": campaign,
        "status": status.value,
        "guess": event.status.value if event and event.status else None,
        "confidence": event.confidence if event else None,
        "message": event.message_id if event else None,
        "subject": subject,
        "because": event.because if event else [],
        "opened_at": item.opened_at,
    }
