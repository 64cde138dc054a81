"""Whose turn it is: mailboxes that are due and mailboxes with news, each polled by one thread at a time."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from worker.daemon.due import Due

Poll = tuple[int, Due | None]
"""A mailbox to poll, and what is known of it where it is due."""


@dataclass(slots=True)
class Turns:
    """Two queues that a pool of threads works off in turn, until `stop` is set; safe to use from several threads.

    `poll` is given a mailbox's id, and what is known of it where it is due; it raises nothing.
    """

    poll: Callable[[int, Due | None], None]
    threads: int
    stop: threading.Event
    _told: deque[Poll] = field(default_factory=deque)
    """Polls of mailboxes whose server told of mail."""
    _due: deque[Poll] = field(default_factory=deque)
    _turn: int = 0
    _working: int = 0
    """How many threads are at work, or begin with it at once."""
    _owed: int = 0
    """How many threads the machine did not give; each is at work once it gives one to the pool."""
    _busy: set[int] = field(default_factory=set)
    """Mailboxes that are queued or being polled."""
    _woken: set[int] = field(default_factory=set)
    """Mailboxes that have news while they are polled."""
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _pool: ThreadPoolExecutor = field(init=False)

    def __post_init__(self) -> None:
        """Make the threads."""
        self._pool = ThreadPoolExecutor(self.threads, "poll")

    def busy(self) -> set[int]:
        """Return the mailboxes that are queued or being polled."""
        with self._lock:
            return set(self._busy)

    def waiting(self) -> int:
        """Return how many due mailboxes wait for a thread."""
        return len(self._due)

    def add(self, due: Iterable[Due]) -> None:
        """Queue mailboxes that are due, but for those that were woken meanwhile: they are being polled already."""
        with self._lock:
            self._start(self._due, [(each.mailbox_id, each) for each in due if each.mailbox_id not in self._busy])

    def wake(self, mailbox_id: int) -> None:
        """Poll a mailbox at once, or again when the poll in hand is done."""
        with self._lock:
            if mailbox_id in self._busy:
                self._woken.add(mailbox_id)
            else:
                self._start(self._told, [(mailbox_id, None)])

    def close(self) -> None:
        """Wait until the polls in hand are done."""
        self._pool.shutdown(wait=True)

    def work(self, mailbox_id: int, due: Due | None = None) -> None:
        """Poll a mailbox whose turn has come."""
        with self._lock:
            # The poll that begins brings what its server told of until now.
            self._woken.discard(mailbox_id)
        self.poll(mailbox_id, due)
        with self._lock:
            self._busy.discard(mailbox_id)
            again = mailbox_id in self._woken
            self._woken.discard(mailbox_id)
        if again:
            self.wake(mailbox_id)

    def _start(self, queue: deque[Poll], polls: Sequence[Poll]) -> None:
        """Queue polls, and set threads to work on both queues."""
        if self.stop.is_set():
            return
        self._busy.update(mailbox_id for mailbox_id, _ in polls)
        queue.extend(polls)
        # Not only for these: what is queued since the machine gave no thread waits for one as well.
        for _ in range(min(len(self._told) + len(self._due), self.threads - self._working)):
            self._working += 1
            try:
                self._pool.submit(self._work_off)
            except RuntimeError:
                self._working -= 1
                self._owed += 1
                raise

    def _work_off(self) -> None:
        """Do what is queued until nothing is left, or until the daemon stops."""
        with self._lock:
            if self._owed:
                self._owed -= 1
                self._working += 1
        while (poll := self._next()) is not None:
            self.work(*poll)

    def _next(self) -> Poll | None:
        """Take from both queues in turn: whose servers tell of mail, and who has to ask, keep nobody waiting."""
        with self._lock:
            queues = (self._told, self._due)
            queue = next((each for each in queues[self._turn :] + queues if each), None)
            if queue is None or self.stop.is_set():
                self._working -= 1
                return None
            self._turn = 1 - self._turn
            return queue.popleft()
