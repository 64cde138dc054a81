"""Which daemon carries out which request: claimed, kept by saying so again and again, handed back or ended.

A claim is known by the time at which it was renewed last. Whoever finds another time there has lost it: another took
it up, a person ended it, or the mailbox is gone.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Engine, or_, select, update
from sqlalchemy.orm import Session

from models.session import reading, transaction
from models.tables.handling import MailboxRequest, Wish
from models.tables.mailboxes import Mailbox
from worker.errands.range_sums import end_stopped
from worker.errands.requests import SILENT


@dataclass(frozen=True, slots=True)
class Waiting:
    """A request that nobody carries out."""

    request_id: int
    mailbox_id: int
    team_id: int
    host: str
    wish: Wish


@dataclass(slots=True)
class Claim:
    """A request that this daemon carries out, and how far it was when it was claimed."""

    request_id: int
    mailbox_id: int
    wish: Wish
    since: date | None
    seen_at: datetime
    coming: int = 0
    done: int = 0
    result: dict[str, Any] = field(default_factory=dict)


def waiting(engine: Engine, now: datetime) -> list[Waiting]:
    """Return the requests that nobody carries out, the oldest first."""
    query = (
        select(MailboxRequest.id, MailboxRequest.mailbox_id, Mailbox.team_id, Mailbox.host, MailboxRequest.wish)
        .join(Mailbox, Mailbox.id == MailboxRequest.mailbox_id)
        .where(MailboxRequest.ended_at.is_(None), _is_free(now))
        .order_by(MailboxRequest.id)
    )
    with reading(engine) as session:
        return [Waiting(*row) for row in session.execute(query)]


def claim(engine: Engine, request_id: int, now: datetime) -> Claim | None:
    """Claim a request; None where it is another's by now, or was to be stopped, with which it ends."""
    with transaction(engine) as session:
        if not _written(session, _is_free(now), request_id, {"seen_at": now}):
            return None
        request = session.scalars(select(MailboxRequest).where(MailboxRequest.id == request_id)).one()
        if request.stop_at:
            end_stopped(session, request, now)
            return None
        request.started_at, request.error = request.started_at or now, None
        # What is known to come is counted anew, behind what was done before.
        request.coming = request.done
        return Claim(
            request_id, request.mailbox_id, request.wish, request.since, now,
            request.coming, request.done, dict(request.result or {}),
        )  # fmt: skip


def told_to_stop(engine: Engine, request_ids: Collection[int]) -> set[int]:
    """Return those of the requests that a person wants to be stopped."""
    query = select(MailboxRequest.id).where(MailboxRequest.id.in_(request_ids), MailboxRequest.stop_at.is_not(None))
    with reading(engine) as session:
        return set(session.scalars(query))


def renew(engine: Engine, claims: Sequence[tuple[Claim, Mapping[str, Any]]], now: datetime) -> list[Claim]:
    """Say of every claim that it is worked on, and how far it is; return those that were lost."""
    with transaction(engine) as session:
        kept = [_written(session, _is(each), each.request_id, {**said, "seen_at": now}) for each, said in claims]
    for (each, _), is_kept in zip(claims, kept, strict=True):
        if is_kept:
            each.seen_at = now
    return [each for (each, _), is_kept in zip(claims, kept, strict=True) if not is_kept]


def hand_back(engine: Engine, claim: Claim, said: Mapping[str, Any]) -> None:
    """Leave a request to whoever takes it up next, maybe later this one."""
    with transaction(engine) as session:
        _written(session, _is(claim), claim.request_id, {**said, "seen_at": None})


def end(engine: Engine, claim: Claim, said: Mapping[str, Any], now: datetime) -> None:
    """Write down what came of a request."""
    with transaction(engine) as session:
        _written(session, _is(claim), claim.request_id, {**said, "seen_at": now, "ended_at": now})


def _is_free(now: datetime) -> ColumnElement[bool]:
    seen_at = MailboxRequest.seen_at
    return or_(seen_at.is_(None), seen_at < now - SILENT, seen_at > now + SILENT)


def _is(claim: Claim) -> ColumnElement[bool]:
    return MailboxRequest.seen_at == claim.seen_at


def _written(session: Session, condition: ColumnElement[bool], request_id: int, said: Mapping[str, Any]) -> bool:
    """Change an open request where the condition still holds; return whether it did."""
    changed = (
        update(MailboxRequest)
        .where(MailboxRequest.id == request_id, MailboxRequest.ended_at.is_(None), condition)
        .values(said)
        .returning(MailboxRequest.id)
    )
    return session.scalar(changed) is not None
