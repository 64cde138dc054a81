"""A network that fails on purpose: a proxy before a server, whose faults may be changed while it runs.

with FaultyProxy(dovecot.port) as proxy:
    proxy.faults = Faults(cut_after=1_000)
"""

from __future__ import annotations

import selectors
import socket
import struct
import threading
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Self

HOST: Final = "127.0.0.1"
MOST: Final = 65_536
# How soon a connection that waits notices that its faults were changed.
STEP_SECONDS: Final = 0.02
# With no time to linger, closing sends a reset in place of an orderly end.
_NO_LINGER: Final = struct.pack("ii", 1, 0)


@dataclass(frozen=True, slots=True)
class Faults:
    """What befalls a connection; octets are counted from its beginning, those of each direction by themselves.

    After `cut_after` octets of the server's answers, or `cut_asking_after` of what the client says, it ends (with a
    reset if `reset`); after `stall_after` the server is not heard any more. At the octet `splice_at` of the answers
    `lose` octets vanish and `insert` comes in their place. Answers are handed on `chunk` octets at a time, each after
    `pause` seconds. With `refuse` whoever comes is shown the door.
    """

    cut_after: int | None = None
    cut_asking_after: int | None = None
    reset: bool = False
    stall_after: int | None = None
    splice_at: int | None = None
    lose: int = 0
    insert: bytes = b""
    chunk: int = MOST
    pause: float = 0.0
    refuse: bool = False


class FaultyProxy:
    """Stands before a server's port on a port of its own.

    `faults` hold for every connection, also those that are open; one that finds something in `coming` when it begins
    takes it for its own instead.
    """

    def __init__(self, target: int, faults: Faults = Faults()) -> None:
        self.target, self.faults = target, faults
        self.coming: deque[Faults] = deque()
        self.connections: list[Connection] = []
        self.closing = False
        self._listener = socket.create_server((HOST, 0), backlog=512)
        self.port = int(self._listener.getsockname()[1])
        self._thread = threading.Thread(target=self._accept, name="faulty proxy", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing = True
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join(10)
        self._listener.close()
        for each in self.connections:
            each.thread.join(10)

    def drop_all(self) -> None:
        """End every open connection."""
        for each in self.connections:
            each.dropped = True

    def _accept(self) -> None:
        with suppress(OSError):
            while not self.closing:
                visitor, _ = self._listener.accept()
                own = self.coming.popleft() if self.coming else None
                connection = Connection(self, visitor, own)
                self.connections.append(connection)
                connection.thread.start()


class Connection:
    """One connection through the proxy; `asked` and `answered` are the octets that came through so far."""

    def __init__(self, proxy: FaultyProxy, visitor: socket.socket, own: Faults | None) -> None:
        self.asked = self.answered = 0
        self.dropped = False
        self.thread = threading.Thread(target=self._run, name="faulty connection", daemon=True)
        self._proxy, self._client, self._own = proxy, visitor, own
        self._spliced = False
        self._to_lose = 0

    @property
    def faults(self) -> Faults:
        return self._own or self._proxy.faults

    def _run(self) -> None:
        with self._client, suppress(OSError):
            if self.faults.refuse:
                self._end()
                return
            with socket.create_connection((HOST, self._proxy.target)) as server:
                for end in (self._client, server):
                    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._talk(server)
            self._end()

    def _talk(self, server: socket.socket) -> None:
        with selectors.DefaultSelector() as selector:
            for end in (self._client, server):
                selector.register(end, selectors.EVENT_READ)
            while not (self.dropped or self._proxy.closing or self._is_over()):
                for key, _ in selector.select(STEP_SECONDS):
                    alive = self._ask(server) if key.fileobj is self._client else self._answer(server)
                    if not alive:
                        return

    def _is_over(self) -> bool:
        faults = self.faults
        return _reached(faults.cut_after, self.answered) or _reached(faults.cut_asking_after, self.asked)

    def _ask(self, server: socket.socket) -> bool:
        said = self._client.recv(_room(self.faults.cut_asking_after, self.asked))
        server.sendall(said)
        self.asked += len(said)
        return bool(said)

    def _answer(self, server: socket.socket) -> bool:
        faults = self.faults
        if _reached(faults.stall_after, self.answered):
            time.sleep(STEP_SECONDS)
            return True
        if _reached(faults.splice_at, self.answered) and not self._spliced:
            self._spliced, self._to_lose = True, faults.lose
            self._client.sendall(faults.insert)
        if self._to_lose:
            lost = server.recv(self._to_lose)
            self._to_lose -= len(lost)
            return bool(lost)
        limits = (faults.cut_after, faults.stall_after, faults.splice_at)
        said = server.recv(min(faults.chunk, *(_room(each, self.answered) for each in limits)))
        time.sleep(faults.pause)
        self._client.sendall(said)
        self.answered += len(said)
        return bool(said)

    def _end(self) -> None:
        if self.faults.reset:
            self._client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        else:
            self._client.shutdown(socket.SHUT_RDWR)


def _reached(limit: int | None, octets: int) -> bool:
    return limit is not None and octets >= limit


def _room(limit: int | None, octets: int) -> int:
    return MOST if limit is None or octets >= limit else limit - octets
