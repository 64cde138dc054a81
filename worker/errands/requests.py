"""What people ask the daemon to do with a mailbox: asking, stopping, and how far it is; `worker.errands` does it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from config import logs
from models.tables.handling import MailboxRequest, Wish
from models.tables.mailboxes import Mailbox
from worker.act import Act
from worker.errands.range_sums import end_stopped
from worker.errors import InputError, NotFoundError
from worker.queries.mailboxes import mailbox_in

Row = dict[str, Any]

log = logs.logger(__name__)

SILENT: Final = timedelta(minutes=2)
"""After so long a silence nobody carries a request out any more, and another may."""
PATIENCE: Final = timedelta(minutes=1)
"""How long a request may wait before somebody is asked to look after the daemon."""


def ask(session: Session, team_id: int, mailbox_id: int, wish: Wish, act: Act, since: date | None = None) -> int:
    """Ask the daemon for something and return the request's id; an open one of the same kind is not asked for twice.

    Args:
        session: inside a write transaction.
        team_id: whose mailbox it is.
        mailbox_id: which.
        wish: what is wanted.
        act: who asks, and when.
        since: of a backfill: only mail that arrived on this day or later.

    Raises:
        InputError: no such mailbox, it is not polled, a day that makes no sense, or another backfill is under way.
    """
    mailbox = mailbox_in(session, team_id, mailbox_id)
    _see_sense(mailbox, wish, act, since)
    # Whoever else asks for this mailbox meanwhile waits, and finds the request that is made here.
    session.execute(select(Mailbox.id).where(Mailbox.id == mailbox_id).with_for_update(key_share=True))
    before = session.scalar(
        select(MailboxRequest).where(
            MailboxRequest.mailbox_id == mailbox_id, MailboxRequest.wish == wish, MailboxRequest.ended_at.is_(None)
        )
    )
    if before is not None:
        _see_same(mailbox, before, since)
        return before.id
    request = MailboxRequest(mailbox_id=mailbox_id, wish=wish, since=since, actor=act.by, recorded_at=act.at)
    session.add(request)
    session.flush()
    log.info(
        "request_made",
        says="mailbox {mailbox}: {wish} asked for by {by} (request {request})",
        mailbox=mailbox.name,
        wish=wish,
        by=act.by,
        request=request.id,
    )
    return request.id


def stop(session: Session, team_id: int, request_id: int, act: Act) -> None:
    """Stop what was asked for: at once where nobody has begun it, else as soon as the batch in hand is done.

    Raises:
        NotFoundError: the team has no such request.
    """
    request, mailbox = _found(session, team_id, request_id)
    session.refresh(request, with_for_update=True)
    if request.ended_at is not None:
        return
    request.stop_at = request.stop_at or act.at
    if not is_in_hand(request, act.at):
        end_stopped(session, request, act.at)
    log.info(
        "request_stopped",
        says="mailbox {mailbox}: {wish} stopped by {by} (request {request})",
        mailbox=mailbox,
        wish=request.wish,
        by=act.by,
        request=request.id,
    )


def request_of(session: Session, team_id: int, request_id: int, now: datetime) -> Row:
    """Return a request and how far it is.

    Raises:
        NotFoundError: the team has no such request.
    """
    request, mailbox = _found(session, team_id, request_id)
    return _row(request, mailbox, now, _heard_of(session, now))


def requests_of(session: Session, team_id: int, mailbox_id: int, limit: int, now: datetime) -> list[Row]:
    """Return at most `limit` requests of a mailbox, the newest first.

    Raises:
        NotFoundError: the team has no such mailbox.
    """
    name = mailbox_in(session, team_id, mailbox_id).name
    query = select(MailboxRequest).where(MailboxRequest.mailbox_id == mailbox_id)
    requests: Sequence[MailboxRequest] = session.scalars(query.order_by(MailboxRequest.id.desc()).limit(limit)).all()
    busy = _heard_of(session, now)
    return [_row(request, name, now, busy) for request in requests]


def is_in_hand(request: MailboxRequest, now: datetime) -> bool:
    """Say whether somebody carries the request out: a clock that was wrong leads as far ahead as behind."""
    return request.ended_at is None and request.seen_at is not None and abs(now - request.seen_at) <= SILENT


def state_of(request: MailboxRequest, now: datetime) -> str:
    """Return how a request stands, in a word."""
    if request.ended_at is None:
        if request.stop_at:
            return "stopping"
        return "running" if is_in_hand(request, now) else "waiting"
    if request.error:
        return "failed"
    whole = request.result is not None and not request.result.get("more")
    return "stopped" if request.stop_at and not whole else "done"


def _see_sense(mailbox: Mailbox, wish: Wish, act: Act, since: date | None) -> None:
    if wish is Wish.POLL and (mailbox.paused_at or mailbox.stopped_at):
        how = "paused" if mailbox.paused_at else "not polled, as it was not let in"
        raise InputError(f"{mailbox.name} is {how}; resume it, then it is polled at once")
    if since and wish is not Wish.BACKFILL:
        raise InputError(f"only a backfill takes a day; a {wish.value} of {mailbox.name} takes none")
    if since and since > act.at.date():
        raise InputError(f"{since} is still to come; give the day from which on mail is to be read, or none for all")


def _see_same(mailbox: Mailbox, before: MailboxRequest, since: date | None) -> None:
    if before.stop_at:
        raise InputError(f"the {before.wish.value} of {mailbox.name} is being stopped; ask again when it has ended")
    if before.since != since:
        other = f"since {before.since}" if before.since else "of all its mail"
        raise InputError(f"a backfill of {mailbox.name} {other} is under way; stop it first, or wait for its end")


def _found(session: Session, team_id: int, request_id: int) -> tuple[MailboxRequest, str]:
    query = (
        select(MailboxRequest, Mailbox.name)
        .join(Mailbox, Mailbox.id == MailboxRequest.mailbox_id)
        .where(MailboxRequest.id == request_id, Mailbox.team_id == team_id)
    )
    found = session.execute(query).one_or_none()
    if found is None:
        raise NotFoundError(f"no request {request_id}; it goes with its mailbox")
    return found[0], found[1]


def _heard_of(session: Session, now: datetime) -> bool:
    """Say whether any request is being carried out, so that those that wait only wait for their turn."""
    last = session.scalar(select(func.max(MailboxRequest.seen_at)).where(MailboxRequest.ended_at.is_(None)))
    return last is not None and abs(now - last) <= SILENT


def _row(request: MailboxRequest, mailbox: str, now: datetime, busy: bool) -> Row:  # noqa: FBT001 - of the moment
    result = request.result or {}
    ended = request.ended_at is not None
    return {
        "id": request.id,
        "mailbox_id": request.mailbox_id,
        "mailbox": mailbox,
        "wish": request.wish.value,
        "since": request.since,
        "by": request.actor,
        "asked_at": request.recorded_at,
        "started_at": request.started_at,
        "ended_at": request.ended_at,
        "state": state_of(request, now),
        "open": not ended,
        "says": None if ended else _says(request, now, busy=busy),
        "done": request.done,
        "coming": request.coming,
        "findings": result.get("findings", []),
        "counts": result.get("counts"),
        "error": request.error if ended else None,
    }


def _says(request: MailboxRequest, now: datetime, *, busy: bool) -> str | None:
    """Return why a request waits, where that is worth a sentence."""
    if is_in_hand(request, now):
        return None
    if request.error:
        return request.error
    if busy:
        return "waiting for its turn: others are being carried out"
    if now - request.recorded_at < PATIENCE:
        return None
    return "waiting for the daemon: is it running? (inbox-worker run)"
