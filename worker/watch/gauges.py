"""How everything stands, as the database has it, in numbers that Prometheus reads."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import inf
from typing import Any

from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import ColumnElement, Engine, func, select
from sqlalchemy.orm import Session

from models.session import reading
from models.tables.handling import MailboxRequest
from models.tables.learning import Label, LabelSource, Promotion
from models.tables.mail import InboundMessage, MessageState
from models.tables.mailboxes import Mailbox
from models.tables.outside import Alarm, Delivery, DeliveryState, OutboxEvent
from models.tables.standing import ReviewItem
from worker.learning.promotion import in_service
from worker.watch.health import STATE

FRESH = timedelta(seconds=15)
"""However often somebody asks, the database is asked no more often."""
Value = tuple[tuple[str, ...], float]
"""The values of the labels, and the number."""


@dataclass(slots=True, eq=False)
class Gauges(Collector):
    """Reads the database when it is asked, if this process is the one that `speaks` for all of a fleet.

    Safe to use from several threads. Where the database does not answer, a gauge says so and stands alone.
    """

    engine: Engine
    clock: Callable[[], datetime]
    speaks: Callable[[], bool] = lambda: True
    _read_at: datetime | None = None
    _read: Sequence[Metric] = ()
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def collect(self) -> Iterator[Metric]:
        """Yield the gauges, none where another process speaks."""
        if not self.speaks():
            return
        with self._lock:
            now = self.clock()
            if self._read_at is None or abs(now - self._read_at) >= FRESH:
                self._read, self._read_at = _all(self.engine, now), now
            yield from self._read


def _all(engine: Engine, now: datetime) -> list[Metric]:
    up = _gauge("inbox_worker_database_up", "1 where the database answers.", [((), 0.0)])
    try:
        with reading(engine) as session:
            found = [*_mailboxes(session, now), *_people(session, now), *_outside(session, now)]
    except Exception:  # noqa: BLE001 - whatever it is, a page of numbers without these tells it best
        return [up]
    return [_gauge("inbox_worker_database_up", up.documentation, [((), 1.0)]), *found]


def _mailboxes(session: Session, now: datetime) -> Iterator[Metric]:
    states = session.execute(select(STATE, func.count()).group_by(STATE)).all()
    yield _gauge("inbox_worker_mailboxes", "Mailboxes by how they fare.", _pairs(states), ["state"])
    read_at = Mailbox.last_success_at
    polled, oldest, newest, backlog = session.execute(
        select(func.count(), func.min(read_at), func.max(read_at), func.sum(Mailbox.backlog)).where(
            Mailbox.paused_at.is_(None), Mailbox.stopped_at.is_(None)
        )
    ).one()
    # That none was ever read is no sign that all were read just now.
    never = inf if polled and newest is None else 0.0
    ages: list[Value] = [(("oldest",), _age(oldest, now) or never), (("newest",), _age(newest, now) or never)]
    yield _gauge(
        "inbox_worker_poll_age_seconds", "Since mailboxes that are polled were last read: of all of them the oldest"
        " and the newest time.", ages, ["which"],
    )  # fmt: skip
    yield _gauge("inbox_worker_backlog_messages", "Messages found and not taken in yet.", [((), backlog or 0)])
    waiting = select(func.count(), func.min(MailboxRequest.recorded_at)).where(
        MailboxRequest.ended_at.is_(None), MailboxRequest.started_at.is_(None)
    )
    count, first = session.execute(waiting).one()
    yield _gauge("inbox_worker_requests_waiting", "What people asked for and no daemon took up.", [((), count)])
    yield _gauge("inbox_worker_requests_age_seconds", "Since the oldest was asked for.", [((), _age(first, now))])


def _people(session: Session, now: datetime) -> Iterator[Metric]:
    is_open = ReviewItem.closed_at.is_(None)
    kinds = session.execute(select(ReviewItem.kind, func.count()).where(is_open).group_by(ReviewItem.kind)).all()
    yield _gauge("inbox_worker_reviews_open", "Open questions to people, by kind.", _pairs(kinds), ["kind"])
    oldest = session.scalar(select(func.min(ReviewItem.opened_at)).where(is_open))
    yield _gauge("inbox_worker_reviews_age_seconds", "Since the oldest was opened.", [((), _age(oldest, now))])
    aside = session.scalar(select(func.count()).where(InboundMessage.state == MessageState.SET_ASIDE))
    yield _gauge("inbox_worker_messages_aside", "Messages set aside that wait for another try.", [((), aside or 0)])
    alarms = select(Alarm.kind, func.count()).where(Alarm.closed_at.is_(None)).group_by(Alarm.kind)
    yield _gauge("inbox_worker_alarms_open", "Open alarms by kind.", _pairs(session.execute(alarms).all()), ["kind"])
    yield from _model(session)


def _model(session: Session) -> Iterator[Metric]:
    serving = in_service(session)
    version = serving.artifact.version
    yield _gauge("inbox_worker_artifact_info", "The classifier in service.", [((version,), 1.0)], ["version"])
    conditions: list[ColumnElement[bool]] = [Label.sampled.is_(True), Label.source == LabelSource.REVIEW]
    since = session.scalar(select(Promotion.recorded_at).where(Promotion.id == serving.decision))
    if since is not None:
        conditions.append(Label.recorded_at >= since)
    agreed = Label.label == Label.machine
    answers = session.execute(
        select(func.count().filter(agreed), func.count().filter(~func.coalesce(agreed, False))).where(*conditions)
    ).one()
    yield _gauge(
        "inbox_worker_review_answers", "What people said of replies drawn at random since it serves: whether they"
        " agreed with it.", [(("true",), answers[0]), (("false",), answers[1])], ["agreed"],
    )  # fmt: skip


def _outside(session: Session, now: datetime) -> Iterator[Metric]:
    pending = Delivery.state == DeliveryState.PENDING
    waiting = select(func.count(), func.min(OutboxEvent.recorded_at)).where(OutboxEvent.dispatched_at.is_(None))
    oldest = select(func.min(Delivery.event_id)).where(pending).scalar_subquery()
    told = session.scalar(select(OutboxEvent.recorded_at).where(OutboxEvent.id == oldest))
    count, first = session.execute(waiting).one()
    ages = [each for each in (first, told) if each is not None]
    yield _gauge("inbox_worker_outbox_waiting", "Events that wait to be dispatched.", [((), count)])
    yield _gauge(
        "inbox_worker_outbox_age_seconds", "Since the oldest event was recorded that an endpoint still waits for.",
        [((), _age(min(ages, default=None), now))],
    )  # fmt: skip
    for name, state in (("pending", pending), ("given_up", Delivery.state == DeliveryState.DEAD)):
        number = session.scalar(select(func.count()).where(state))
        yield _gauge(f"inbox_worker_deliveries_{name}", f"Deliveries to endpoints: {name}.", [((), number or 0)])


def _age(at: datetime | None, now: datetime) -> float:
    """Return the seconds since a moment; zero where nothing waits."""
    return max(0.0, (now - at).total_seconds()) if at else 0.0


def _pairs(rows: Iterable[Any]) -> list[Value]:
    return [((str(name),), number) for name, number in rows]


def _gauge(name: str, says: str, values: Sequence[Value], labels: Sequence[str] = ()) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, says, labels=labels)
    for names, number in values:
        family.add_metric(names, number)
    return family
