"""Takes in one range of a backfill, as one worker of a fleet."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from random import Random
from typing import Final
from uuid import uuid4

from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from config import logs
from models.session import DatabaseUnavailable
from worker.daemon.due import LONGEST_ERROR
from worker.errands.job import Cord, Workshop
from worker.errands.outcomes import outcome_of, unforeseen
from worker.errors import MailboxError, Trouble
from worker.fleet.ranges import Held, finished, leave, note, rest, take
from worker.imap.manners import TURN_SECONDS, Hosts
from worker.reading.folder import take_in
from worker.reading.visit import PollReport, Watch
from worker.writing.stored import storable

log = logs.logger(__name__)

STEP: Final = 0.1
"""Seconds between two looks whether the host may be connected to."""


@dataclass(slots=True)
class RangeWork:
    """Takes in ranges, each in the thread that asks for it, with what the backfills of this daemon work with."""

    workshop: Workshop
    hosts: Hosts
    _cords: list[Cord] = field(default_factory=list)
    _random: Random = field(default_factory=Random)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def carry_out(self, range_id: int, stopping: Callable[[], bool]) -> bool:
        """Take in a range until `stopping`; return False where another worker is to do what is left of it."""
        try:
            held = take(self.workshop.engine, range_id, uuid4().hex, self.workshop.clock())
            return held is None or self._carry_out(held, stopping)
        except (DatabaseUnavailable, OperationalError) as error:
            log.warning(
                "range_tried_again",
                says="range {range} of a backfill: {error}; it is tried again",
                range=range_id,
                error=error,
            )
            return False

    def cut(self) -> None:
        """End the connections of all ranges in hand, so that none waits for its server any longer."""
        with self._lock:
            cords = list(self._cords)
        for cord in cords:
            cord.cut()

    def _carry_out(self, held: Held, stopping: Callable[[], bool]) -> bool:
        if not self._may_connect(held, stopping):
            pause = timedelta(seconds=self._random.uniform(1, TURN_SECONDS))
            leave(self.workshop.engine, held, again_at=None if stopping() else self.workshop.clock() + pause)
            return not stopping()
        cord, report = Cord(), PollReport()
        with self._lock:
            self._cords.append(cord)
        try:
            return self._read(held, cord, report, stopping)
        except (DatabaseUnavailable, OperationalError):
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, it is told
            if stopping():
                # What breaks since it was cut says nothing about the mailbox.
                leave(self.workshop.engine, held)
                return False
            self._fail(held, error, gets_on=bool(report.applied.states) or not held.failed)
            return True
        finally:
            self.hosts.give_back(held.host)
            with self._lock:
                self._cords.remove(cord)
            cord.let_go()

    def _read(self, held: Held, cord: Cord, report: PollReport, stopping: Callable[[], bool]) -> bool:
        unwanted = threading.Event()

        def noted(session: Session, messages: int, came: PollReport) -> None:
            if note(session, held.range_id, held.holder, messages, came):
                unwanted.set()

        engine, clock, span = self.workshop.engine, self.workshop.clock, held.span
        watch = Watch(clock=clock, stopping=lambda: unwanted.is_set() or stopping(), wrote=self.workshop.wrote)
        with self.workshop.visiting(cord, held.mailbox_id, watch, report) as (opened, _):
            visit = replace(opened, note=noted, is_part=True)
            visit.imap.compress()
            state = visit.imap.select(span.folder)
            if state.uidvalidity != span.uidvalidity:
                leave(engine, held, more=True, ended_at=clock())
                return True
            pairs = visit.imap.uids_between(span.first_uid, span.last_uid, held.since)
            take_in(visit, state, pairs, junk=span.junk)
        if report.more:
            leave(engine, held)
            return unwanted.is_set()
        finished(engine, held, clock())
        log.info(
            "range_taken_in",
            says="range {range} of a backfill: {count} messages taken in",
            range=held.range_id,
            count=sum(report.applied.states.values()),
        )
        return True

    def _fail(self, held: Held, error: Exception, *, gets_on: bool) -> None:
        """Write down that a range failed: it is tried again after a while, or the backfill ends with it."""
        now = self.workshop.clock()
        if isinstance(error, MailboxError):
            if error.trouble is Trouble.TURN:
                log.info("range_waits", says="range {range} of a backfill: {error}", range=held.range_id, error=error)
                return
            if error.trouble is Trouble.CROWDED:
                self.hosts.refused(held.host, now)
        outcome = outcome_of(error, self.workshop.settings.poll_seconds, self._random, gets_on=gets_on)
        if outcome.error == unforeseen(error):
            log.error("range_broken", says="range {range} of a backfill failed", range=held.range_id, exc_info=error)
        else:
            log.warning(
                "range_failed", says="range {range} of a backfill: {error}", range=held.range_id, error=outcome.error
            )
        said = storable(outcome.error, LONGEST_ERROR) if outcome.error else None
        if outcome.again_in:
            rest(self.workshop.engine, held, now + outcome.again_in, said)
        else:
            leave(self.workshop.engine, held, error=said, ended_at=now)

    def _may_connect(self, held: Held, stopping: Callable[[], bool]) -> bool:
        """Wait for the host to have room for one more connection; return whether it has."""
        until = time.monotonic() + TURN_SECONDS
        while not self.hosts.take(held.host, self.workshop.clock()):
            if stopping() or time.monotonic() > until:
                return False
            time.sleep(STEP)
        return True
