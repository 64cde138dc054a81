"""Reads what is known about recipients, for every front end, as plain rows; writes nothing."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, or_, select
from sqlalchemy.orm import Session

from models.events import ONLY_ASKED, ReviewKind, SequenceState, Status
from models.tables import (
    Campaign,
    Contact,
    DneEntry,
    InboundMessage,
    Recipient,
    RecipientEvent,
    ReviewItem,
)
from worker.suppression import suppressed

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
        {"address": address, "campaign": key, **standing_row(recipient), "do_not_email": banned.get(address, [])}
        for recipient, address, key in rows
    ]


def live_targets(session: Session, team_id: int, addresses: Collection[str]) -> dict[str, list[str]]:
    """Return address -> the targets of the live Do Not Email entries that cover it; only addresses that have one."""
    return {
        address: list(dict.fromkeys(each.target for each in covers))
        for address, covers in suppressed(session, team_id, addresses).items()
    }


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
        query = query.where(is_campaign(campaign))
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


def _conditions(wanted: Wanted) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.campaign:
        conditions.append(is_campaign(wanted.campaign))
    if wanted.status:
        conditions.append(Recipient.status == wanted.status)
    if wanted.sequence:
        conditions.append(Recipient.sequence == wanted.sequence)
    if wanted.address:
        conditions.append(Contact.address.contains(wanted.address.strip().lower(), autoescape=True))
    if not wanted.unlisted:
        conditions.append(Recipient.listed.is_(True))
    return conditions


def is_campaign(name: str) -> ColumnElement[bool]:
    """Return the condition that a campaign is meant by its key or name."""
    return or_(Campaign.key == name, Campaign.name == name)


def standing_row(recipient: Recipient) -> Row:
    """Return how a recipient stands as JSON data."""
    return {
        "status": recipient.status.value,
        "sequence": recipient.sequence.value,
        "until": recipient.sequence_until,
        "reason": recipient.sequence_reason.value if recipient.sequence_reason else None,
        "listed": recipient.listed,
    }


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
