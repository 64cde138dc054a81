"""How the polls of a process went: what follows for each mailbox, kept until the database has it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from models.session import DatabaseUnavailable
from models.tables.mailboxes import Mailbox
from worker.daemon.due import Result, failure, success, wait, write_results
from worker.errors import MailboxError, Trouble
from worker.imap.manners import counts, pause_after, stops
from worker.reading.visit import PollReport


@dataclass(slots=True)
class Results:
    """Due times live in the mailbox table; a restart loses nothing but the count of refusals.

    Safe to use from several threads.
    """

    engine: Engine
    clock: Callable[[], datetime]
    poll_seconds: int
    random: Random = field(default_factory=Random)
    _unwritten: dict[int, Result] = field(default_factory=dict)
    _refusals: dict[int, tuple[int, int]] = field(default_factory=dict)
    """Of mailboxes that are not let in: the revision of which that is said, and how often in a row."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def unwritten(self) -> set[int]:
        """Return the mailboxes of which the database does not know yet how their last poll went."""
        with self._lock:
            return set(self._unwritten)

    def note(self, mailbox: Mailbox, failures: int, ended: Exception | PollReport) -> None:
        """Note how a poll ended, of a mailbox that had failed so many times in a row before."""
        with self._lock:
            self._unwritten[mailbox.id] = self._result(mailbox, failures, ended)

    def write(self, owns: Callable[[int], bool]) -> None:
        """Write down what was noted of mailboxes that this worker still `owns`; of the others their owner knows better.

        Raises:
            DatabaseUnavailable, OperationalError: the database does not take it now; it is kept for later.
        """
        with self._lock:
            results, self._unwritten = self._unwritten, {}
        results = {each: result for each, result in results.items() if owns(each)}
        if not results:
            return
        try:
            write_results(self.engine, results)
        except (DatabaseUnavailable, OperationalError):
            with self._lock:
                self._unwritten = results | self._unwritten
            raise

    def _result(self, mailbox: Mailbox, failures: int, ended: Exception | PollReport) -> Result:
        now = self.clock()
        if isinstance(ended, PollReport):
            self._refusals.pop(mailbox.id, None)
            seconds = self.poll_seconds * self.random.uniform(0.9, 1.1)
            return success(now, now if ended.more else now + timedelta(seconds=seconds), ended.backlog)
        failures += counts(ended)
        next_poll_at = now + pause_after(ended, failures, self.poll_seconds, self.random)
        trouble = ended.trouble if isinstance(ended, MailboxError) else Trouble.OTHER
        if trouble is Trouble.TURN:
            return wait(next_poll_at)
        # Who changed or resumed it meanwhile begins anew.
        revision, refusals = self._refusals.pop(mailbox.id, (mailbox.revision, 0))
        refusals = (refusals if revision == mailbox.revision else 0) + 1 if trouble is Trouble.SIGN_IN else 0
        if refusals:
            self._refusals[mailbox.id] = mailbox.revision, refusals
        stopped_at = now if stops(ended, refusals) else None
        return failure(ended, failures, next_poll_at, stopped_at, mailbox.revision)
