"""Reads how the mailboxes of a team fare, those first that fare worst, each with what to do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from models.tables.mailboxes import Mailbox
from worker.watch.health import STATE, how_to_go_on, state_of, why_stopped

MOST_MAILBOXES = 10
"""That are told of one by one."""
LONGEST_ERROR = 300

WORST_FIRST = ("stopped", "failing", "trying again", "not polled yet", "well", "paused")


@dataclass(frozen=True, slots=True)
class MailboxHealth:
    """How a mailbox fares, and what to do where it does not fare well."""

    id: int
    name: str
    state: str
    last_success_at: datetime | None
    delay: timedelta | None
    """Time since it was read; what arrived meanwhile is not known yet."""
    backlog: int | None
    """Messages that the last poll left for the next one; None: not known."""
    says: str | None
    step: str | None


@dataclass(frozen=True, slots=True)
class Mailboxes:
    """How many are in which state, and those first that fare worst."""

    states: dict[str, int]
    worst: list[MailboxHealth]


def mailbox_health(session: Session, team_id: int, now: datetime) -> Mailboxes:
    """Count the mailboxes of a team by state, and say of the worst what is the matter."""
    order = case({state: place for place, state in enumerate(WORST_FIRST)}, value=STATE)
    numbers = select(STATE, func.count()).where(Mailbox.team_id == team_id).group_by(STATE).order_by(order)
    worst = select(Mailbox).where(Mailbox.team_id == team_id).order_by(order, Mailbox.name).limit(MOST_MAILBOXES)
    return Mailboxes(
        {row[0]: row[1] for row in session.execute(numbers)},
        [_health(mailbox, now) for mailbox in session.scalars(worst)],
    )


def _health(mailbox: Mailbox, now: datetime) -> MailboxHealth:
    state, read_at = state_of(mailbox), mailbox.last_success_at
    says = step = None
    if state == "stopped":
        says, step = why_stopped(mailbox, LONGEST_ERROR), how_to_go_on(mailbox)
    elif state in {"failing", "trying again"}:
        times = "1 failure" if mailbox.failures == 1 else f"{mailbox.failures} failures in a row"
        says = f"{times}; the last: {(mailbox.last_error or 'unknown')[:LONGEST_ERROR]}"
        step = f"run: inbox-worker mailboxes check {mailbox.name}"
    delay = now - read_at if read_at else None
    return MailboxHealth(mailbox.id, mailbox.name, state, read_at, delay, mailbox.backlog, says, step)
