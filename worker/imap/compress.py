"""COMPRESS=DEFLATE (RFC 4978): a third of the octets for a mailbox that is read as a whole.

It costs both sides time and about 300 KB a connection, so only backfills ask for it.
"""

from __future__ import annotations

import io
import socket
import zlib
from ipaddress import ip_address
from typing import Any, Final

from worker.imap.client import Client

_RAW: Final = -zlib.MAX_WBITS
"""The bare stream, without zlib's own header and checksum."""
_AT_ONCE: Final = 65_536


def is_near(client: Client) -> bool:
    """Say whether the connection ends on this machine, as it does at a mail server that runs here."""
    host, *_ = client.socket().getpeername()
    return ip_address(host).is_loopback


def compress(client: Client) -> bool:
    """Compress what passes over a connection from now on; return whether the server can.

    Raises:
        IMAPClientError, OSError: the connection broke.
    """
    if not client.has_capability("COMPRESS=DEFLATE"):
        return False
    status, _ = client._raw_command(b"COMPRESS", [b"DEFLATE"], uid=False)  # noqa: SLF001 - imaplib refuses to say it
    if status != "OK":
        return False
    imap: Any = client._imap  # noqa: SLF001 - neither library has a seam there
    packed = imap.reader
    imap.sock = _Deflating(imap.sock)
    imap.reader = io.BufferedReader(_Inflating(packed), _AT_ONCE)
    return True


class _Inflating(io.RawIOBase):
    """Reads what a compressed stream holds."""

    def __init__(self, source: Any) -> None:
        self._source = source
        self._inflate = zlib.decompressobj(_RAW)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        room = len(buffer)
        said = self._inflated(self._inflate.unconsumed_tail, room)
        while not said:
            packed = self._source.read1(_AT_ONCE)
            if not packed:
                return 0
            said = self._inflated(packed, room)
        buffer[: len(said)] = said
        return len(said)

    def _inflated(self, packed: bytes, room: int) -> bytes:
        try:
            return self._inflate.decompress(packed, room)
        except zlib.error as error:
            raise OSError(f"the compressed stream is damaged: {error}") from error

    def close(self) -> None:
        self._source.close()
        super().close()


class _Deflating:
    """A socket that compresses what is sent, each command whole; everything else is the socket's own."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._deflate = zlib.compressobj(wbits=_RAW)

    def sendall(self, data: bytes) -> None:
        packed = self._deflate.compress(data) + self._deflate.flush(zlib.Z_SYNC_FLUSH)
        self._sock.sendall(packed)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)
