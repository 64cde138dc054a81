"""What Calendly tells of bookings (webhooks v2): who signed it, whose booking it is, and the event it makes."""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, StringConstraints, ValidationError
from sqlalchemy import select
from sqlalchemy.orm import Session

from classifier.decode import normal_address
from config import logs
from models.events import Event, EventKind, Trust
from models.session import insert_new
from models.tables.mailing import Campaign, Contact, Recipient
from models.tables.people import Team
from models.tables.standing import RecipientEvent
from worker.decide import event_key
from worker.errors import InputError
from worker.match import Clues, Family
from worker.matching.links import BOOKING_PARAMETER, Linked, Purpose, find_linked
from worker.matching.lookup import find_sends
from worker.matching.veil import hider
from worker.rules import Rules
from worker.secrets.vault import Vault
from worker.writing.locks import lock, lock_team
from worker.writing.refold import refold
from worker.writing.stored import event_columns, storable
from worker.writing.suppression import erased

log = logs.logger(__name__)

TOLERANCE = timedelta(seconds=180)
"""How far the time of a signature may lie from now; what is older was perhaps recorded by somebody."""
LONGEST_BOOKING = 200
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
CALENDLY = "calendly"

_KINDS = {"invitee.created": EventKind.BOOKED, "invitee.canceled": EventKind.BOOKING_CANCELLED}
_FIELD = re.compile(r"\s*(t|v1)=([0-9a-zA-Z]+)\s*")
_TIME = re.compile(r"[0-9]{1,12}")


class Heard(StrEnum):
    """What became of a webhook."""

    RECORDED = "recorded"
    KNOWN = "known"
    """It was told before."""
    NOBODY = "nobody"
    """It is about nobody whom the team mailed."""
    IGNORED = "ignored"
    """It is no booking and no cancellation."""


class _Tracking(BaseModel):
    utm_content: str | None = None


class _Cancellation(BaseModel):
    created_at: AwareDatetime | None = None


class _Invitee(BaseModel):
    uri: Annotated[str, StringConstraints(min_length=1, max_length=2_000)]
    email: str | None = None
    created_at: AwareDatetime | None = None
    tracking: _Tracking | None = None
    cancellation: _Cancellation | None = None


class _Webhook(BaseModel):
    event: str
    created_at: AwareDatetime | None = None


class _Booking(_Webhook):
    payload: _Invitee


@dataclass(frozen=True, slots=True)
class _Whose:
    """A recipient a booking belongs to, and what says so."""

    recipient_id: int
    contact_id: int
    address: str
    campaign: str
    trust: Trust
    because: str


def is_signed(key: str, signature: str, body: bytes, now: datetime) -> bool:
    """Say whether Calendly signed these bytes just now.

    Args:
        key: the signing key of the webhook subscription.
        signature: the header Calendly-Webhook-Signature: t=UNIX,v1=HEX; several v1 while keys change.
        body: as it was received.
        now: aware UTC.
    """
    fields = [found.groups() for part in signature.split(",") if (found := _FIELD.fullmatch(part))]
    times = [value for name, value in fields if name == "t"]
    if len(times) != 1 or not _TIME.fullmatch(times[0]):
        return False
    expected = hmac.new(key.encode(), times[0].encode() + b"." + body, hashlib.sha256).hexdigest()
    fits = [hmac.compare_digest(value.lower(), expected) for name, value in fields if name == "v1"]
    return any(fits) and abs(now.timestamp() - int(times[0])) <= TOLERANCE.total_seconds()


def signing_team(session: Session, name: str, vault: Vault) -> tuple[int, str] | None:
    """Return the id of a team and the key that signs its bookings, or None where it has none.

    Raises:
        InputError: the key is encrypted, and the vault lacks the key for it.
    """
    row = session.execute(select(Team.id, Team.calendly_key).where(Team.name == name)).one_or_none()
    return (row[0], vault.open(row[1])) if row is not None and row[1] else None


def hear_booking(session: Session, rules: Rules, body: bytes, now: datetime) -> Heard:
    """Record a booking, or that one was cancelled; whoever told it was verified (`is_signed`).

    A token in the booking link says whose it is; otherwise the address does, and a person is asked.

    Args:
        session: inside a write transaction.
        rules: the team and its settings.
        body: the webhook.
        now: aware UTC.

    Raises:
        InputError: the body is no webhook of Calendly.
    """
    booking = _read(body)
    if booking is None:
        return Heard.IGNORED
    kind = _KINDS[booking.event]
    # Sends that arrive at this moment would not be seen, and the contacts' locks come after the team's.
    lock_team(session, rules.team_id, exclusive=False)
    whose = _whose(session, rules, booking, kind, now)
    if not whose:
        log.warning(
            "booking_of_nobody",
            says="{kind} of {uri!r}: nobody this team mailed",
            kind=booking.event,
            uri=booking.payload.uri,
        )
        return Heard.NOBODY
    locked = lock(session, {each.contact_id for each in whose})
    new = insert_new(session, RecipientEvent, [_row(each, booking, kind, now) for each in whose])
    refold(session, locked, now)
    return Heard.RECORDED if new else Heard.KNOWN


def _read(body: bytes) -> _Booking | None:
    """Return a booking or a cancellation, None for whatever else Calendly may tell."""
    try:
        if _Webhook.model_validate_json(body).event not in _KINDS:
            return None
        return _Booking.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "the body"
        raise InputError(f"no webhook of Calendly (version 2): {where}: {first['msg']}") from None


def _row(whose: _Whose, booking: _Booking, kind: EventKind, now: datetime) -> dict[str, object]:
    uri = storable(booking.payload.uri)
    event = Event(
        kind=kind,
        happened_at=_happened_at(booking, now),
        key=event_key(uri, kind, whose.campaign, whose.address),
        booking_id=_booking_id(uri),
        trust=whose.trust,
    )
    return event_columns(event) | {
        "recipient_id": whose.recipient_id,
        "because": [f"Calendly: {booking.event}", whose.because],
        "actor": CALENDLY,
        "recorded_at": now,
    }


def _happened_at(booking: _Booking, now: datetime) -> datetime:
    """Return when it was booked or cancelled; a clock that is ahead makes nothing happen in the future."""
    cancelled = booking.payload.cancellation.created_at if booking.payload.cancellation else None
    said = (
        (booking.payload.created_at, booking.created_at)
        if booking.event == "invitee.created"
        else (cancelled, booking.created_at, booking.payload.created_at)
    )
    told = next((each for each in said if each is not None), now)
    return min(max(told, EARLIEST), now).astimezone(UTC)


def _booking_id(uri: str) -> str:
    return uri if len(uri) <= LONGEST_BOOKING else hashlib.sha256(storable(uri).encode()).hexdigest()


def _whose(session: Session, rules: Rules, booking: _Booking, kind: EventKind, now: datetime) -> list[_Whose]:
    told = _by_token(session, rules, booking.payload.tracking)
    booked = _known(session, rules.team_id, booking)
    # A booking that is known stays where it is, whatever was sent since; its cancellation goes there.
    if booked and (kind is EventKind.BOOKING_CANCELLED or not told):
        return booked
    return told or _by_address(session, rules, booking.payload, _happened_at(booking, now))


def _known(session: Session, team_id: int, booking: _Booking) -> list[_Whose]:
    """Return everybody whose booking this is."""
    booking_id = _booking_id(storable(booking.payload.uri))
    query = (
        select(Recipient.id, Recipient.contact_id, Contact.address, Campaign.key)
        .join(Contact, Contact.id == Recipient.contact_id)
        .join(Campaign, Campaign.id == Recipient.campaign_id)
        .join(RecipientEvent, RecipientEvent.recipient_id == Recipient.id)
        .where(
            Contact.team_id == team_id,
            RecipientEvent.kind == EventKind.BOOKED,
            RecipientEvent.booking_id.in_({booking_id, hider(session)(booking_id)}),
        )
        .distinct()
    )
    return [
        _Whose(recipient_id, contact_id, address, campaign, Trust.ACTS, "the booking of this recipient")
        for recipient_id, contact_id, address, campaign in session.execute(query)
    ]


def _by_token(session: Session, rules: Rules, tracking: _Tracking | None) -> list[_Whose]:
    token = (tracking.utm_content or "").strip() if tracking else ""
    linked = find_linked(session, rules.link_keys, Purpose.BOOKING, [token]).get(token)
    if linked is None or linked.team_id != rules.team_id:
        return []
    return [_of(linked, Trust.ACTS, f"{BOOKING_PARAMETER} of the booking link")]


def _of(linked: Linked, trust: Trust, because: str) -> _Whose:
    return _Whose(linked.recipient_id, linked.contact_id, linked.address, linked.campaign, trust, because)


def _by_address(session: Session, rules: Rules, invitee: _Invitee, at: datetime) -> list[_Whose]:
    """Return the recipient of the latest mail to the invitee's address until then, also where it is a second one."""
    address = storable(normal_address(invitee.email or ""))
    address = erased(session, rules.team_id, [address]).get(address, address)
    sends = find_sends(session, rules.team_id, [Clues(family=Family.REPLY, from_address=address)])
    before = [send for send in sends.by_address.get(address, ()) if send.sent_at <= at]
    if not before:
        return []
    latest = max(before, key=lambda send: (send.sent_at, send.send_id))
    campaign = session.get_one(Campaign, latest.campaign_id).key
    because = f"the invitee is {address}; no link of ours says whose booking it is"
    return [_Whose(latest.recipient_id, latest.contact_id, latest.address, campaign, Trust.SUGGESTS, because)]
