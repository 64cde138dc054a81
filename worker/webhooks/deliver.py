"""Delivers events to endpoints: claims a delivery, sends it, and marks what came of it.

Of each endpoint and subject only the first event that is still pending is due, so a subject's events arrive in order,
and one that fails holds up the later ones of its own subject alone. A claim pushes the next attempt ahead: nobody else
has the delivery in hand, and after a crash it is sent again with the same webhook-id.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from random import Random
from typing import Any

from sqlalchemy import ColumnElement, exists, func, literal, literal_column, select, tuple_, update
from sqlalchemy.orm import Session

from config import logs
from models.base import UtcDateTime
from models.tables.outside import Delivery, DeliveryState, OutboxEvent, WebhookEndpoint
from worker.errors import InputError
from worker.secrets.signing import sign
from worker.secrets.vault import Vault
from worker.webhooks.guard import Target, target_of
from worker.webhooks.post import Answer, Line

CLAIM = timedelta(minutes=5)
"""Longer than any request may take, a slow resolver included."""
PAGE = 500
FIRST_PAUSE = 5.0
LONGEST_PAUSE = 3_600.0
GIVEN_UP_AFTER = timedelta(hours=24)
"""From the first attempt."""
BUSY = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})

# Written out, for a partial index is used only where the condition is no variable.
_PENDING: ColumnElement[Any] = literal_column(f"'{DeliveryState.PENDING.value}'")

log = logs.logger(__name__)


@dataclass(frozen=True, slots=True)
class Claim:
    """A delivery in the hands of this thread: what to send, and what to sign it with."""

    delivery_id: int
    endpoint_id: int
    attempts: int
    """This one included; also says whether the delivery is still in our hands."""
    first_attempt_at: datetime
    message_id: str
    body: bytes
    sealed_secret: str = field(repr=False)
    """As it is stored; opened only where it signs."""


def due(session: Session, endpoint_id: int, now: datetime, most: int) -> list[int]:
    """Return deliveries of an endpoint that are to be sent now, the longest due first, at most `most`.

    Each is the first of its subject that is pending, and stays so until it is settled: a later event of a subject is
    never dispatched before an earlier one. What waits behind a failing one is passed over, page by page.
    """
    mine = (Delivery.endpoint_id == endpoint_id, Delivery.state == _PENDING)
    query = select(Delivery.id, Delivery.subject, Delivery.event_id, Delivery.next_attempt_at)
    query = query.where(*mine, Delivery.next_attempt_at <= now).order_by(Delivery.next_attempt_at, Delivery.id)
    found: list[int] = []
    first: dict[str, int] = {}
    page = session.execute(query.limit(PAGE)).all()
    while page and len(found) < most:
        # Two plain statements and no join: a join is planned by statistics, which a burst of events leaves behind.
        firsts = select(Delivery.subject, func.min(Delivery.event_id).label("event_id")).group_by(Delivery.subject)
        unknown = {row.subject for row in page} - first.keys()
        rows = session.execute(firsts.where(*mine, Delivery.subject.in_(unknown))) if unknown else ()
        first |= {row.subject: row.event_id for row in rows}
        found += [row.id for row in page if first.get(row.subject) == row.event_id]
        behind = tuple_(Delivery.next_attempt_at, Delivery.id) > (page[-1].next_attempt_at, page[-1].id)
        page = session.execute(query.where(behind).limit(PAGE)).all() if len(page) == PAGE else []
    return found[:most]


def claim(session: Session, delivery_id: int, now: datetime, due_at: datetime | None = None) -> Claim | None:
    """Take a delivery that was `due` into this thread's hands; None where somebody else has it, or it is paused.

    Args:
        session: inside a write transaction.
        delivery_id: which delivery.
        now: aware UTC.
        due_at: only if it is due since then, for whoever makes one attempt at each; default: now.
    """
    active = exists().where(WebhookEndpoint.id == Delivery.endpoint_id, WebhookEndpoint.paused_at.is_(None))
    taken = session.execute(
        update(Delivery)
        .where(
            Delivery.id == delivery_id, Delivery.state == _PENDING, Delivery.next_attempt_at <= (due_at or now), active
        )
        .values(
            next_attempt_at=now + CLAIM,
            attempts=Delivery.attempts + 1,
            first_attempt_at=func.coalesce(Delivery.first_attempt_at, literal(now, UtcDateTime())),
        )
        .returning(Delivery.endpoint_id, Delivery.event_id, Delivery.attempts, Delivery.first_attempt_at)
        .execution_options(synchronize_session=False)
    ).one_or_none()
    if taken is None:
        return None
    event = session.get_one(OutboxEvent, taken.event_id)
    secret = session.scalars(select(WebhookEndpoint.secret).where(WebhookEndpoint.id == taken.endpoint_id)).one()
    return Claim(
        delivery_id,
        taken.endpoint_id,
        taken.attempts,
        taken.first_attempt_at,
        message_id_of(event),
        body_of(event.type.value, event.recorded_at, event.payload),
        secret,
    )


def send(line: Line, claimed: Claim, vault: Vault, now: datetime) -> Answer:
    """Send a claimed delivery; a failure that nobody foresaw is an answer too, so that it is not tried for ever."""
    try:
        secret = vault.open(claimed.sealed_secret)
        return line.post(claimed.body, sign(secret, claimed.message_id, claimed.body, now))
    except InputError as error:
        return Answer(None, str(error))
    except Exception as error:
        log.exception(
            "delivery_failed",
            says="delivery {delivery} could not be sent",
            delivery=claimed.delivery_id,
            endpoint=claimed.endpoint_id,
        )
        return Answer(None, f"{type(error).__name__}: {error}")


def settle(session: Session, claimed: Claim, answer: Answer, now: datetime, random: Random) -> timedelta | None:
    """Mark what came of a delivery; return for how long its endpoint is to be left alone, None: not at all.

    A delivery that is no longer in our hands (claimed by another after we hung) is left to whoever has it.
    """
    if answer.well:
        _mark(session, claimed, state=DeliveryState.DELIVERED, delivered_at=now, last_error=None)
        return None
    pause = _pause(claimed.attempts, answer, now, random)
    given_up_at = claimed.first_attempt_at + GIVEN_UP_AFTER
    state = DeliveryState.DEAD if now >= given_up_at else DeliveryState.PENDING
    _mark(
        session,
        claimed,
        state=state,
        # The last attempt is made at the end of the time, not a long pause before or after it.
        next_attempt_at=min(now + pause, given_up_at) if state is DeliveryState.PENDING else now,
        last_error=str(answer),
    )
    if answer.status == HTTPStatus.GONE:
        # In the same transaction, so nobody tries before a person resumes the endpoint, and then at once.
        gone = update(WebhookEndpoint).where(
            WebhookEndpoint.id == claimed.endpoint_id, WebhookEndpoint.paused_at.is_(None)
        )
        session.execute(gone.values(paused_at=now).execution_options(synchronize_session=False))
    if answer.status is None:
        return timedelta(seconds=FIRST_PAUSE)
    return pause if answer.status in BUSY else None


def _mark(session: Session, claimed: Claim, **values: Any) -> None:
    mine = Delivery.attempts == claimed.attempts
    session.execute(
        update(Delivery)
        .where(Delivery.id == claimed.delivery_id, Delivery.state == _PENDING, mine)
        .values(**values)
        .execution_options(synchronize_session=False)
    )


def _pause(attempts: int, answer: Answer, now: datetime, random: Random) -> timedelta:
    """Return the time to the next attempt: ever longer, with chance in it; what the endpoint asks for where it does."""
    if answer.status == HTTPStatus.GONE:
        return timedelta(0)
    seconds = min(FIRST_PAUSE * 2 ** min(attempts - 1, 20), LONGEST_PAUSE) * random.uniform(0.8, 1.2)
    if answer.status in BUSY and answer.retry_after:
        seconds = max(seconds, min(_seconds(answer.retry_after, now), LONGEST_PAUSE))
    return timedelta(seconds=seconds)


def _seconds(retry_after: str, now: datetime) -> float:
    """Read Retry-After (RFC 9110): seconds, or a date; 0 where it is neither, or no date that a calendar has."""
    if retry_after.strip().isascii() and retry_after.strip().isdigit():
        return float(retry_after)
    try:
        until = parsedate_to_datetime(retry_after)
    except (ValueError, OverflowError):
        return 0.0
    return (until.replace(tzinfo=until.tzinfo or UTC) - now).total_seconds()


def message_id_of(event: OutboxEvent) -> str:
    """Return the event's id for receivers: stable for the event, and another one in a database made anew."""
    return f"msg_{event.id}_{event.recorded_at:%Y%m%d%H%M%S}"


def body_of(kind: str, at: datetime, data: dict[str, Any]) -> bytes:
    """Return what is sent about an event: the same bytes at each attempt."""
    told = {"type": kind, "timestamp": at.isoformat().replace("+00:00", "Z"), "data": data}
    return json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode("utf-8")


def target_in(session: Session, endpoint_id: int) -> Target | None:
    """Return where an endpoint lies; None where it is paused or gone.

    Raises:
        InputError: its URL, which somebody wrote by other means, is none.
    """
    endpoint = session.get(WebhookEndpoint, endpoint_id)
    if endpoint is None or endpoint.paused_at is not None:
        return None
    return target_of(endpoint.url, allow_private=endpoint.allow_private)
