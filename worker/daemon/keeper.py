"""Lends each mailbox its one connection, kept since the last poll or new, and cuts what a server keeps from ending."""

from __future__ import annotations

import socket
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

from config import logs
from worker.daemon.waiting import Waiting, WaitingRoom
from worker.errors import MailboxError, Trouble
from worker.imap.account import Account
from worker.imap.connection import shut
from worker.imap.failures import telling
from worker.imap.fetched import FolderState
from worker.imap.idle import Heard
from worker.imap.manners import Hosts
from worker.mailbox import Mailbox

log = logs.logger(__name__)
T = TypeVar("T")

Opens = Callable[[Callable[[socket.socket], None]], Mailbox]
"""Opens a mailbox; a handle of the connection goes to whoever may have to cut it."""

LONGEST_POLL = timedelta(minutes=15)
"""How long a poll may take; it goes on at the next one where it was, and a server that only drips holds no thread."""
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
class Keeper:
    """Lends each mailbox its one connection, kept or new, and wakes whoever polls when one has news.

    `wake` is called with the mailbox's id, from the keeper's thread; it must not block.
    """

    hosts: Hosts
    clock: Callable[[], datetime]
    wake: Callable[[int], None]
    most: int = 2**31
    """Connections that may be kept in all."""
    _room: WaitingRoom = field(init=False)
    _working: dict[int, tuple[Callable[[], None], datetime]] = field(default_factory=dict)
    """What cuts the connections that polls work with, and since when they do."""
    _overtaxed: dict[str, datetime] = field(default_factory=dict)
    """Hosts that fell silent when all was asked in one go, and when. It may be too much for them."""
    _looked_at: datetime | None = None

    def __post_init__(self) -> None:
        """Make room for what waits."""
        self._room = WaitingRoom(self.clock, self.wake, partial(self._close, broken=True))

    def listen(self) -> None:
        """Hear what the waiting connections say within a second, and renew those that have waited long."""
        self._room.listen(LISTEN_SECONDS)
        now = self.clock()
        if self._looked_at is None or abs(now - self._looked_at) >= LOOK:
            self._looked_at = now
            self._room.renew(now)
            self.cut(LONGEST_POLL)

    def close(self) -> None:
        """Hang up every connection that waits."""
        for mailbox_id in self.kept():
            self.drop(mailbox_id)
        self._room.close()

    def drop(self, mailbox_id: int) -> None:
        """Hang up the connection of a mailbox that is polled no more."""
        kept = self._room.take(mailbox_id)
        if kept:
            self._close(kept.imap, broken=True)

    def kept(self) -> set[int]:
        """Return the mailboxes whose connections wait."""
        return self._room.ids()

    def keeps(self, mailbox_id: int) -> bool:
        """Say whether the mailbox has a connection that waits."""
        return self._room.get(mailbox_id) is not None

    def rests(self, mailbox_id: int, account: Account, states: Collection[FolderState]) -> bool:
        """Say whether all folders of a mailbox are as they were, asked over the connection that waits for its news.

        It goes on waiting. The answer is no as well where none waits, or none may any longer; then `line` tells more.

        Raises:
            MailboxError: the server does not answer, or it is not its turn.
        """
        kept = self._room.get(mailbox_id)
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
            resumed = self._use(mailbox_id, account, _resumed)
            line = resumed or self._opened(mailbox_id, account.host, opens)
        self._working[mailbox_id] = line.imap.cut, self.clock()
        broken, kept = True, False
        try:
            yield line
            waits_for, room = line.waits_for, len(self._room) < self.most and self.hosts.may_keep(account.host)
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

    def _use(self, mailbox_id: int, account: Account, use: Callable[[Waiting], T]) -> T | None:
        """Take a connection that waits and use it; where it ended, or was opened in another way, it is closed."""
        kept = self._room.take(mailbox_id)
        if kept is None:
            return None
        if _way(kept.imap.account) != _way(account):
            self._close(kept.imap, broken=True)
            return None
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

    def _asked(self, mailbox_id: int, kept: Waiting, states: Collection[FolderState]) -> bool:
        heard, same = kept.ask(states)
        kept.since, kept.news = self.clock(), kept.news or heard is Heard.NEWS
        kept.woke = kept.news
        self._room.put(mailbox_id, kept)
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
        self._room.put(mailbox_id, Waiting(imap, ear, self.clock(), news=news, woke=news))
        if news:
            self.wake(mailbox_id)
        return True

    def _close(self, imap: Mailbox, *, broken: bool = False) -> None:
        try:
            imap.close(broken=broken)
        finally:
            self.hosts.give_back(imap.account.host)


def _resumed(kept: Waiting) -> Line:
    kept.resume()
    return Line(kept.imap, kept=True, news=kept.news)


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
