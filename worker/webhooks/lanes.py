"""Delivers to many endpoints at once: each has lanes of its own, so a slow one holds up nobody else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from threading import Lock

from sqlalchemy import Engine, select

from config import logs
from models.session import reading, transaction
from models.tables.outside import WebhookEndpoint
from worker.secrets.vault import Vault
from worker.webhooks.deliver import claim, due, send, settle, target_in
from worker.webhooks.guard import Target
from worker.webhooks.post import Answer, Line

THREADS = 32
SLOW_THREADS = 16
"""For endpoints whose last answer was slow: however many they are, the others have threads of their own."""
SLOW = timedelta(seconds=1)
LANES_EACH = 4
AT_ONCE = 100
TURN = timedelta(seconds=10)
"""Time of one lane before its thread is free for another endpoint."""
REST = timedelta(minutes=1)
LOOK_SECONDS = 1.0

log = logs.logger(__name__)


@dataclass(slots=True)
class Tally:
    """How many deliveries arrived, and how many did not."""

    delivered: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True)
class _Turn:
    """What one lane does: for which endpoint, in which threads, and since when its deliveries have to be due."""

    endpoint_id: int
    slow: bool
    due_at: datetime | None


@dataclass(slots=True)
class Lanes:
    """Threads that send what is due; several processes may do so at the same time.

    `open_line` opens a connection to an endpoint. An endpoint that cannot be reached, or asks for time, is left alone
    for a while by this process.
    """

    engine: Engine
    clock: Callable[[], datetime]
    vault: Vault
    stopping: Callable[[], bool] = lambda: False
    open_line: Callable[[Target], Line] = Line
    random: Random = field(default_factory=Random)
    _threads: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(THREADS, "deliver"))
    _slow_threads: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(SLOW_THREADS, "deliver-slow"))
    _busy: Counter[int] = field(default_factory=Counter)
    _took: dict[int, timedelta] = field(default_factory=dict)
    """How long the last request to an endpoint took."""
    _rests: dict[int, datetime] = field(default_factory=dict)
    _told: dict[int, datetime] = field(default_factory=dict)
    """When trouble with an endpoint was last logged."""
    _lock: Lock = field(default_factory=Lock)

    def start(self, due_at: datetime | None = None) -> list[Future[Tally]]:
        """Start lanes for every endpoint that has something due, and return at once.

        Args:
            due_at: they send only what is due since then, each delivery at most once; default: what is due by and by.
        """
        started = []
        for endpoint_id, count in self._wanted(due_at).items():
            turn = _Turn(endpoint_id, self._is_slow(endpoint_id), due_at)
            threads = self._slow_threads if turn.slow else self._threads
            for _ in range(count):
                with self._lock:
                    self._busy[endpoint_id] += 1
                started.append(threads.submit(self._lane, turn))
        return started

    def deliver_all(self) -> Tally:
        """Send what is due by now, and return once all of it was tried or every endpoint that is left rests."""
        total, due_at = Tally(), self.clock()
        running: set[Future[Tally]] = set()
        while True:
            if not self.stopping():
                running.update(self.start(due_at))
            if not running:
                return total
            done, running = wait(running, LOOK_SECONDS, FIRST_COMPLETED)
            for future in done:
                total.delivered += future.result().delivered
                total.failed += future.result().failed

    def close(self) -> None:
        """Wait for the requests in hand."""
        for threads in (self._threads, self._slow_threads):
            threads.shutdown(cancel_futures=True)

    def _is_slow(self, endpoint_id: int) -> bool:
        return self._took.get(endpoint_id, timedelta(0)) > SLOW

    def _wanted(self, due_at: datetime | None) -> dict[int, int]:
        """Return endpoint -> how many more lanes it may have; with many endpoints the threads are shared out."""
        now = self.clock()
        with reading(self.engine) as session:
            active = session.scalars(
                select(WebhookEndpoint.id).where(WebhookEndpoint.paused_at.is_(None)).order_by(WebhookEndpoint.id)
            )
            waiting = {
                endpoint_id: len(due(session, endpoint_id, due_at or now, LANES_EACH))
                for endpoint_id in active
                if self._rests.get(endpoint_id, now) <= now
            }
        waiting = {endpoint_id: count for endpoint_id, count in waiting.items() if count}
        slow = {each for each in waiting if self._is_slow(each)}
        fair = {True: SLOW_THREADS // max(len(slow), 1), False: THREADS // max(len(waiting) - len(slow), 1)}
        # One lane until it is known how fast an endpoint answers.
        share = {each: min(LANES_EACH, fair[each in slow]) if each in self._took else 1 for each in waiting}
        with self._lock:
            return {each: max(0, min(count, max(1, share[each])) - self._busy[each]) for each, count in waiting.items()}

    def _lane(self, turn: _Turn) -> Tally:
        tally = Tally()
        try:
            with reading(self.engine) as session:
                target = target_in(session, turn.endpoint_id)
            if target is not None:
                with self.open_line(target) as line:
                    self._work(turn, line, tally)
        except Exception:
            self._rests[turn.endpoint_id] = self.clock() + REST
            log.exception(
                "delivering_failed",
                says="endpoint {endpoint}: delivering failed, it is tried again in a minute",
                endpoint=turn.endpoint_id,
            )
        finally:
            with self._lock:
                self._busy[turn.endpoint_id] -= 1
        return tally

    def _work(self, turn: _Turn, line: Line, tally: Tally) -> None:
        """Send one delivery after the other until the turn is over or nothing is due."""
        ends = self.clock() + TURN
        while True:
            with reading(self.engine) as session:
                ids = due(session, turn.endpoint_id, turn.due_at or self.clock(), AT_ONCE)
            # In an order of chance, so that lanes side by side do not all reach for the same one.
            self.random.shuffle(ids)
            before = tally.delivered + tally.failed
            for delivery_id in ids:
                if self.clock() >= ends or self._is_over(turn):
                    return
                self._one(delivery_id, line, turn.due_at, tally)
            if before == tally.delivered + tally.failed:
                return  # Nothing is due, the endpoint was paused, or other lanes have it all in hand.

    def _is_over(self, turn: _Turn) -> bool:
        now = self.clock()
        # An endpoint that turned out to be slow goes on in the threads for those.
        turned_slow = not turn.slow and self._is_slow(turn.endpoint_id)
        return turned_slow or self.stopping() or self._rests.get(turn.endpoint_id, now) > now

    def _one(self, delivery_id: int, line: Line, due_at: datetime | None, tally: Tally) -> None:
        with transaction(self.engine) as session:
            claimed = claim(session, delivery_id, self.clock(), due_at)
        if claimed is None:
            return
        sent_at = self.clock()
        answer = send(line, claimed, self.vault, sent_at)
        self._took[claimed.endpoint_id] = self.clock() - sent_at
        with transaction(self.engine) as session:
            rest = settle(session, claimed, answer, self.clock(), self.random)
        if answer.well:
            tally.delivered += 1
            return
        tally.failed += 1
        if rest is not None:
            self._rests[claimed.endpoint_id] = self.clock() + rest
        self._tell(claimed.endpoint_id, answer)

    def _tell(self, endpoint_id: int, answer: Answer) -> None:
        """Log trouble with an endpoint, once a minute."""
        now = self.clock()
        with self._lock:
            known = self._told.get(endpoint_id)
            if known is not None and now - known < REST:
                return
            self._told[endpoint_id] = now
        log.warning(
            "delivery_not_taken",
            says="endpoint {endpoint}: {answer}; it is tried again (inbox-worker webhooks list)",
            endpoint=endpoint_id,
            status=answer.status,
            answer=str(answer),
        )
