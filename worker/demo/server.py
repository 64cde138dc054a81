"""An IMAP server inside this process, holding the sample mailbox: the demo needs nothing installed."""

from __future__ import annotations

import asyncio
import secrets
import threading
from argparse import Namespace
from collections.abc import Coroutine, Iterable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from ssl import PROTOCOL_TLS_SERVER, SSLContext
from typing import Any, Protocol

from proxyprotocol.sock import SocketInfo
from pymap.backend.dict import Config, Login
from pymap.backend.dict.filter import FilterSet
from pymap.backend.dict.mailbox import MailboxData, MailboxSet
from pymap.concurrent import Subsystem
from pymap.imap import IMAPServer
from pymap.parsing.message import AppendMessage
from pymap.parsing.specials.flag import Flag, Seen
from pymap.user import UserMetadata
from pysasl.hashing import Cleartext

HOST = "127.0.0.1"
USERNAME = "demo"
SENT = "Sent"
GREETING = b"Sample mailbox ready"


class Stored(Protocol):
    """A mail as the mailbox keeps it: its bytes, and when it arrived (INTERNALDATE)."""

    @property
    def raw(self) -> bytes:
        """The message, lines ended by CRLF."""

    @property
    def arrived_at(self) -> datetime:
        """Aware; IMAP keeps whole seconds."""


@dataclass(frozen=True, slots=True)
class _Running:
    """A server that listens, what it holds, and what ends it."""

    port: int
    mailboxes: MailboxSet
    loop: asyncio.AbstractEventLoop
    stop: asyncio.Event


@dataclass(frozen=True, slots=True)
class Address:
    """Where the server listens (plain IMAP, loopback only) and who may log in."""

    host: str
    port: int
    username: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Served(Address):
    """A mailbox that is served until the end of the block, and may get more mail."""

    _running: _Running = field(repr=False)

    def deliver(self, inbox: Iterable[Stored], sent: Iterable[Stored]) -> None:
        """Put more mails into the folders INBOX and Sent, in the order given."""
        filling = _fill(self._running.mailboxes, {"INBOX": list(inbox), SENT: list(sent)})
        asyncio.run_coroutine_threadsafe(filling, self._running.loop).result()


@contextmanager
def serving(inbox: Iterable[Stored], sent: Iterable[Stored]) -> Iterator[Served]:
    """Serve the mails, in the order given, as the folders INBOX and Sent until the block ends.

    The server runs in a thread of its own on a free port of the loopback interface. Leaving the block disconnects
    whoever is still connected and ends the thread.
    """
    password = secrets.token_urlsafe()
    ready: Future[_Running] = Future()
    thread = threading.Thread(target=_run, args=(_serve(password, ready), ready), name="demo-imap", daemon=True)
    thread.start()
    running = ready.result()
    try:
        mailbox = Served(HOST, running.port, USERNAME, password, running)
        mailbox.deliver(inbox, sent)
        yield mailbox
    finally:
        running.loop.call_soon_threadsafe(running.stop.set)
        thread.join()


def _run(server: Coroutine[Any, Any, None], ready: Future[_Running]) -> None:
    try:
        asyncio.run(server)
    except BaseException as error:
        if ready.done():
            raise
        # The caller waits for the port: the error is theirs.
        ready.set_exception(error)


async def _serve(password: str, ready: Future[_Running]) -> None:
    config = _LocalConfig(password)
    login = Login(config)
    login.users_dict[USERNAME] = UserMetadata(config, USERNAME, password=password)
    mailboxes = MailboxSet()
    await mailboxes.add_mailbox(SENT)
    config.set_cache[USERNAME] = (mailboxes, FilterSet())
    connections = _Connections(IMAPServer(login, config))
    server = await asyncio.start_server(connections.accept, HOST, 0)
    stop = asyncio.Event()
    ready.set_result(_Running(server.sockets[0].getsockname()[1], mailboxes, asyncio.get_running_loop(), stop))
    await stop.wait()
    server.close()
    await connections.close()
    await server.wait_closed()


class _LocalConfig(Config):
    """A server for one user over loopback: no TLS, no threads, nothing looked up on the network."""

    def __init__(self, password: str) -> None:
        super().__init__(
            Namespace(passlib_cfg=None, proxy_protocol=None),
            host=HOST,
            port=0,
            demo_data=False,
            demo_user=USERNAME,
            demo_password=password,
            tls_enabled=False,
            # Given, so that no certificate is read from wherever the environment points.
            ssl_context=SSLContext(PROTOCOL_TLS_SERVER),
            # The password protects invented mail; hashing it would cost each login time.
            hash_context=Cleartext(),
            cpu_subsystem=Subsystem.for_asyncio(),
        )

    @property
    def greeting(self) -> bytes:
        """Greet without the host's full name, whose look-up may wait seconds for a name server."""
        return GREETING


async def _fill(mailboxes: MailboxSet, folders: dict[str, list[Stored]]) -> None:
    for name, mails in folders.items():
        folder: MailboxData = await mailboxes.get_mailbox(name)
        flags: frozenset[Flag] = frozenset({Seen}) if name == SENT else frozenset()
        for mail in mails:
            await folder.append(AppendMessage(mail.raw, mail.arrived_at, flags))


class _Connections:
    """The open connections, so that the server can end them."""

    def __init__(self, imap: IMAPServer) -> None:
        self._imap = imap
        self._open: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Begin to speak IMAP with a client."""
        task = asyncio.create_task(self._talk(reader, writer))
        self._open[task] = writer
        task.add_done_callback(self._open.pop)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # A client may leave without a word, in the middle of an answer.
        with suppress(ConnectionError):
            await self._imap(reader, writer, SocketInfo.get(writer, None))
            await writer.wait_closed()

    async def close(self) -> None:
        """Disconnect every client: each conversation sees the end of its stream, and ends by itself."""
        for writer in self._open.values():
            writer.transport.abort()
        if self._open:
            await asyncio.wait(list(self._open))
