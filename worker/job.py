"""One check or backfill that a person asked the daemon for: what is known of it while it runs, and how it is done."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import Engine

from classifier.judge import ReplyJudge
from config.settings import Settings
from models.handling import Purpose, Wish
from models.session import reading
from models.tables import Mailbox
from worker.access import signed_in
from worker.backfill import take_in_all
from worker.check import Opened, check
from worker.claims import Claim
from worker.imap import Account, shut
from worker.mailbox import Mailbox as Imap
from worker.mailbox import reach
from worker.service import open_mailbox, station
from worker.stored import storable
from worker.visit import PollReport, Visit, Watch


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a job ended: why it failed, whether more was to be done, and after what time it is gone on with by itself."""

    error: str | None = None
    more: bool = False
    again_in: timedelta | None = None


@dataclass(slots=True)
class Job:
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
    _handles: list[socket.socket] = field(default_factory=list)
    _cuts: list[Callable[[], None]] = field(default_factory=list)

    def said(self) -> dict[str, Any]:
        """Return how far it is, as columns of its request."""
        claim = self.claim
        columns = {"coming": claim.coming + self.coming, "done": claim.done + self.done}
        return columns | {"result": storable(self.result)}

    def progress(self, coming: int, done: int, report: PollReport) -> None:
        """Hear how many messages are to come, and how many were taken in since."""
        self.coming, self.done = self.coming + coming, self.done + done
        self.result = {"counts": total(self.claim.result.get("counts", {}), report.counts())}

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


@dataclass(frozen=True, slots=True)
class Workshop:
    """What every job of a daemon works with; `classifier` gives what serves at the moment."""

    engine: Engine
    settings: Settings
    clock: Callable[[], datetime]
    classifier: Callable[[], ReplyJudge]

    def carry_out(self, job: Job, stopping: Callable[[], bool]) -> Outcome:
        """Do what was asked for, until it is done or `stopping`.

        Raises:
            MailboxError, InputError: as `worker.backfill.backfill_imap`; what a check finds is no failure of it.
        """
        if job.claim.wish is Wish.CHECK:
            return self._check(job, stopping)
        mailbox, desk = open_mailbox(self.engine, job.claim.mailbox_id, self.settings, self.classifier())
        report = PollReport()
        watch = Watch(clock=self.clock, stopping=stopping, progress=partial(job.progress, report=report))
        with self._open(job, mailbox) as imap:
            where = station(self.engine, self.settings, watch)
            visit = Visit(where, desk, imap, report, purpose=Purpose.BACKFILL)
            take_in_all(visit, mailbox, since=job.claim.since)
        job.progress(0, 0, report)
        return Outcome(more=report.more)

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
    def _open(self, job: Job, mailbox: Mailbox) -> Iterator[Imap]:
        reaches = partial(reach, name=mailbox.name, begun=job.begun)
        imap = signed_in(self.engine, mailbox, self.settings, self.clock(), reaches)
        job.connected(imap)
        broken = True
        try:
            yield imap
            broken = False
        finally:
            imap.close(broken=broken)


def total(before: Mapping[str, Any], since: Mapping[str, Any]) -> dict[str, Any]:
    """Return counts that add up what was done before and since."""
    summed = dict(before)
    for name, value in since.items():
        earlier = before.get(name)
        summed[name] = total(earlier or {}, value) if isinstance(value, Mapping) else (earlier or 0) + value
    return summed
