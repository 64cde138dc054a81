"""Reads what a team sees first: its mail, statuses, bounces, open questions, mailboxes, alarms and classifier."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.events import Status
from models.tables.figures import Counted
from models.tables.learning import Promotion
from models.tables.mail import MessageState
from worker.learning.accuracy import BEGINNING, accuracy
from worker.learning.promotion import in_service
from worker.queries.bounce_rate import Bounces, bounce_rate
from worker.queries.figures import DAYS, LABELS, counted_at, figures
from worker.queries.mailbox_health import Mailboxes, mailbox_health
from worker.queries.tallies import Tally
from worker.queries.waiting import Reviews, dead_deliveries, messages_in, open_reviews
from worker.watch.alarms import list_alarms

MOST_ALARMS = 100


@dataclass(frozen=True, slots=True)
class Named:
    """How many there are of one kind, and what a page calls it."""

    name: str
    label: str
    count: int


@dataclass(frozen=True, slots=True)
class StatusDay:
    """How many listed recipients had which status at the last count of a day."""

    day: date
    counts: dict[str, int]


@dataclass(frozen=True, slots=True)
class Model:
    """The classifier in service, and how often it was right on mail drawn at random since then."""

    version: str
    since: datetime | None
    answered: int
    right: int
    share: float | None
    low: float | None
    high: float | None
    """Between `low` and `high` lies the true share, 95 times in a hundred; None: nobody has answered yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """All that the first page shows; days are UTC days."""

    today: date
    counted_at: datetime | None
    """As of when mail, statuses and bounces are; None: nobody has counted yet."""
    mail_today: int
    mail_day: date
    """The newest day on which mail came in."""
    mail: list[Named]
    """What came in on that day, the most first."""
    statuses: list[Named]
    """Now, each of the twelve."""
    status_days: list[StatusDay]
    """The oldest first; a day on which nobody counted is missing."""
    bounces: Bounces
    reviews: Reviews
    mailboxes: Mailboxes
    alarms: list[dict[str, Any]]
    unmatched: Tally
    aside: Tally
    dead: Tally
    model: Model


def overview(session: Session, team_id: int, now: datetime) -> Overview:
    """Return what a team sees first; what takes long to count is as of the last count (`worker.queries.figures`)."""
    today = now.astimezone(UTC).date()
    since = today - timedelta(days=DAYS - 1)
    by_day = figures(session, team_id, Counted.VERDICT, since)
    mail_day = next((day for day in sorted(by_day, reverse=True) if any(by_day[day].values())), today)
    statuses = figures(session, team_id, Counted.STATUS, since)
    newest = statuses[max(statuses)] if statuses else {}
    return Overview(
        today=today,
        counted_at=counted_at(session, team_id),
        mail_today=sum(by_day.get(today, {}).values()),
        mail_day=mail_day,
        mail=_mail(by_day.get(mail_day, {})),
        statuses=[Named(each, each, newest.get(each, 0)) for each in Status],
        status_days=[StatusDay(day, counts) for day, counts in statuses.items()],
        bounces=bounce_rate(session, team_id, today),
        reviews=open_reviews(session, team_id),
        mailboxes=mailbox_health(session, team_id, now),
        alarms=list_alarms(session, team_id, also_closed=False, limit=MOST_ALARMS),
        unmatched=messages_in(session, team_id, MessageState.UNMATCHED, now - timedelta(days=DAYS)),
        aside=messages_in(session, team_id, MessageState.SET_ASIDE),
        dead=dead_deliveries(session, team_id),
        model=_model(session, team_id),
    )


def _mail(counts: Mapping[str, int]) -> list[Named]:
    found = [Named(name, LABELS[name], number) for name, number in counts.items() if number]
    return sorted(found, key=lambda each: (-each.count, each.label))


def _model(session: Session, team_id: int) -> Model:
    serving = in_service(session)
    since = session.scalar(select(Promotion.recorded_at).where(Promotion.id == serving.decision))
    (since_then,) = accuracy(session, team_id, [since or BEGINNING])
    low, high = since_then.bounds or (None, None)
    return Model(serving.artifact.version, since, since_then.answered, since_then.right, since_then.share, low, high)
