"""Reads the words of IMAP commands, as far as a simulated mail server understands them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from bench.imap_boxes import FOLDERS

ITEM: Final = re.compile(rb"BODY(?:\.PEEK)?\[(HEADER)?\](?:<(\d+)\.(\d+)>)?|[A-Z0-9.]+", re.IGNORECASE)
"""One item of a FETCH; groups: HEADER, and where a part of the octets begins and how many it has."""
SET: Final = re.compile(rb"(?:\d+|\*)(?::(?:\d+|\*))?(?:,(?:\d+|\*)(?::(?:\d+|\*))?)*")
"""A set of sequence numbers (RFC 3501 9, sequence-set)."""
_WORD: Final = re.compile(rb'"((?:[^"\\]|\\.)*)"|(\([^)]*\))|([^\s()"]+)')
_ESCAPED: Final = re.compile(rb"\\(.)")


class BadCommandError(Exception):
    """A command that is not understood."""


def told(words: bytes, count: int | None = None) -> list[str]:
    """Return a command's atoms, quoted strings and lists (with their brackets); at least two, where none are counted.

    Raises:
        BadCommandError: these are others, or not so many.
    """
    found = list(_WORD.finditer(words))
    least, most = (2, 4) if count is None else (count, count)
    if not least <= len(found) <= most or _WORD.sub(b"", words).strip():
        raise BadCommandError
    return [_ESCAPED.sub(rb"\1", each[1] or each[2] or each[3] or b"").decode("ascii", "replace") for each in found]


def folder_of(name: str) -> str | None:
    """Return the folder of that name; INBOX may be written as one likes (RFC 3501 5.1)."""
    return "INBOX" if name.upper() == "INBOX" else name if name in FOLDERS else None


def numbers_of(asked: bytes, last: int) -> Iterator[int]:
    """Yield the numbers of a set that are among 1 to `last`, each once, ascending."""
    found: set[int] = set()
    for part in asked.split(b","):
        ends = sorted(last if end == b"*" else int(end) for end in part.split(b":"))
        found.update(range(max(1, ends[0]), min(last, ends[-1]) + 1))
    yield from sorted(found)


def content(text: bytes, item: re.Match[bytes]) -> bytes:
    """Return a mail, its header, or a part of either, as FETCH names and sends it."""
    body = text[: text.index(b"\r\n\r\n") + 4] if item[1] else text
    name = b"BODY[%b]" % (item[1] or b"").upper()
    if item[2] is not None:
        body, name = body[int(item[2]) :][: int(item[3])], b"%b<%d>" % (name, int(item[2]))
    return b"%b {%d}\r\n%b" % (name, len(body), body)
