"""Connections that wait between polls, each for news of one folder (IDLE): one thread hears thousands of them.

A hint is never the base: every mailbox is polled on schedule all the same, which also renews each IDLE (RFC 2177 wants
that within 29 minutes) and proves each connection alive.
"""

from __future__ import annotations

import selectors
import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from worker.imap.failures import telling
from worker.imap.fetched import FolderState
from worker.imap.idle import Ear, Heard
from worker.mailbox import Mailbox

RENEW = timedelta(minutes=25)
"""How long a connection waits at most; servers end it after 30 minutes (RFC 9051 5.4)."""
LASTING = timedelta(minutes=1)


@dataclass(slots=True)
class Waiting:
    """A connection that waits; without an `ear` (the server has no IDLE) it is only kept."""

    imap: Mailbox
    ear: Ear | None
    since: datetime
    news: bool = False
    woke: bool = False
    """Whoever polls was told already."""

    def resume(self) -> None:
        """Bring the connection back to ordinary commands, or raise MailboxError."""
        if self.ear:
            with telling(self.imap.account, self.imap.name, "going on after waiting"):
                self.news |= self.ear.done() is Heard.NEWS

    def ask(self, states: Collection[FolderState]) -> tuple[Heard, bool]:
        """Ask as `worker.mailbox.Mailbox.ask`; what does not wait for news is not asked."""
        return self.imap.ask(self.ear, states) if self.ear else (Heard.NOTHING, False)


@dataclass(slots=True)
class WaitingRoom:
    """The connections of a process that wait, by mailbox id; safe to use from several threads.

    `wake` is called with the mailbox's id when one has news, ended, or waits for long; `hang_up` with one that ended.
    """

    clock: Callable[[], datetime]
    wake: Callable[[int], None]
    hang_up: Callable[[Mailbox], None]
    _there: dict[int, Waiting] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _selector: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)

    def __len__(self) -> int:
        """Return how many wait."""
        return len(self._there)

    def ids(self) -> set[int]:
        """Return the mailboxes whose connections wait."""
        with self._lock:
            return set(self._there)

    def get(self, mailbox_id: int) -> Waiting | None:
        """Return the connection of a mailbox, which goes on waiting."""
        return self._there.get(mailbox_id)

    def put(self, mailbox_id: int, waiting: Waiting) -> None:
        """Let a connection wait."""
        with self._lock:
            if waiting.ear:
                self._selector.register(waiting.ear, selectors.EVENT_READ, mailbox_id)
            self._there[mailbox_id] = waiting

    def take(self, mailbox_id: int) -> Waiting | None:
        """Take a connection away, so that nobody else uses it."""
        with self._lock:
            waiting = self._there.pop(mailbox_id, None)
            if waiting and waiting.ear:
                self._selector.unregister(waiting.ear)
            return waiting

    def listen(self, seconds: float) -> None:
        """Hear what the connections say within so many seconds."""
        for key, _ in self._selector.select(seconds):
            self._hear(key.data)

    def renew(self, now: datetime) -> None:
        """Wake the mailboxes whose connections have waited for so long that their servers soon end it."""
        with self._lock:
            due = [each for each, one in self._there.items() if not one.woke and abs(now - one.since) >= RENEW]
            for mailbox_id in due:
                self._there[mailbox_id].woke = True
        for mailbox_id in due:
            self.wake(mailbox_id)

    def close(self) -> None:
        """Hear nothing any more; what waits is to be taken away before."""
        self._selector.close()

    def _hear(self, mailbox_id: int) -> None:
        with self._lock:
            waiting = self._there.get(mailbox_id)
            if waiting is None or waiting.ear is None:
                return
            heard = waiting.ear.hear()
            if heard is Heard.END:
                del self._there[mailbox_id]
                self._selector.unregister(waiting.ear)
            wakes = not waiting.woke and (heard is Heard.NEWS or (heard is Heard.END and self._was_lasting(waiting)))
            waiting.news |= heard is Heard.NEWS
            waiting.woke |= wakes
        if heard is Heard.END:
            self.hang_up(waiting.imap)
        if wakes:
            self.wake(mailbox_id)

    def _was_lasting(self, waiting: Waiting) -> bool:
        # A server that ends every wait at once is polled on schedule, not in a circle.
        return abs(self.clock() - waiting.since) >= LASTING
