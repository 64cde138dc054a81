"""imapclient's client, for thousands of short sessions: it hears alerts, and costs a third less to open."""

from __future__ import annotations

import imaplib
import io
import logging
import re
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from imapclient import IMAPClient

from config import logs

_SAID: Final = logging.getLogger("imapclient.imaplib")
"""Where imapclient writes what is said, without what signs in."""
# What a person has to be shown (RFC 9051 7.1), wherever a server says it.
_ALERT: Final = re.compile(rb"(?:\S+ )(?:OK|NO|BAD|BYE|PREAUTH) \[ALERT\] *(.*)", re.IGNORECASE | re.DOTALL)
# What a server greets with (RFC 9051 7.1).
_GREETING: Final = re.compile(rb"\* (OK|PREAUTH|BYE)\b", re.IGNORECASE)
_LONGEST_TOLD: Final = 200
MOST_ADDRESSES: Final = 8
"""Of one name: a name with thousands would keep a thread waiting for hours."""
_TAG: Final = b"IW"
ALERT: Final = b"[ALERT]"
NOT_YET: Final = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)
"""What a socket raises that does not block, where nothing came."""
_AT_ONCE: Final = 1_048_576
_SMALL: Final = 1_024


log = logs.logger(__name__)


class NotImapError(imaplib.IMAP4.abort):
    """Whatever answered is no mail server; what it said is told to the log alone, as it may be meant for others."""


class Client(IMAPClient):  # type: ignore[misc]
    """A connection to an IMAP server; `context` encrypts it from the first octet, None leaves that to STARTTLS.

    Args:
        host: its name, which a certificate has to bear.
        port: where it listens.
        context: how TLS is spoken.
        timeout: seconds that each answer may take.
        alert: is told what the server wants a person to be shown (RFC 9051 7.1), as long as the connection lasts.
        begun: is given a second handle of the connection before a word is said over it, to cut it with.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        context: ssl.SSLContext | None,
        timeout: float,
        alert: Callable[[str], None],
        begun: Callable[[socket.socket], None] | None,
    ) -> None:
        self._alert, self._begun = alert, begun
        super().__init__(host, port, ssl=context is not None, ssl_context=context, timeout=timeout)
        if not _SAID.isEnabledFor(logging.DEBUG):
            # Written out, each line costs as much as understanding it.
            self._imap.debug = 0
        self.normalise_times = False

    def hear(self, line: bytes) -> None:
        """Tell of the alert that a server's line may be."""
        _hear(line, self._alert)

    def take_leave(self) -> None:
        """Say LOGOUT, and wait for no answer."""
        self._imap.send(b"%b LOGOUT\r\n" % self._imap._new_tag())  # noqa: SLF001 - imaplib waits, and imapclient with it

    def _create_IMAP4(self) -> imaplib.IMAP4:  # noqa: N802 - imapclient's name
        return _Session(self.host, self.port, self.ssl_context, self._timeout.connect, self._alert, self._begun)


class _Small(io.BufferedReader):
    """A buffer of a connection that waits."""


class _Session(imaplib.IMAP4):
    """imaplib's session, with what it does for each connection anew done once, and a reader that others may use."""

    def __init__(
        self,
        host: str,
        port: int,
        context: ssl.SSLContext | None,
        timeout: float,
        alert: Callable[[str], None],
        begun: Callable[[socket.socket], None] | None,
    ) -> None:
        self._context, self._alert, self._begun = context, alert, begun
        self._is_greeted = False
        super().__init__(host, port, timeout)

    @property
    def tagpre(self) -> Any:
        """Return what every tag begins with: one word for all connections, since imaplib compiles a pattern of it."""
        return _TAG

    @tagpre.setter
    def tagpre(self, _: Any) -> None:
        pass

    @property
    def sock(self) -> Any:
        """Return the socket; each has a reader of its own, so that nothing said before STARTTLS is read after it."""
        return self._line

    @sock.setter
    def sock(self, line: socket.socket) -> None:
        self._line = line
        self.reader: io.BufferedReader = line.makefile("rb")

    def open(self, host: str = "", port: int = 143, timeout: float | None = None) -> None:
        """Connect."""
        self.host, self.port = host, port
        self.sock = self._create_socket(timeout)

    def read(self, size: int) -> bytes:
        """Read so many octets, or as many as come; room is made for what comes, not for what was announced."""
        pieces: list[bytes] = []
        while size > 0 and (piece := self.reader.read(min(size, _AT_ONCE))):
            pieces.append(piece)
            size -= len(piece)
        return b"".join(pieces)

    def readline(self) -> bytes:
        """Read a line, which is no longer than imaplib allows."""
        longest: int = imaplib._MAXLINE  # type: ignore[attr-defined] # noqa: SLF001 - it has no other name
        line = self.reader.readline(longest + 1)
        if len(line) > longest:
            raise self.error(f"got more than {longest} bytes")
        if line and not self._is_greeted:
            self._see_greeting(line)
        return line

    def drain(self) -> bytes:
        """Return what was read ahead, without waiting; little is read ahead from now on."""
        before = self._line.gettimeout()
        self._line.settimeout(0)
        try:
            ahead = self.reader.peek()
        except NOT_YET:
            ahead = b""
        self._line.settimeout(before)
        said = self.reader.read1(len(ahead)) if ahead else b""
        if not isinstance(self.reader, _Small):
            # It is empty now, and thousands of connections wait.
            self.reader = _Small(self.reader.detach(), _SMALL)
        return said

    def shutdown(self) -> None:
        """Close the connection."""
        self.reader.close()
        with suppress(OSError):
            self._line.shutdown(socket.SHUT_RDWR)
        self._line.close()

    def _create_socket(self, timeout: float | None) -> socket.socket:
        line = _connected(self.host, self.port, timeout)
        # imapclient sends a command's end on its own; with Nagle's algorithm that waits for the server's slow ACK.
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._begun:
            self._begun(line.dup())
        return self._context.wrap_socket(line, server_hostname=self.host) if self._context else line

    def _see_greeting(self, line: bytes) -> None:
        self._is_greeted = True
        if not _GREETING.match(line):
            log.warning(
                "no_imap_server",
                says="{host}:{port} is no IMAP server; it says {words!r}",
                host=self.host,
                port=self.port,
                words=line[:_LONGEST_TOLD],
            )
            raise NotImapError("what answers there is no IMAP server")

    def _get_capabilities(self) -> None:
        # Many servers tell them in their greeting (RFC 9051 7.1), and a question is a round trip. Once a command has
        # been sent, as STARTTLS, what they told before is void (RFC 9051 6.2.1).
        told: list[Any] = self.untagged_responses.pop("CAPABILITY", [b""])
        self.capabilities = tuple(str(told[-1], "ascii", "replace").upper().split())
        if self.tagnum or "IMAP4REV1" not in self.capabilities:
            super()._get_capabilities()  # type: ignore[misc]

    def _append_untagged(self, typ: str, dat: Any) -> None:
        # imaplib takes a line's last bracket for the end of its response code; no capability holds one (RFC 9051 9).
        if typ == "CAPABILITY" and isinstance(dat, bytes):
            dat = dat.partition(b"]")[0]
        super()._append_untagged(typ, dat)  # type: ignore[misc]

    def _get_line(self) -> bytes:
        line: bytes = super()._get_line()  # type: ignore[misc]
        if ALERT in line:
            _hear(line, self._alert)
        return line

    def _log(self, _: Any) -> None:
        # imaplib keeps what was said last, passwords among it.
        pass


def _connected(host: str, port: int, timeout: float | None) -> socket.socket:
    """Connect to the first address that answers, of the first few that a name has."""
    failure: OSError | None = None
    for *_, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[:MOST_ADDRESSES]:
        try:
            return socket.create_connection((str(address[0]), port), timeout)
        except OSError as error:
            failure = error
    raise failure or OSError(f"{host} has no address")


def _hear(line: bytes, alert: Callable[[str], None]) -> None:
    if told := _ALERT.match(line):
        alert(told[1].decode("utf-8", "replace"))
