"""A connection that waits for the server to speak (IDLE, RFC 2177): a hint that mail came, never the proof."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, Final

from imapclient.exceptions import IMAPClientAbortError, IMAPClientError

from worker.imap.client import ALERT, NOT_YET, Client
from worker.imap.together import numbers, questions

_AT_ONCE: Final = 16_384
_MOST_READS: Final = 64
_LONGEST: Final = 65_536
"""Octets of a line that does not end; a server in its right mind says little here."""


class Heard(StrEnum):
    """What a waiting connection said."""

    NOTHING = "nothing"
    NEWS = "news"
    """The folder holds other messages (EXISTS, EXPUNGE)."""
    END = "end"
    """The server says farewell, or the connection broke."""


class Ear:
    """Listens to one connection in IDLE without ever blocking.

    The socket belongs to it from `listen` to `done`; what a server says in between never reaches imaplib, but for the
    end of a line that was heard in part.
    """

    __slots__ = ("_client", "_exists", "_line", "_timeout")

    def __init__(self, client: Client, exists: int) -> None:
        self._client = client
        self._exists = b"%d" % exists
        self._timeout = client.socket().gettimeout()
        self._line = b""

    def listen(self) -> Heard:
        """Begin to wait, and say what was said already.

        Raises:
            IMAPClientError, OSError: the server refuses, or the connection broke.
        """
        imap: Any = self._client._imap  # noqa: SLF001 - imapclient has no name for it
        # What came behind the server's last answer lies in imaplib's buffer, where no selector sees it.
        before = self._understand(imap.drain())
        heard, _ = self._exchange(b"", [b"IDLE"])
        return heard if before is Heard.NOTHING else before

    def fileno(self) -> int:
        """Return the number of the socket, for a selector."""
        return int(self._client.socket().fileno())

    def hear(self) -> Heard:
        """Read what was said since."""
        heard = Heard.NOTHING
        for _ in range(_MOST_READS):
            try:
                said = self._client.socket().recv(_AT_ONCE)
            except NOT_YET:
                return heard
            except OSError:
                return Heard.END
            news = self._understand(said) if said else Heard.END
            heard = news if news is not Heard.NOTHING else heard
            if heard is Heard.END:
                return heard
        # Nobody says so much who only has news.
        return Heard.END

    def ask(self, asked: Sequence[tuple[str, str]]) -> tuple[Heard, list[Mapping[bytes, int]]]:
        """End the wait, ask for each folder's numbers (as `worker.imap.together`), and wait again: all in one go.

        Returns what was heard of this folder and the numbers of those that were asked for.

        Raises:
            IMAPClientError, OSError: the connection is of no use any more.
        """
        heard, answers = self._exchange(b"DONE\r\n", [*questions(asked), b"IDLE"])
        return heard, numbers(asked, answers)

    def done(self) -> Heard:
        """Give the connection back to ordinary commands; return what the end of a line said that was heard in part.

        Raises:
            IMAPClientError, OSError: the connection is of no use any more.
        """
        self._client.socket().settimeout(self._timeout)
        # imaplib would not understand the end of a line alone.
        rest: bytes = self._client._imap._get_line() + b"\n" if self._line else b""  # noqa: SLF001 - nor has imapclient a name for it
        heard = self._understand(rest)
        if heard is Heard.END:
            raise IMAPClientAbortError("the server ended the wait")
        self._client.idle_done()
        return heard

    def _exchange(self, end: bytes, commands: Sequence[bytes]) -> tuple[Heard, list[bytes]]:
        """Send commands, of which the last is IDLE, behind what ends the wait before; hear until all is answered.

        Returns what was heard of the folder, and what stood behind `* STATUS`.
        """
        client, imap = self._client, self._client._imap  # noqa: SLF001 - as in worker.imap.together
        *tags, waits = [imap._new_tag() for _ in commands]  # noqa: SLF001 - the same
        # A NOOP that is refused, or a wait that ends otherwise than asked, proves nothing.
        decisive = {client._idle_tag, *tags[:1]}  # noqa: SLF001 - the same
        unanswered = {*tags, b"+", *([client._idle_tag] if end else [])}  # noqa: SLF001 - the same
        answers, news, line = list[bytes](), False, client.socket()
        line.settimeout(self._timeout)
        line.sendall(end + b"".join(b"%b %b\r\n" % pair for pair in zip((*tags, waits), commands, strict=True)))
        while unanswered:
            said = line.recv(_AT_ONCE)
            if not said or len(self._line) > _LONGEST:
                raise IMAPClientAbortError("the server ended the connection, or its line does not end")
            for words in self._lines(said):
                first, _, rest = words.rstrip().partition(b" ")
                if first != b"*":
                    if first == waits or (first in decisive and rest[:2].upper() != b"OK"):
                        raise IMAPClientError(f"IDLE: {rest.decode('utf-8', 'replace')}")
                    unanswered.discard(first)
                elif rest[:7].upper() == b"STATUS ":
                    answers.append(rest[7:])
                elif (heard := self._meaning(words)) is Heard.END:
                    raise IMAPClientAbortError(rest.decode("utf-8", "replace"))
                else:
                    news |= heard is Heard.NEWS
        line.settimeout(0)
        client._idle_tag = waits  # noqa: SLF001 - the same
        imap.tagged_commands = {waits: None}
        return Heard.NEWS if news else Heard.NOTHING, answers

    def _understand(self, said: bytes) -> Heard:
        heard = {self._meaning(line) for line in self._lines(said)}
        if Heard.END in heard or len(self._line) > _LONGEST:
            return Heard.END
        return Heard.NEWS if Heard.NEWS in heard else Heard.NOTHING

    def _lines(self, said: bytes) -> list[bytes]:
        """Return the lines that are complete now."""
        *lines, self._line = (self._line + said).split(b"\n")
        for line in lines:
            if ALERT in line:
                self._client.hear(line.rstrip())
        return lines

    def _meaning(self, line: bytes) -> Heard:
        words = line.upper().split()
        # A wait that the server ends of itself is over.
        if words[:2] == [b"*", b"BYE"] or words[:1] == [self._client._idle_tag]:  # noqa: SLF001 - the same
            return Heard.END
        return Heard.NEWS if self._is_news(words) else Heard.NOTHING

    def _is_news(self, words: list[bytes]) -> bool:
        # Servers may tell the number that we know as well (RFC 9051 7.4.1).
        return words[2:3] == [b"EXPUNGE"] or (words[2:3] == [b"EXISTS"] and words[1] != self._exists)
