"""Reads what a team sees first: its mail, statuses, bounces, open questions, mailboxes, alarms and classifier."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import Select, case, func, literal, select
from sqlalchemy.orm import Session

from models.events import Bounced, ReviewKind, Status
from models.tables.figures import Counted
from models.tables.learning import Label, LabelSource, Promotion
from models.tables.mail import InboundMessage, MessageState
from models.tables.mailboxes import Mailbox
from models.tables.outside import Delivery, DeliveryState, WebhookEndpoint
from models.tables.standing import ReviewItem
from worker.learning.labels import Sample
from worker.learning.promotion import in_service
from worker.queries.figures import DAYS, LABELS, counted_at, figures
from worker.watch.alarms import list_alarms
from worker.watch.health import STATE, how_to_go_on, state_of, why_stopped

MOST = 5_000
"""From here on counting takes longer than the number is worth."""
BOUNCE_DAYS = 28
MOST_ALARMS = 100
MOST_MAILBOXES = 10
"""That are told of one by one."""
LONGEST_ERROR = 300

WORST_FIRST = ("stopped", "failing", "trying again", "not polled yet", "well", "paused")


@dataclass(frozen=True, slots=True)
class Tally:
    """How many there are, as far as was counted."""

    count: int
    more: bool = False

    def __str__(self) -> str:
        """Say the number, or that there are more."""
        return f"more than {self.count:,}" if self.more else f"{self.count:,}"

    def __bool__(self) -> bool:
        return self.count > 0


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
class BounceDay:
    """Sends of a day, the bounces that came for good on it, and their share; None where nothing was sent."""

    day: date
    hard: int
    sends: int
    share: float | None


@dataclass(frozen=True, slots=True)
class Bounces:
    """The same for the last days together, and for each of them, the oldest first."""

    hard: int
    sends: int
    share: float | None
    days: list[BounceDay]

    def reaches(self, share: float, sends: int) -> bool:
        """Say whether as large a share as this has bounced, of so many sends that it tells something."""
        return self.sends >= sends and (self.share or 0) >= share


@dataclass(frozen=True, slots=True)
class KindTally:
    """How many open questions there are of one kind."""

    kind: ReviewKind
    tally: Tally


@dataclass(frozen=True, slots=True)
class Reviews:
    """The open questions; where there are too many to count, what is said of them is said of the most urgent."""

    open: Tally
    holding: Tally
    """Those for which a sequence waits."""
    kinds: list[KindTally]
    oldest: datetime | None


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
        bounces=_bounces(session, team_id, today),
        reviews=_reviews(session, team_id),
        mailboxes=_mailboxes(session, team_id, now),
        alarms=list_alarms(session, team_id, also_closed=False, limit=MOST_ALARMS),
        unmatched=_messages(session, team_id, MessageState.UNMATCHED, now - timedelta(days=DAYS)),
        aside=_messages(session, team_id, MessageState.SET_ASIDE),
        dead=_dead(session, team_id),
        model=_model(session, team_id),
    )


def _mail(counts: Mapping[str, int]) -> list[Named]:
    found = [Named(name, LABELS[name], number) for name, number in counts.items() if number]
    return sorted(found, key=lambda each: (-each.count, each.label))


def _bounces(session: Session, team_id: int, today: date) -> Bounces:
    days = [today - timedelta(days=back) for back in reversed(range(BOUNCE_DAYS))]
    sent = figures(session, team_id, Counted.SENT, days[0])
    bounced = figures(session, team_id, Counted.BOUNCED, days[0])
    rows = [(day, bounced.get(day, {}).get(Bounced.HARD, 0), sum(sent.get(day, {}).values())) for day in days]
    hard, sends = sum(row[1] for row in rows), sum(row[2] for row in rows)
    return Bounces(hard, sends, _share(hard, sends), [BounceDay(*row, _share(row[1], row[2])) for row in rows])


def _share(part: int, of: int) -> float | None:
    return part / of if of else None


def _reviews(session: Session, team_id: int) -> Reviews:
    some = (
        select(ReviewItem.kind, ReviewItem.holds, ReviewItem.opened_at)
        .where(ReviewItem.team_id == team_id, ReviewItem.closed_at.is_(None))
        # In the order of an index, which has those for which a sequence waits first.
        .order_by(ReviewItem.urgency)
        .limit(MOST + 1)
        .subquery()
    )
    query = select(some.c.kind, some.c.holds, func.count(), func.min(some.c.opened_at)).group_by(
        some.c.kind, some.c.holds
    )
    kinds: Counter[ReviewKind] = Counter()
    holding, opened = 0, []
    for kind, holds, number, oldest in session.execute(query):
        kinds[kind] += number
        holding += number if holds else 0
        opened.append(oldest)
    more = kinds.total() > MOST
    return Reviews(
        open=Tally(min(kinds.total(), MOST), more),
        holding=Tally(min(holding, MOST), holding > MOST),
        kinds=[KindTally(kind, Tally(number, more)) for kind, number in kinds.most_common()],
        oldest=min(opened, default=None),
    )


def _mailboxes(session: Session, team_id: int, now: datetime) -> Mailboxes:
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


def _messages(session: Session, team_id: int, state: MessageState, since: datetime | None = None) -> Tally:
    query = (
        select(literal(1))
        .select_from(InboundMessage)
        .join(Mailbox, Mailbox.id == InboundMessage.mailbox_id)
        .where(Mailbox.team_id == team_id, InboundMessage.state == state)
        # In the order of an index: PostgreSQL would read the table from its beginning, through all the old mail.
        .order_by(InboundMessage.arrived_at.desc())
    )
    return _tally(session, query if since is None else query.where(InboundMessage.arrived_at >= since))


def _dead(session: Session, team_id: int) -> Tally:
    query = (
        select(literal(1))
        .select_from(Delivery)
        .join(WebhookEndpoint, WebhookEndpoint.id == Delivery.endpoint_id)
        .where(WebhookEndpoint.team_id == team_id, Delivery.state == DeliveryState.DEAD)
    )
    return _tally(session, query)


def _tally(session: Session, query: Select[Any]) -> Tally:
    number = session.scalar(select(func.count()).select_from(query.limit(MOST + 1).subquery())) or 0
    return Tally(min(number, MOST), number > MOST)


def _model(session: Session, team_id: int) -> Model:
    serving = in_service(session)
    since = session.scalar(select(Promotion.recorded_at).where(Promotion.id == serving.decision))
    conditions = [Label.team_id == team_id, Label.sampled.is_(True), Label.source == LabelSource.REVIEW]
    if since is not None:
        conditions.append(Label.recorded_at >= since)
    query = select(func.count(), func.count().filter(Label.label == Label.machine)).where(*conditions)
    answered, right = session.execute(query).one()
    low, high = Sample(answered, answered, right).bounds() if answered else (None, None)
    return Model(serving.artifact.version, since, answered, right, _share(right, answered), low, high)
