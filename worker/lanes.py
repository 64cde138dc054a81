"""Delivers to many endpoints at once: each has lanes of its own, so a slow one holds up nobody else."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from threading import Lock

from sqlalchemy import Engine, select

from models.outside import WebhookEndpoint
from models.session import reading, transaction
from worker.deliver import claim, due, send, settle, target_in
from worker.guard import Target
from worker.post import Answer, Line

THREADS = 32
LANES_EACH = 4
AT_ONCE = 100
TURN = 200
"""Deliveries of one lane before its thread is free for another endpoint."""
REST = timedelta(minutes=1)

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Tally:
    """How many deliveries arrived, and how many did not."""

    delivered: int = 0
    failed: int = 0


@dataclass(slots=True)
class Lanes:
    """Threads that send what is due; several processes may do so at the same time.

    `open_line` opens a connection to an endpoint. An endpoint that cannot be reached, or asks for time, is left alone
    for a while by this process.
    """

    engine: Engine
    clock: Callable[[], datetime]
    stopping: Callable[[], bool] = lambda: False
    open_line: Callable[[Target], Line] = Line
    random: Random = field(default_factory=Random)
    _threads: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(THREADS, "deliver"))
    _busy: Counter[int] = field(default_factory=Counter)
    _rests: dict[int, datetime] = field(default_factory=dict)
    _told: dict[int, datetime] = field(default_factory=dict)
    """When trouble with an endpoint was last logged."""
    _lock: Lock = field(default_factory=Lock)

    def start(self) -> list[Future[Tally]]:
        """Start lanes for every endpoint that has something due, and return at once."""
        now = self.clock()
        started = []
        for endpoint_id, count in self._wanted(now).items():
            for _ in range(count):
                with self._lock:
                    self._busy[endpoint_id] += 1
                started.append(self._threads.submit(self._lane, endpoint_id))
        return started

    def deliver_all(self) -> Tally:
        """Send what is due, and return once nothing is or every endpoint that is left rests."""
        total = Tally()
        while not self.stopping() and (started := self.start()):
            wait(started)
            for future in started:
                total.delivered += future.result().delivered
                total.failed += future.result().failed
        return total

    def close(self) -> None:
        """Wait for the requests in hand."""
        self._threads.shutdown(cancel_futures=True)

    def _wanted(self, now: datetime) -> dict[int, int]:
        """Return endpoint -> how many more lanes it may have; with many endpoints the threads are shared out."""
        with reading(self.engine) as session:
            active = session.scalars(
                select(WebhookEndpoint.id).where(WebhookEndpoint.paused_at.is_(None)).order_by(WebhookEndpoint.id)
            )
            waiting = {
                endpoint_id: len(due(session, endpoint_id, now, LANES_EACH))
                for endpoint_id in active
                if self._rests.get(endpoint_id, now) <= now
            }
        waiting = {endpoint_id: count for endpoint_id, count in waiting.items() if count}
        share = max(1, min(LANES_EACH, THREADS // max(len(waiting), 1)))
        with self._lock:
            return {each: max(0, min(count, share) - self._busy[each]) for each, count in waiting.items()}

    def _lane(self, endpoint_id: int) -> Tally:
        tally = Tally()
        try:
            with reading(self.engine) as session:
                target = target_in(session, endpoint_id)
            if target is not None:
                with self.open_line(target) as line:
                    self._work(endpoint_id, line, tally)
        except Exception:
            self._rests[endpoint_id] = self.clock() + REST
            log.exception("endpoint %s: delivering failed, it is tried again in a minute", endpoint_id)
        finally:
            with self._lock:
                self._busy[endpoint_id] -= 1
        return tally

    def _work(self, endpoint_id: int, line: Line, tally: Tally) -> None:
        """Send one delivery after the other until the turn is over, nothing is due, or the endpoint is to rest."""
        while tally.delivered + tally.failed < TURN:
            with reading(self.engine) as session:
                ids = due(session, endpoint_id, self.clock(), AT_ONCE)
            # In an order of chance, so that lanes side by side do not all reach for the same one.
            self.random.shuffle(ids)
            before = tally.delivered + tally.failed
            for delivery_id in ids:
                if self.stopping() or self._rests.get(endpoint_id, self.clock()) > self.clock():
                    return
                self._one(endpoint_id, delivery_id, line, tally)
            if before == tally.delivered + tally.failed:
                return  # Nothing is due, the endpoint was paused, or other lanes have it all in hand.

    def _one(self, endpoint_id: int, delivery_id: int, line: Line, tally: Tally) -> None:
        with transaction(self.engine) as session:
            claimed = claim(session, delivery_id, self.clock())
        if claimed is None:
            return
        answer = send(line, claimed, self.clock())
        with transaction(self.engine) as session:
            rest = settle(session, claimed, answer, self.clock(), self.random)
        if answer.well:
            tally.delivered += 1
            return
        tally.failed += 1
        if rest is not None:
            self._rests[endpoint_id] = self.clock() + rest
        self._tell(endpoint_id, answer)

    def _tell(self, endpoint_id: int, answer: Answer) -> None:
        """Log trouble with an endpoint, once a minute."""
        now = self.clock()
        with self._lock:
            known = self._told.get(endpoint_id)
            if known is not None and now - known < REST:
                return
            self._told[endpoint_id] = now
        log.warning("endpoint %s: %s; it is tried again (inbox-worker webhooks list)", endpoint_id, answer)
