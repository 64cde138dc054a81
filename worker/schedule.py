"""The daemon: one short tick picks the mailboxes that are due and polls them in a pool of threads.

Beside it run the steps of `worker.ticks`, the delivery to other systems among them, each in a thread of its own.
"""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from sqlalchemy import Engine, or_, select, update

from config.settings import Settings
from models.session import reading, transaction
from models.tables import Mailbox
from worker.alarms import look
from worker.dispatch import dispatch
from worker.errors import MailboxError
from worker.lanes import Lanes
from worker.poll import PollReport
from worker.retention import remove_old
from worker.signs import limits_of
from worker.ticks import Pauses, Step

log = logging.getLogger(__name__)

TICK_SECONDS = 1
# After failures the pause doubles from the poll interval up to this.
LONGEST_PAUSE = timedelta(hours=1)
ALARM_SECONDS = 60
"""Longest time between two looks for alarms; mailboxes that are polled more often are looked at more often."""


REMOVAL_SECONDS = 600


@dataclass(slots=True)
class Daemon:
    """Polls every mailbox that is not paused when it is due, until it is told to stop.

    `poll_one` polls a mailbox by id and is given `stopping`, so that a signal lets the batch in hand finish.
    Due times live in the mailbox table; the scheduler holds nothing that a restart would lose.
    """

    engine: Engine
    settings: Settings
    poll_one: Callable[[int, Callable[[], bool]], PollReport]
    clock: Callable[[], datetime]
    stop: threading.Event = field(default_factory=threading.Event)
    _busy: set[int] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _random: Random = field(default_factory=Random)

    def run(self) -> None:
        """Work until SIGTERM or SIGINT; then finish the batches in hand and return."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self.stop.set())
        lanes = Lanes(self.engine, self.clock, self.stop.is_set)
        steps = [threading.Thread(target=step.loop, args=[self.stop], name=step.name) for step in self.steps(lanes)]
        scheduler = BackgroundScheduler(
            executors={"default": ThreadPoolExecutor(self.settings.poll_threads + 1)}, timezone="UTC"
        )
        scheduler.add_job(
            self.tick, "interval", args=[scheduler], seconds=TICK_SECONDS, coalesce=True, max_instances=1,
            misfire_grace_time=60,
        )  # fmt: skip
        scheduler.start()
        for thread in steps:
            thread.start()
        log.info("polling every %s seconds; stop with SIGTERM", self.settings.poll_seconds)
        self.stop.wait()
        log.info("stopping: finishing the messages in hand")
        scheduler.shutdown(wait=True)
        for thread in steps:
            thread.join()
        lanes.close()

    def steps(self, lanes: Lanes) -> list[Step]:
        """Return what is done again and again besides polling."""
        pauses = Pauses(self.engine, self.clock, self.stop.is_set)
        limits = limits_of(self.settings)
        work: dict[str, tuple[float, Callable[[], object]]] = {
            "ending pauses": (TICK_SECONDS, pauses.end),
            "dispatching events": (TICK_SECONDS, lambda: dispatch(self.engine, self.clock(), self.stop.is_set)),
            "delivering events": (TICK_SECONDS, lanes.start),
            "removing old events": (
                REMOVAL_SECONDS,
                lambda: remove_old(
                    self.engine, self.clock() - timedelta(days=self.settings.event_days), self.stop.is_set
                ),
            ),
            "looking for alarms": (
                min(ALARM_SECONDS, self.settings.poll_seconds),
                lambda: look(self.engine, limits, self.clock()),
            ),
        }
        return [Step(name, seconds, do, self.clock) for name, (seconds, do) in work.items()]

    def tick(self, scheduler: BackgroundScheduler) -> None:
        """Start a poll for each due mailbox while threads are free."""
        if self.stop.is_set():
            return
        for mailbox_id in self._due():
            scheduler.add_job(self._poll, args=[mailbox_id], misfire_grace_time=None)

    def _due(self) -> list[int]:
        """Pick the mailboxes that are due, the longest due first, as many as threads are free."""
        now = self.clock()
        with self._lock:
            free = self.settings.poll_threads - len(self._busy)
            if free <= 0:
                return []
            with reading(self.engine) as session:
                due = list(
                    session.scalars(
                        select(Mailbox.id)
                        .where(
                            Mailbox.paused_at.is_(None),
                            or_(Mailbox.next_poll_at.is_(None), Mailbox.next_poll_at <= now),
                            Mailbox.id.not_in(self._busy),
                        )
                        .order_by(Mailbox.next_poll_at.is_not(None), Mailbox.next_poll_at, Mailbox.id)
                        .limit(free)
                    )
                )
            self._busy.update(due)
        return due

    def _poll(self, mailbox_id: int) -> None:
        try:
            report = self.poll_one(mailbox_id, self.stop.is_set)
            self._note(mailbox_id, None, more=report.more)
        except MailboxError as error:
            log.warning("%s", error)
            self._note(mailbox_id, error)
        except Exception as error:
            log.exception("mailbox %s: poll failed, it is tried again", mailbox_id)
            self._note(mailbox_id, error)
        finally:
            with self._lock:
                self._busy.discard(mailbox_id)

    def _note(self, mailbox_id: int, error: Exception | None, *, more: bool = False) -> None:
        """Write down how the poll went and when the next one is due."""
        now = self.clock()
        try:
            with transaction(self.engine) as session:
                mailbox = session.get(Mailbox, mailbox_id)
                if mailbox is None:
                    return
                mailbox.failures = mailbox.failures + 1 if error else 0
                mailbox.last_error = str(error)[:2_000] if error else None
                mailbox.last_success_at = mailbox.last_success_at if error else now
                mailbox.next_poll_at = now if more else now + self._pause(mailbox.failures)
        except Exception:
            log.exception("mailbox %s: the database does not take the result of its poll", mailbox_id)

    def _pause(self, failures: int) -> timedelta:
        """Return the time to the next poll, with a little chance in it so that mailboxes spread out."""
        longest = max(LONGEST_PAUSE.total_seconds(), self.settings.poll_seconds)
        seconds = min(self.settings.poll_seconds * 2 ** min(failures, 10), longest)
        return timedelta(seconds=seconds * self._random.uniform(0.9, 1.1))


def spread(engine: Engine, settings: Settings, now: datetime, random: Random) -> None:
    """Give mailboxes without a due time one within the next interval, so that a start does not poll all at once."""
    with transaction(engine) as session:
        ids = list(session.scalars(select(Mailbox.id).where(Mailbox.next_poll_at.is_(None))))
        for mailbox_id in ids:
            due = now + timedelta(seconds=random.uniform(0, min(settings.poll_seconds, len(ids))))
            session.execute(update(Mailbox).where(Mailbox.id == mailbox_id).values(next_poll_at=due))
