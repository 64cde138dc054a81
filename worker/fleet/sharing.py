"""How the workers of a fleet do a backfill together: whoever claimed it lays out ranges, and sees that all are done."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, Final
from uuid import uuid4

from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from config import logs
from models.session import DatabaseUnavailable, refresh_statistics
from worker.backfill import take_in_all
from worker.errands.job import Job, Workshop
from worker.errands.outcomes import Outcome
from worker.errands.range_sums import Standing
from worker.errors import MailboxError, Trouble
from worker.fleet.board import Board, EngineLostError
from worker.fleet.ranges import Span, close, coordinate, cut, expect, give_up, lay_out, note, standing
from worker.reading.folder import list_folder
from worker.reading.visit import PollReport, Visit, Watch

log = logs.logger(__name__)

LOOK: Final = 1.0
"""Seconds between two looks how far the ranges are."""
STEP: Final = 0.1
"""Seconds between two looks whether to stop."""
LEAVING: Final = 15.0
"""Seconds for which ranges in hand may finish their batch once a person stopped the backfill."""
FRESH_STATISTICS: Final = (400, 2_000, 10_000, 50_000)
"""Messages after which the database looks at its tables anew: they grow faster than it does by itself."""


def share(board: Board, workshop: Workshop, job: Job, stopping: Callable[[], bool]) -> Outcome:
    """Have a backfill done by all workers, and return what came of it.

    Whoever comes after a coordinator that died finds the ranges, and goes on with what is not done.

    Raises:
        MailboxError: the mailbox could not be opened to be laid out.
    """
    return _Coordinator(board, workshop, job, stopping).run()


@dataclass(slots=True)
class _Coordinator:
    """Looks after one backfill, as long as its claim lasts."""

    board: Board
    workshop: Workshop
    job: Job
    stopping: Callable[[], bool]
    name: str = field(default_factory=lambda: uuid4().hex)
    own: int = 0
    """The range that stands for what is done here."""
    _fresh: int = 0

    def run(self) -> Outcome:
        """Lay out what is not laid out yet, and see that it is done."""
        claim = self.job.claim
        before = claim.request_id, claim.done, claim.result.get("counts", {})
        self.own = coordinate(self.workshop.engine, before, self.name)
        if not self._tell().is_laid_out and not self._lay_out():
            return Outcome(more=True)
        self.job.part()
        while not self.stopping():
            try:
                if self._is_over(self._tell()):
                    break
            except (DatabaseUnavailable, OperationalError, EngineLostError) as error:
                log.debug(
                    "shared_backfill_waits",
                    says="request {request}: {error}; it is looked after in a moment",
                    request=claim.request_id,
                    error=error,
                )
            self._wait()
        return self._end()

    def _is_over(self, now: Standing) -> bool:
        """Begin what can be begun; return whether nothing is left to do."""
        if now.failed:
            return True
        if now.stale:
            self._lay_out(now.stale)
            return False
        self.board.begin(self.job.claim.mailbox_id, now.ready)
        return not now.open

    def _end(self) -> Outcome:
        engine, claim = self.workshop.engine, self.job.claim
        now = self._tell()
        over = now.failed or not (now.open or now.stale)
        if self.job.unwanted or self.job.yields or now.failed:
            self._take_back(now)
        if self.job.lost or not (over or self.job.unwanted):
            # Ranges in hand go on; whoever takes the request up finds what came of them.
            return Outcome(more=True)
        now = self._told(close(engine, claim.request_id, self.workshop.clock()))
        error = None if self.job.unwanted else now.failed or now.left_out
        return Outcome(error, more=bool(error or now.open))

    def _take_back(self, now: Standing) -> None:
        """Take back what has not begun; where a person stopped it, let what has begun finish its batch."""
        until = time.monotonic() + LEAVING
        try:
            while self.board.take_back(now.open) and self.job.unwanted and time.monotonic() < until:
                time.sleep(STEP)
        except EngineLostError:
            log.debug(
                "shared_backfill_jobs_left",
                says="request {request}: its jobs end by themselves",
                request=self.job.claim.request_id,
            )

    def _tell(self) -> Standing:
        engine = self.workshop.engine
        now = self._told(standing(engine, self.job.claim.request_id, self.workshop.clock()))
        grown = sum(now.done >= each for each in FRESH_STATISTICS)
        if grown > self._fresh:
            refresh_statistics(engine)
        self._fresh = grown
        return now

    def _told(self, now: Standing) -> Standing:
        """Tell how far the whole is: the job adds what its request had when it was claimed."""
        claim = self.job.claim
        self.job.coming, self.job.done = now.coming - claim.coming, now.done - claim.done
        self.job.result = {"counts": dict(now.counts)}
        return now

    def _lay_out(self, only: Sequence[str] = ()) -> bool:
        """Learn what the mailbox sent, and lay out what is not recorded; return whether that was done."""
        engine, claim, clock = self.workshop.engine, self.job.claim, self.workshop.clock
        spans: list[Span] = []

        def read(visit: Visit, folder: str, *, since: date | None, junk: bool, **_: Any) -> None:
            if not only or folder in only:
                spans.extend(cut(*list_folder(visit, folder, since), junk=junk))

        def noted(session: Session, messages: int, report: PollReport) -> None:
            note(session, self.own, self.name, messages, report)

        def progress(coming: int, _done: int) -> None:
            if coming:
                expect(engine, self.own, self.name, coming)
            self._tell()

        report, watch = PollReport(), Watch(clock=clock, stopping=self.stopping, progress=progress)
        error: str | None = None
        with self.workshop.visiting(self.job, claim.mailbox_id, watch, report) as (visit, mailbox):
            try:
                take_in_all(replace(visit, read=read, note=noted), mailbox, since=claim.since)
            except MailboxError as caught:
                # A folder that cannot be opened keeps no other waiting.
                if caught.trouble is not Trouble.FOLDER:
                    raise
                error = f"{caught}. All else is taken in; ask for the backfill again once that can be read"
        if report.more:
            return False
        lay_out(engine, (self.own, self.name), spans, clock(), error)
        if only:
            give_up(engine, claim.request_id, only, clock())
        return True

    def _wait(self) -> None:
        until = time.monotonic() + LOOK
        while time.monotonic() < until and not self.stopping():
            time.sleep(STEP)
