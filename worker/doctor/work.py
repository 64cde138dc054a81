"""Findings about what goes on: whether somebody reads the mail, tells other systems and does what people ask for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from models.tables.handling import BackfillRange, MailboxRequest
from models.tables.mailboxes import Mailbox
from models.tables.outside import Delivery, OutboxEvent, WebhookEndpoint
from worker.errands.requests import PATIENCE, SILENT
from worker.watch.health import Finding, notable, well, wrong
from worker.webhooks.deliver import due

START = "start inbox-worker run, or see in its log what keeps it"
LATE = timedelta(minutes=5)
"""After which what is sent every second is late."""
UNREAD = timedelta(minutes=30)
POLLS = 10
"""Mail counts as unread after this time, or so many polls where that is longer."""


def daemon(session: Session, poll_seconds: int, now: datetime) -> Iterator[Finding]:
    """Find whether anybody reads the mailboxes at all."""
    query = select(func.count(), func.max(Mailbox.last_success_at))
    count, newest = session.execute(query.where(Mailbox.paused_at.is_(None), Mailbox.stopped_at.is_(None))).one()
    if not count:
        return
    if newest is None:
        yield notable("daemon", "no mailbox was read yet", START)
    elif now - newest > max(UNREAD, POLLS * timedelta(seconds=poll_seconds)):
        yield wrong("daemon", f"no mailbox was read since {newest:%Y-%m-%d %H:%MZ}", START)
    else:
        yield well("daemon", f"a mailbox was read at {newest:%Y-%m-%d %H:%M:%SZ}")


def events(session: Session, now: datetime) -> Iterator[Finding]:
    """Find whether events for other systems wait for somebody to see whom they concern."""
    query = select(OutboxEvent.recorded_at).where(OutboxEvent.dispatched_at.is_(None)).order_by(OutboxEvent.id).limit(1)
    oldest = session.scalar(query)
    if oldest is not None and now - oldest > LATE:
        yield wrong("events", f"none was handed on since {oldest:%Y-%m-%d %H:%MZ}", START)


def deliveries(session: Session, now: datetime) -> Iterator[Finding]:
    """Find endpoints to which something should have been sent by now."""
    active = select(WebhookEndpoint.id, WebhookEndpoint.name).where(WebhookEndpoint.paused_at.is_(None))
    for endpoint_id, name in session.execute(active.order_by(WebhookEndpoint.name)):
        for delivery_id in due(session, endpoint_id, now - LATE, 1):
            late = session.get_one(Delivery, delivery_id)
            says = f"deliveries wait since {late.next_attempt_at:%Y-%m-%d %H:%MZ}"
            last = f"; the last error: {late.last_error}" if late.last_error else ""
            yield notable(f"endpoint {name}", says + last, f"run: inbox-worker webhooks test {name}; or {START}")


def requests(session: Session, now: datetime) -> Iterator[Finding]:
    """Find what people asked for in the console and nobody takes up."""
    open_ = MailboxRequest.ended_at.is_(None)
    in_hand = select(func.max(MailboxRequest.seen_at)).where(open_)
    heard = session.scalar(in_hand)
    if heard is not None and abs(now - heard) <= SILENT:
        return  # They wait for their turn.
    waiting = select(func.count(), func.min(MailboxRequest.recorded_at)).where(open_)
    count, oldest = session.execute(waiting.where(MailboxRequest.recorded_at < now - PATIENCE)).one()
    if count:
        says = f"nobody takes up what was asked for in the console: {count}, the oldest of {oldest:%Y-%m-%d %H:%MZ}"
        yield wrong("requests", says, START)


def backfills(session: Session) -> Iterator[Finding]:
    """Find backfills that rest, as a whole or in parts, after an error."""
    query = (
        select(
            Mailbox.name, func.count(BackfillRange.id), func.max(MailboxRequest.error), func.max(BackfillRange.error)
        )
        .join(MailboxRequest, MailboxRequest.mailbox_id == Mailbox.id)
        .outerjoin(
            BackfillRange,
            (BackfillRange.request_id == MailboxRequest.id)
            & BackfillRange.error.is_not(None)
            & BackfillRange.ended_at.is_(None),
        )
        .where(MailboxRequest.ended_at.is_(None), or_(MailboxRequest.error.is_not(None), BackfillRange.id.is_not(None)))
        .group_by(MailboxRequest.id, Mailbox.name)
        .order_by(Mailbox.name)
    )
    for name, parts, whole, of_part in session.execute(query):
        rests = f"{parts} parts rest after an error and are" if parts else "it rests after an error and is"
        says = f"{rests} tried again: {whole or of_part}"
        yield notable(f"backfill {name}", says, f"run: inbox-worker mailboxes check {name}")
