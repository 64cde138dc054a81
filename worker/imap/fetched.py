"""What a fetch hands on, and how its answers are read and its batches cut."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from worker.imap.arrival import arrival

WHOLE_BYTES: Final = 128 * 1024
"""Messages up to this size are fetched as they are, larger ones without their attachments."""
BATCH_MESSAGES: Final = 200
BATCH_BYTES: Final = 8 * 1024 * 1024

# A server that does not tell a size is not trusted with a whole message.
_UNKNOWN_SIZE: Final = WHOLE_BYTES + 1

Answer = Mapping[bytes, Any]
"""One message's items of a FETCH answer, as imapclient parses it."""


@dataclass(frozen=True, slots=True)
class FetchedMessage:
    """One message as the mailbox holds it.

    `arrived_at` is the INTERNALDATE, aware UTC; `raw` the message, octet by octet only where `omitted` is empty;
    `size` the octets it has on the server (RFC822.SIZE). `refused` says why the server would not hand over a message
    it still lists; `raw` is empty then. `junk`: it lies where the server puts what it takes for junk.
    """

    mailbox: str
    folder: str
    uidvalidity: int
    uid: int
    arrived_at: datetime
    raw: bytes
    size: int
    omitted: tuple[str, ...] = ()
    refused: str | None = None
    junk: bool = False


@dataclass(frozen=True, slots=True)
class FolderState:
    """A folder as it was when asked for; `uidnext` is 0 where the server does not tell it."""

    folder: str
    uidvalidity: int
    uidnext: int
    exists: int


def batches(pairs: Sequence[tuple[int, int]], most: int) -> Iterator[list[tuple[int, int]]]:
    """Cut the pairs so that a batch holds at most `most` messages and about BATCH_BYTES fetched octets."""
    batch: list[tuple[int, int]] = []
    octets = 0
    for uid, size in pairs:
        # Of a large message about this much is fetched.
        weight = min(size, 2 * WHOLE_BYTES)
        if batch and (len(batch) >= most or octets + weight > BATCH_BYTES):
            yield batch
            batch, octets = [], 0
        batch.append((uid, size))
        octets += weight
    if batch:
        yield batch


def content_of(answer: Answer, key: bytes) -> bytes | None:
    """Return a literal of a FETCH answer; by the key's beginning, since servers echo ranges each in their own way."""
    return next((value for name, value in answer.items() if name.startswith(key) and isinstance(value, bytes)), None)


def size_of(answer: Answer) -> int:
    """Return the octets a message has on the server."""
    size = answer.get(b"RFC822.SIZE")
    return size if isinstance(size, int) else _UNKNOWN_SIZE


def is_since(answer: Answer, since: date) -> bool:
    """Say whether a message arrived on that day (UTC) or later; where nothing tells, it did."""
    at = answer.get(b"INTERNALDATE")
    return at is None or arrival(at, b"").date() >= since
