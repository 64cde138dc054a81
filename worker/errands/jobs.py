"""Carries out what people asked for of mailboxes, beside the polls: checks, backfills, and a poll at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from random import Random
from typing import Final

from config import logs
from models.tables.handling import Wish
from worker.daemon.due import LONGEST_ERROR
from worker.errands.claims import Waiting, claim, end, hand_back, renew, told_to_stop, waiting
from worker.errands.job import Job, Workshop
from worker.errands.outcomes import REST, Outcome, outcome_of, plain, unforeseen
from worker.errors import MailboxError, Trouble
from worker.imap.manners import Hosts, longest_pause
from worker.reading.visit import PollReport
from worker.writing.stored import storable

log = logs.logger(__name__)

AT_ONCE: Final = 2
"""Checks at a time, and as many backfills: those may take days. The threads of polls are not theirs."""
RENEW: Final = timedelta(seconds=5)
"""How often a claim is renewed where nothing else is to be told."""
GRACE: Final = timedelta(seconds=20)
"""How long a batch in hand may take that is to be the last; then its connection is cut."""
GIVEN_UP: Final = 2 * GRACE
"""After so long a job is left to itself that ends neither when it is told to nor when it is cut."""


@dataclass(slots=True)
class Jobs:
    """The requests that this daemon carries out; what is written of them is written by `look` alone.

    `wake` polls a mailbox at once; whoever polls tells by `polled` how that went. `stop` ends everything after the
    batch in hand, and what is open then stays open for the next daemon.
    """

    workshop: Workshop
    hosts: Hosts
    wake: Callable[[int], None]
    stop: threading.Event
    owns: Callable[[int], bool] = lambda _: True
    """Says of a mailbox whether this daemon polls it."""
    _hand: dict[int, Job] = field(default_factory=dict)
    """Request -> the job that carries it out."""
    _rests: dict[int, datetime] = field(default_factory=dict)
    """Requests that are left alone until then."""
    _random: Random = field(default_factory=Random)

    def look(self) -> None:
        """Write down what came of jobs and how far the others are, and take up what people asked for meanwhile."""
        self._settle()
        self._tell()
        if self.stop.is_set():
            return
        now = self.workshop.clock()
        ready = [each for each in waiting(self.workshop.engine, now) if self._is_ready(each, now)]
        later: list[Waiting] = []
        for each in ready:
            if self._working(each.wish, each.team_id):
                later.append(each)
            else:
                self._take_up(each, now)
        for each in later:
            self._take_up(each, now)
        self._make_room([each for each in ready if each.request_id not in self._hand], now)

    def polled(self, mailbox_id: int, begun_at: datetime, came: PollReport | Exception) -> None:
        """Hear what came of a poll that began then; one that began before it was asked for does not count."""
        if isinstance(came, MailboxError) and came.trouble is Trouble.TURN:
            return
        for job in list(self._hand.values()):
            if job.claim.wish is Wish.POLL and job.claim.mailbox_id == mailbox_id and begun_at >= job.begun_at:
                if isinstance(came, Exception):
                    job.outcome = Outcome(plain(came))
                else:
                    job.done = job.coming = sum(came.applied.states.values())
                    job.result = {"counts": came.counts()}
                    job.outcome = Outcome()

    def leave(self, mailbox_id: int) -> None:
        """Hand back the polls that were asked for of a mailbox that another worker polls by now."""
        for job in list(self._hand.values()):
            if job.claim.wish is Wish.POLL and job.claim.mailbox_id == mailbox_id and not job.outcome:
                job.yields, job.outcome = True, Outcome(more=True)

    def close(self) -> None:
        """Let every job finish its batch in hand, and leave what is not done to the next daemon."""
        for seconds in (GRACE.total_seconds(), 1.0):
            ends = time.monotonic() + seconds
            for job in self._hand.values():
                if job.thread:
                    job.thread.join(max(0.0, ends - time.monotonic()))
            for job in self._hand.values():
                job.cut()
        for job in self._hand.values():
            job.outcome = job.outcome or Outcome(more=True)
        self._settle()

    def _settle(self) -> None:
        """Write down what came of the jobs that have ended."""
        now = self.workshop.clock()
        for request_id, job in list(self._hand.items()):
            since = now - job.told_at if job.told_at else timedelta(0)
            if since >= GRACE:
                job.cut()
            if since >= GIVEN_UP or (job.told_at and job.claim.wish is Wish.POLL):
                job.outcome = job.outcome or Outcome(more=True)
            if job.outcome:
                if not job.lost:
                    self._write(job, job.outcome, now)
                del self._hand[request_id]

    def _write(self, job: Job, outcome: Outcome, now: datetime) -> None:
        error = storable(outcome.error, LONGEST_ERROR) if outcome.error and not job.unwanted else None
        said = job.said() | {"error": error}
        if not job.unwanted and (outcome.again_in or (outcome.more and (self.stop.is_set() or job.yields))):
            hand_back(self.workshop.engine, job.claim, said)
            self._rests[job.claim.request_id] = now + (outcome.again_in or timedelta(0))
            return
        said["result"] = {**job.said()["result"], "more": outcome.more}
        end(self.workshop.engine, job.claim, said, now)

    def _tell(self) -> None:
        """Write down how far the jobs are, and hear which of them are to stop."""
        if not self._hand:
            return
        now = self.workshop.clock()
        for request_id in told_to_stop(self.workshop.engine, self._hand.keys()):
            job = self._hand[request_id]
            job.unwanted, job.told_at = True, job.told_at or now
        news = [
            (job, job.said())
            for job in self._hand.values()
            if not job.lost and (job.said() != job.written or now - job.claim.seen_at >= RENEW)
        ]
        if not news:
            return
        lost = renew(self.workshop.engine, [(job.claim, said) for job, said in news], now)
        for job, said in news:
            job.written = said
            if job.claim in lost:
                job.lost, job.told_at = True, job.told_at or now

    def _take_up(self, request: Waiting, now: datetime) -> None:
        """Claim a request and begin with it, unless it has to wait for its turn."""
        polls = request.wish is Wish.POLL
        if not polls and (self._working(request.wish) >= AT_ONCE or not self.hosts.take(request.host, now)):
            return
        claimed = None
        try:
            claimed = claim(self.workshop.engine, request.request_id, now)
        finally:
            if not polls and claimed is None:
                self.hosts.give_back(request.host)
        if claimed is None:
            return
        self._rests.pop(request.request_id, None)
        job = self._hand[request.request_id] = Job(claimed, request.host, request.team_id, now, result=claimed.result)
        if polls:
            self.wake(request.mailbox_id)
        else:
            job.hang_up = partial(self.hosts.give_back, request.host)
            self._begin(job, now)

    def _begin(self, job: Job, now: datetime) -> None:
        """Give a job a thread of its own; where the machine has none left, it waits again."""
        thread = threading.Thread(target=self._carry_out, args=[job], name=job.claim.wish.value, daemon=True)
        try:
            thread.start()
        except (RuntimeError, MemoryError) as error:
            log.warning(
                "request_without_thread",
                says="request {request}: no thread can be started: {error}",
                request=job.claim.request_id,
                error=error,
            )
            job.part()
            del self._hand[job.claim.request_id]
            self._rests[job.claim.request_id] = now + REST
            says = "the daemon's machine can start no more threads; it is tried again by itself"
            hand_back(self.workshop.engine, job.claim, job.said() | {"error": says})
        else:
            job.thread = thread

    def _is_ready(self, request: Waiting, now: datetime) -> bool:
        mine = request.wish is not Wish.POLL or self.owns(request.mailbox_id)
        rests = self._rests.get(request.request_id, now) - now
        # So far ahead no pause leads: the clock was wrong when it began.
        rested = rests <= timedelta(0) or rests > longest_pause(self.workshop.settings.poll_seconds)
        return mine and rested and request.request_id not in self._hand

    def _working(self, wish: Wish, team_id: int | None = None) -> int:
        """Count the threads that work on wishes of this kind, of one team or of all."""
        return sum(
            job.thread is not None and job.claim.wish is wish and team_id in {None, job.team_id}
            for job in self._hand.values()
        )

    def _make_room(self, left: Sequence[Waiting], now: datetime) -> None:
        """Let a team with several backfills in hand give one back where another team's waits for nothing else."""
        crowded = self.hosts.crowded(now)
        wait = {each.team_id for each in left if each.wish is Wish.BACKFILL and each.host.lower() not in crowded}
        going = [job for job in self._hand.values() if job.claim.wish is Wish.BACKFILL and not job.told_at]
        if len(going) < AT_ONCE:
            return
        teams = [job.team_id for job in going]
        for job in reversed(going):
            if teams.count(job.team_id) > 1 and wait - {job.team_id}:
                job.yields, job.told_at = True, now
                return

    def _carry_out(self, job: Job) -> None:
        def stopping() -> bool:
            return job.told_at is not None or self.stop.is_set()

        try:
            outcome = self.workshop.carry_out(job, stopping)
        except Exception as error:
            # What breaks since it was cut says nothing about the mailbox.
            outcome = Outcome(more=True) if stopping() else self._failed(job, error)
            if outcome.error == unforeseen(error):
                log.exception(
                    "request_failed",
                    says="request {request}: {wish} failed",
                    request=job.claim.request_id,
                    wish=job.claim.wish.value,
                )
        finally:
            job.part()
            job.let_go()
        job.outcome = outcome

    def _failed(self, job: Job, error: Exception) -> Outcome:
        if isinstance(error, MailboxError) and error.trouble is Trouble.CROWDED:
            self.hosts.refused(job.host, self.workshop.clock())
        return outcome_of(error, self.workshop.settings.poll_seconds, self._random, gets_on=job.done > 0)
