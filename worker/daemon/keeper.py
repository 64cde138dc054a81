"""Keeps connections of a process between polls, and hears over them that mail came (IDLE): one thread for thousands.

A hint is never the base: every mailbox is polled on schedule all the same, which also renews each IDLE (RFC 2177 wants
that within 29 minutes) and proves each connection alive.
"""

from __future__ import annotations

import selectors
import socket
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

from config import logs
from worker.errors import MailboxError, Trouble
from worker.imap.account import Account
from worker.imap.connection import shut
from worker.imap.failures import telling
from worker.imap.fetched import FolderState
from worker.imap.idle import Ear, Heard
from worker.imap.manners import Hosts
from worker.mailbox import Mailbox

log = logs.logger(__name__)
T = TypeVar("T")

Opens = Callable[[Callable[[socket.socket], None]], Mailbox]
"""Opens a mailbox; a handle of the connection goes to whoever may have to cut it."""

RENEW = timedelta(minutes=25)
"""How long a connection waits at most; servers end it after 30 minutes (RFC 9051 5.4)."""
LONGEST_POLL = timedelta(minutes=15)
"""How long a poll may take; it goes on at the next one where it was, and a server that only drips holds no thread."""
LASTING = timedelta(minutes=1)
BIT_BY_BIT = timedelta(hours=6)
"""How long a host is not asked all in one go that fell silent when it was."""
LOOK = timedelta(seconds=15)
LISTEN_SECONDS = 1.0


@dataclass(slots=True)
class Line:
    """A connection that one poll works with, and what is known of it."""

    imap: Mailbox
    kept: bool = False
    """It was opened by an earlier poll, so its end is nothing to worry about."""
    news: bool = False
    """The server told that mail came."""
    waits_for: FolderState | None = None
    """Set by the poll: keep it, and wait for news of this folder, as it was read."""


@dataclass(slots=True)
class _Kept:
    imap: Mailbox
    ear: Ear | None
    since: datetime
    news: bool = False
    woke: bool = False
    """Whoever polls was told already."""

    def resume(self) -> Line:
        """Bring the connection back to ordinary commands, or raise MailboxError."""
        if self.ear:
            with telling(self.imap.account, self.imap.name, "going on after waiting"):
                self.news |= self.ear.done() is Heard.NEWS
        return Line(self.imap, kept=True, news=self.news)

    def ask(self, states: Collection[FolderState]) -> tuple[Heard, bool]:
        """Ask as `worker.mailbox.Mailbox.ask`; what does not wait for news is not asked."""
        return self.imap.ask(self.ear, states) if self.ear else (Heard.NOTHING, False)


@dataclass(slots=True)
class Keeper:
    """Lends each mailbox its one connection, kept or new, and wakes whoever polls when one has news.

    `wake` is called with the mailbox's id, from the keeper's thread; it must not block.
    """

    hosts: Hosts
    clock: Callable[[], datetime]
    wake: Callable[[int], None]
    most: int = 2**31
    """Connections that may be kept in all."""
    _kept: dict[int, _Kept] = field(default_factory=dict)
    _working: dict[int, tuple[Callable[[], None], datetime]] = field(default_factory=dict)
    """What cuts the connections that polls work with, and since when they do."""
    _overtaxed: dict[str, datetime] = field(default_factory=dict)
    """Hosts that fell silent when all was asked in one go, and when. It may be too much for them."""
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _selector: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)
    _looked_at: datetime | None = None

    def listen(self) -> None:
        """Hear what the waiting connections say within a second, and renew those that have waited long."""
        for key, _ in self._selector.select(LISTEN_SECONDS):
            self._hear(key.data)
        now = self.clock()
        if self._looked_at is None or abs(now - self._looked_at) >= LOOK:
            self._looked_at = now
            self._renew(now)
            self.cut(LONGEST_POLL)

    def close(self) -> None:
        """Hang up every connection that waits."""
        for mailbox_id in list(self._kept):
            self.drop(mailbox_id)
        self._selector.close()

    def drop(self, mailbox_id: int) -> None:
        """Hang up the connection of a mailbox that is polled no more."""
        kept = self._take(mailbox_id)
        if kept:
            self._close(kept.imap, broken=True)

    def kept(self) -> set[int]:
        """Return the mailboxes whose connections wait."""
        with self._lock:
            return set(self._kept)

    def keeps(self, mailbox_id: int) -> bool:
        """Say whether the mailbox has a connection that waits."""
        return mailbox_id in self._kept

    def rests(self, mailbox_id: int, account: Account, states: Collection[FolderState]) -> bool:
        """Say whether all folders of a mailbox are as they were, asked over the connection that waits for its news.

        It goes on waiting. The answer is no as well where none waits, or none may any longer; then `line` tells more.

        Raises:
            MailboxError: the server does not answer, or it is not its turn.
        """
        kept = self._kept.get(mailbox_id)
        if kept is None or kept.ear is None or kept.news or not self.hosts.may_keep(kept.imap.account.host):
            return False
        since = self._overtaxed.get(account.host)
        if since is not None and abs(self.clock() - since) < BIT_BY_BIT:
            return False
        try:
            with self._asking(account.host):
                return self._use(mailbox_id, account, lambda kept: self._asked(mailbox_id, kept, states)) or False
        except MailboxError as error:
            if isinstance(error.__cause__, TimeoutError):
                self._overtaxed[account.host] = self.clock()
            raise

    @contextmanager
    def line(self, mailbox_id: int, account: Account, opens: Opens) -> Iterator[Line]:
        """Lend the mailbox's connection, or a new one; kept afterwards where the poll asks for it.

        Args:
            mailbox_id: whose it is.
            account: how it is reached; a connection that was opened in another way is not used any more.
            opens: opens a new one; it hands on a handle to cut it with, as soon as there is one.

        Raises:
            MailboxError: it cannot be reached or signed in to; or whatever the poll raises, then it is closed.
        """
        with self._asking(account.host):
            resumed = self._use(mailbox_id, account, _Kept.resume)
            line = resumed or self._opened(mailbox_id, account.host, opens)
        self._working[mailbox_id] = line.imap.cut, self.clock()
        broken, kept = True, False
        try:
            yield line
            waits_for, room = line.waits_for, len(self._kept) < self.most and self.hosts.may_keep(account.host)
            broken = bool(waits_for and room)
            kept = bool(waits_for and room and self._wait(mailbox_id, line.imap, waits_for))
        finally:
            self._working.pop(mailbox_id, None)
            if not kept:
                self._close(line.imap, broken=broken)

    def cut(self, longer: timedelta) -> None:
        """Cut every connection that has been lent for longer, so that nobody waits for its server for ever."""
        now = self.clock()
        for cut, since in list(self._working.values()):
            if abs(now - since) >= longer:
                cut()

    @contextmanager
    def _asking(self, host: str) -> Iterator[None]:
        """Speak to a host for somebody, unless it keeps another waiting."""
        if not self.hosts.ask(host, self.clock()):
            raise _not_yet(host)
        answered = True
        try:
            yield
        except MailboxError as error:
            answered = not isinstance(error.__cause__, TimeoutError)
            raise
        finally:
            self.hosts.asked(host, answered=answered)

    def _use(self, mailbox_id: int, account: Account, use: Callable[[_Kept], T]) -> T | None:
        """Take a connection that waits and use it; where it ended, or was opened in another way, it is closed."""
        kept = self._take(mailbox_id)
        if kept is None:
            return None
        if _way(kept.imap.account) == _way(account):
            self._working[mailbox_id] = kept.imap.cut, self.clock()
            try:
                return use(kept)
            except BaseException as error:
                self._close(kept.imap, broken=True)
                if not isinstance(error, MailboxError) or isinstance(error.__cause__, TimeoutError):
                    raise
                log.debug(
                    "kept_connection_ended",
                    says="a kept connection had ended: {error}",
                    mailbox_id=mailbox_id,
                    error=error,
                )
                return None
            finally:
                self._working.pop(mailbox_id, None)
        self._close(kept.imap, broken=True)
        return None

    def _asked(self, mailbox_id: int, kept: _Kept, states: Collection[FolderState]) -> bool:
        heard, same = kept.ask(states)
        kept.since, kept.news = self.clock(), kept.news or heard is Heard.NEWS
        kept.woke = kept.news
        self._put(mailbox_id, kept)
        return same and not kept.news

    def _opened(self, mailbox_id: int, host: str, opens: Opens) -> Line:
        now = self.clock()
        if not self.hosts.take(host, now):
            raise _not_yet(host)
        handles: list[socket.socket] = []

        def begun(handle: socket.socket) -> None:
            handles.append(handle)
            self._working[mailbox_id] = partial(shut, handle), now

        try:
            return Line(opens(begun))
        except BaseException as error:
            self.hosts.give_back(host)
            if isinstance(error, MailboxError) and error.trouble is Trouble.CROWDED:
                self.hosts.refused(host, now)
            raise
        finally:
            self._working.pop(mailbox_id, None)
            for handle in handles:
                handle.close()

    def _wait(self, mailbox_id: int, imap: Mailbox, state: FolderState) -> bool:
        """Leave the connection to wait for news of a folder; return whether it does."""
        try:
            with telling(imap.account, imap.name, "waiting for news"):
                ear = imap.listen(state.folder)
                # What came since the poll has read is told to nobody any more.
                news = ear is not None and not imap.stands_at(state)
                heard = ear.listen() if ear else Heard.NOTHING
        except MailboxError as error:
            # The poll itself went well; the next one opens a connection of its own.
            log.debug("connection_not_kept", says="{error}", mailbox=imap.name, error=error)
            return False
        if heard is Heard.END:
            return False
        news |= heard is Heard.NEWS
        self._put(mailbox_id, _Kept(imap, ear, self.clock(), news=news, woke=news))
        if news:
            self.wake(mailbox_id)
        return True

    def _put(self, mailbox_id: int, kept: _Kept) -> None:
        with self._lock:
            if kept.ear:
                self._selector.register(kept.ear, selectors.EVENT_READ, mailbox_id)
            self._kept[mailbox_id] = kept

    def _hear(self, mailbox_id: int) -> None:
        with self._lock:
            kept = self._kept.get(mailbox_id)
            if kept is None or kept.ear is None:
                return
            heard = kept.ear.hear()
            if heard is Heard.END:
                del self._kept[mailbox_id]
                self._selector.unregister(kept.ear)
            wakes = not kept.woke and (heard is Heard.NEWS or (heard is Heard.END and self._was_lasting(kept)))
            kept.news |= heard is Heard.NEWS
            kept.woke |= wakes
        if heard is Heard.END:
            self._close(kept.imap, broken=True)
        if wakes:
            self.wake(mailbox_id)

    def _was_lasting(self, kept: _Kept) -> bool:
        # A server that ends every wait at once is polled on schedule, not in a circle.
        return abs(self.clock() - kept.since) >= LASTING

    def _renew(self, now: datetime) -> None:
        with self._lock:
            due = [each for each, kept in self._kept.items() if not kept.woke and abs(now - kept.since) >= RENEW]
            for mailbox_id in due:
                self._kept[mailbox_id].woke = True
        for mailbox_id in due:
            self.wake(mailbox_id)

    def _take(self, mailbox_id: int) -> _Kept | None:
        with self._lock:
            kept = self._kept.pop(mailbox_id, None)
            if kept and kept.ear:
                self._selector.unregister(kept.ear)
            return kept

    def _close(self, imap: Mailbox, *, broken: bool = False) -> None:
        try:
            imap.close(broken=broken)
        finally:
            self.hosts.give_back(imap.account.host)


def _way(account: Account) -> tuple[object, ...]:
    """Return how a mailbox is reached, but for its token: a new one does not end a session that an older one began."""
    return account.host, account.port, account.security, account.ca_file, account.username, account.password


def _not_yet(host: str) -> MailboxError:
    return MailboxError(
        f"as many connections to {host} are open, or were opened just now, as are allowed (INBOX_HOST_CONNECTIONS,"
        " INBOX_HOST_CONNECTS_A_SECOND), or it answers nobody; the mailbox waits for its turn",
        permanent=False,
        trouble=Trouble.TURN,
    )
