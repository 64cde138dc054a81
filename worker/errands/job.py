"""One check or backfill that a person asked the daemon for: what is known of it while it runs, and how it is done."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import Engine

from classifier.judge import ReplyJudge
from config.settings import Settings
from models.session import reading
from models.tables.handling import Purpose, Wish
from models.tables.mailboxes import Mailbox
from worker.access import signed_in
from worker.backfill import take_in_all
from worker.errands.check import Opened, check
from worker.errands.claims import Claim
from worker.errands.outcomes import Outcome
from worker.errands.service import open_mailbox, station
from worker.imap.account import Account
from worker.imap.connection import shut
from worker.mailbox import Mailbox as Imap
from worker.mailbox import reach
from worker.reading.crews import Crews
from worker.reading.visit import PollReport, Visit, Watch, Wrote, unheard
from worker.totals import total
from worker.writing.stored import storable


@dataclass(slots=True)
class Cord:
    """What work over a connection can be cut with, from another thread."""

    _handles: list[socket.socket] = field(default_factory=list, init=False)
    _cuts: list[Callable[[], None]] = field(default_factory=list, init=False)

    def begun(self, handle: socket.socket) -> None:
        """Take a handle of its connection, to cut it with."""
        self._handles.append(handle)
        self._cuts.append(partial(shut, handle))

    def cut(self) -> None:
        """End its connections, so that it waits for no server any longer."""
        for each in list(self._cuts):
            each()

    def connected(self, imap: Imap) -> None:
        """Take the connection, which may be opened anew by itself."""
        self._cuts.append(imap.cut)

    def let_go(self) -> None:
        """Give up what it could be cut with."""
        self._cuts.clear()
        for handle in self._handles:
            handle.close()
        self._handles.clear()


@dataclass(slots=True)
class Job(Cord):
    """A request in hand. One thread carries it out, and tells here how far it is; another writes that down."""

    claim: Claim
    host: str
    team_id: int
    begun_at: datetime
    coming: int = 0
    done: int = 0
    result: dict[str, Any] = field(default_factory=dict)
    """Findings, or counts, from before on; replaced by its thread, never changed."""
    outcome: Outcome | None = None
    told_at: datetime | None = None
    """When it was told to stop."""
    unwanted: bool = False
    """A person stopped it."""
    yields: bool = False
    """It makes room for another team's, and goes on later."""
    lost: bool = False
    """The request is another's by now, or gone."""
    written: dict[str, Any] = field(default_factory=dict)
    """What was written down of it last."""
    thread: threading.Thread | None = None
    hang_up: Callable[[], None] = lambda: None
    """Counts its connection as closed at its host; to be called once by `part`."""

    def said(self) -> dict[str, Any]:
        """Return how far it is, as columns of its request."""
        claim = self.claim
        columns = {"coming": claim.coming + self.coming, "done": claim.done + self.done}
        return columns | {"result": storable(self.result)}

    def progress(self, coming: int, done: int, report: PollReport) -> None:
        """Hear how many messages are to come, and how many were taken in since."""
        self.coming, self.done = self.coming + coming, self.done + done
        self.result = {"counts": total(self.claim.result.get("counts", {}), report.counts())}

    def part(self) -> None:
        """Count its connection as closed at its host, if that was not done before."""
        self.hang_up, hang_up = _nothing, self.hang_up
        hang_up()


def _nothing() -> None:
    pass


@dataclass(frozen=True, slots=True)
class Workshop:
    """What every job of a daemon works with; `classifier` gives what serves at the moment."""

    engine: Engine
    settings: Settings
    clock: Callable[[], datetime]
    classifier: Callable[[], ReplyJudge]
    crews: Crews
    share: Share | None = None
    """Has the workers of a fleet do a backfill together; None: it is done here."""
    wrote: Wrote = unheard
    """Hears of every batch once it is committed."""

    def carry_out(self, job: Job, stopping: Callable[[], bool]) -> Outcome:
        """Do what was asked for, until it is done or `stopping`.

        Raises:
            MailboxError, InputError: as `worker.backfill.backfill_imap`; what a check finds is no failure of it.
        """
        if job.claim.wish is Wish.CHECK:
            return self._check(job, stopping)
        if self.share:
            return self.share(self, job, stopping)
        report = PollReport()
        progress = partial(job.progress, report=report)
        watch = Watch(clock=self.clock, stopping=stopping, progress=progress, wrote=self.wrote)
        with self.visiting(job, job.claim.mailbox_id, watch, report) as (visit, mailbox):
            take_in_all(visit, mailbox, since=job.claim.since)
        job.progress(0, 0, report)
        return Outcome(more=report.more)

    @contextmanager
    def visiting(
        self, cord: Cord, mailbox_id: int, watch: Watch, report: PollReport
    ) -> Iterator[tuple[Visit, Mailbox]]:
        """Open a mailbox to take in its past, with every CPU that the settings allow.

        Raises:
            MailboxError: it cannot be reached or signed in to.
            InputError: it was removed.
        """
        mailbox, desk = open_mailbox(self.engine, mailbox_id, self.settings, self.classifier())
        with self.crews.use(desk.classifier) as understanding, self._open(cord, mailbox) as imap:
            where = station(self.engine, self.settings, watch, understanding=understanding)
            yield Visit(where, desk, imap, report, purpose=Purpose.BACKFILL), mailbox

    def _check(self, job: Job, stopping: Callable[[], bool]) -> Outcome:
        with reading(self.engine) as session:
            mailbox = session.get_one(Mailbox, job.claim.mailbox_id)

        def opening(opened: Callable[[Account], Opened]) -> Opened:
            return signed_in(self.engine, mailbox, self.settings, self.clock(), opened)

        findings: list[dict[str, Any]] = []
        for finding in check(mailbox, opening, self.settings.imap_timeout, self.clock, job.begun):
            if stopping():
                return Outcome(more=True)
            findings.append(asdict(finding))
            job.result = {"findings": list(findings)}
        return Outcome()

    @contextmanager
    def _open(self, cord: Cord, mailbox: Mailbox) -> Iterator[Imap]:
        reaches = partial(reach, name=mailbox.name, begun=cord.begun)
        imap = signed_in(self.engine, mailbox, self.settings, self.clock(), reaches)
        cord.connected(imap)
        broken = True
        try:
            yield imap
            broken = False
        finally:
            imap.close(broken=broken)


Share = Callable[[Workshop, Job, Callable[[], bool]], Outcome]
