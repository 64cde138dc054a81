"""One poll of one mailbox, from its row to what is noted of it: whatever happens, the daemon goes on."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Engine

from config import logs
from models.session import DatabaseUnavailable, reading
from models.tables.mailboxes import Mailbox
from worker.daemon.due import Due
from worker.daemon.keeper import Keeper
from worker.daemon.results import Results
from worker.errors import InputError, MailboxError
from worker.imap.manners import counts
from worker.reading.visit import PollReport
from worker.watch.metrics import Metrics

log = logs.logger(__name__)

Poll = Callable[[Mailbox, Keeper, Callable[[], bool]], PollReport]
"""Polls a mailbox; given the keeper that lends connections, and what tells it to stop after the batch in hand."""
Heard = Callable[[int, datetime, PollReport | Exception], None]
"""Hears of which mailbox a poll ended, when it began, and what came of it."""


@dataclass(slots=True)
class Polls:
    """Polls mailboxes by their ids; safe to use from several threads, one for each mailbox at a time."""

    engine: Engine
    clock: Callable[[], datetime]
    poll: Poll
    keeper: Keeper
    results: Results
    metrics: Metrics
    stop: threading.Event
    owns: Callable[[int], bool]
    """Says of a mailbox whether this daemon polls it."""
    heard: Heard
    leave: Callable[[int], None]
    """Hears of a mailbox that another worker polls by now."""
    _rows: dict[int, Mailbox] = field(default_factory=dict)

    def carry_out(self, mailbox_id: int, due: Due | None) -> None:
        """Poll a mailbox and note how it went; raises nothing."""
        try:
            self._poll_and_note(mailbox_id, due)
        except DatabaseUnavailable as error:
            # Before the poll began: the mailbox stays due.
            log.warning(
                "poll_not_begun",
                says="mailbox {mailbox_id}: {error}; it is tried again",
                mailbox_id=mailbox_id,
                error=error,
            )
        except Exception:
            log.exception(
                "poll_beginning_failed",
                says="mailbox {mailbox_id}: its poll could not begin, it is tried again",
                mailbox_id=mailbox_id,
            )

    def _poll_and_note(self, mailbox_id: int, due: Due | None) -> None:
        begun_at, started = self.clock(), time.monotonic()
        if not self.owns(mailbox_id):
            self.leave(mailbox_id)
            return
        mailbox = self._row(mailbox_id, due)
        if mailbox is None or mailbox.paused_at or mailbox.stopped_at:
            self.keeper.drop(mailbox_id)
            self.heard(mailbox_id, begun_at, InputError("it was paused or stopped; resume it, then ask again"))
            return
        came = self._poll(mailbox)
        self.metrics.polled(came if isinstance(came, Exception) else None, time.monotonic() - started)
        self.results.note(mailbox, due.failures if due else mailbox.failures, came)
        self.heard(mailbox_id, begun_at, came)
        if not self.owns(mailbox_id):
            self.leave(mailbox_id)

    def _poll(self, mailbox: Mailbox) -> PollReport | Exception:
        try:
            return self.poll(mailbox, self.keeper, lambda: self.stop.is_set() or not self.owns(mailbox.id))
        except MailboxError as error:
            if counts(error):
                log.warning("poll_failed", says="{error}", mailbox=mailbox.name, trouble=error.trouble, error=error)
            else:
                log.debug("poll_waits", says="{error}", mailbox=mailbox.name, trouble=error.trouble, error=error)
            return error
        except DatabaseUnavailable as error:
            log.warning(
                "poll_without_database",
                says="mailbox {mailbox}: {error}; it is tried again",
                mailbox=mailbox.name,
                error=error,
            )
            return error
        except Exception as error:
            log.exception("poll_broken", says="mailbox {mailbox}: poll failed, it is tried again", mailbox=mailbox.name)
            return error

    def _row(self, mailbox_id: int, due: Due | None) -> Mailbox | None:
        """Return what describes a mailbox; as it was read before where its revision is still the same."""
        known = self._rows.get(mailbox_id)
        if known and due and known.revision == due.revision:
            return known
        with reading(self.engine) as session:
            mailbox = session.get(Mailbox, mailbox_id)
        if mailbox is None:
            self._rows.pop(mailbox_id, None)
        else:
            self._rows[mailbox_id] = mailbox
        return mailbox
