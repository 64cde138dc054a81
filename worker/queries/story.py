"""Reads what is known about recipients, for every front end, as plain rows; writes nothing."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, literal, or_, select, tuple_
from sqlalchemy.orm import InstrumentedAttribute, Session

from models.events import ReviewKind, SequenceState, Status
from models.tables.mail import InboundMessage
from models.tables.mailing import Campaign, Contact, Recipient
from models.tables.standing import DneEntry, RecipientEvent, ReviewItem
from worker.errors import NotFoundError
from worker.writing.suppression import suppressed

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
    after: int | None = None,
    limit: int | None = None,
) -> list[Row]:
    """Return open review items, the most urgent first, or with `teaching` what teaches most (`worker.writing.urgency`).

    Args:
        session: any.
        team_id: whose.
        kind: only of this kind.
        campaign: only of this campaign, by its key or name.
        recipient_id: only of this recipient.
        teaching: the order.
        after: only those that stand behind this item, which may be settled by now.
        limit: at most so many.

    Raises:
        InputError: there is no item `after`.
    """
    order: _Order = (ReviewItem.lesson if teaching else ReviewItem.urgency, ReviewItem.opened_at, ReviewItem.id)
    some = select(ReviewItem.id).where(ReviewItem.team_id == team_id, ReviewItem.closed_at.is_(None))
    if kind:
        some = some.where(ReviewItem.kind == kind)
    if campaign:
        some = some.where(_of_one(ReviewItem.campaign_id, _campaigns(session, team_id, campaign)))
    if recipient_id:
        some = some.where(ReviewItem.recipient_id == recipient_id)
    if after is not None:
        some = some.where(tuple_(*order) > _place_of(session, team_id, after, order))
    # The first are found before anything is joined: the index that knows the order has everything that is asked.
    first = some.order_by(*order).limit(limit).subquery()
    query = _REVIEWS.join(first, first.c.id == ReviewItem.id).order_by(*order)
    return [_review(*row) for row in session.execute(query)]


def review_of(session: Session, team_id: int, item_id: int) -> Row:
    """Return one review item, open or settled (`settled_at`).

    Raises:
        InputError: the team has no such item.
    """
    row = session.execute(_REVIEWS.where(ReviewItem.id == item_id, ReviewItem.team_id == team_id)).one_or_none()
    if row is None:
        raise no_item(item_id)
    return _review(*row) | {"settled_at": row.ReviewItem.closed_at}


def no_item(item_id: int) -> NotFoundError:
    """Return the error that the team has no such review item."""
    return NotFoundError(f"no review item {item_id} in this team; inbox-worker review list shows the open ones")


_Order = Sequence[InstrumentedAttribute[Any]]
_REVIEWS = (
    select(ReviewItem, Recipient, Contact.address, Campaign, RecipientEvent, InboundMessage.subject)
    .join(Recipient, Recipient.id == ReviewItem.recipient_id)
    .join(Contact, Contact.id == Recipient.contact_id)
    .join(Campaign, Campaign.id == Recipient.campaign_id)
    .outerjoin(
        RecipientEvent,
        and_(RecipientEvent.recipient_id == ReviewItem.recipient_id, RecipientEvent.key == ReviewItem.event_key),
    )
    .outerjoin(InboundMessage, InboundMessage.id == RecipientEvent.message_id)
)


def _campaigns(session: Session, team_id: int, name: str) -> Sequence[int]:
    return session.scalars(select(Campaign.id).where(Campaign.team_id == team_id, is_campaign(name))).all()


def _of_one(column: InstrumentedAttribute[int], ids: Sequence[int]) -> ColumnElement[bool]:
    # PostgreSQL keeps the order of an index only where one value is asked for.
    return column == ids[0] if len(ids) == 1 else column.in_(ids)


def _place_of(session: Session, team_id: int, item_id: int, order: _Order) -> ColumnElement[Any]:
    place = session.execute(select(*order).where(ReviewItem.id == item_id, ReviewItem.team_id == team_id)).one_or_none()
    if place is None:
        raise no_item(item_id)
    return tuple_(*(literal(value, column.type) for value, column in zip(place, order, strict=True)))


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
    item: ReviewItem,
    recipient: Recipient,
    address: str,
    campaign: Campaign,
    event: RecipientEvent | None,
    subject: str | None,
) -> Row:
    return {
        "id": item.id,
        "kind": item.kind.value,
        "holds": item.holds,
        "address": address,
        "recipient": recipient.id,
        "campaign": campaign.key,
        "campaign_name": campaign.name,
        "status": recipient.status.value,
        "sequence": recipient.sequence.value,
        "event": event.kind.value if event else None,
        "guess": event.status.value if event and event.status else None,
        "confidence": event.confidence if event else None,
        "message": event.message_id if event else None,
        "subject": subject,
        "because": event.because if event else [],
        "opened_at": item.opened_at,
    }
