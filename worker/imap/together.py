"""Several short questions in one go (RFC 9051 5.5), since a poll that finds nothing is little else than round trips."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

from imapclient import IMAPClient
from imapclient.imap_utf7 import encode

_NUMBER: Final = re.compile(rb"([A-Za-z]+) (\d+)")
_ESCAPED: Final = re.compile(rb"\\(.)", re.DOTALL)


def statuses(client: IMAPClient, asked: Sequence[tuple[str, str]]) -> list[Mapping[bytes, int]]:
    """Send NOOP and a STATUS of each folder in one go; return each folder's numbers, none where they are in doubt.

    imapclient sends one command after the other, and its parser takes longer than all the rest of such a poll.

    Args:
        client: signed in.
        asked: each folder with the items that are asked of it.

    Raises:
        IMAPClientError, OSError: the connection broke.
    """
    imap: Any = client._imap  # noqa: SLF001 - imaplib has no seam for several commands in flight
    imap.untagged_responses.pop("STATUS", None)
    commands = questions(asked)
    tags = [_begin(imap) for _ in commands]
    imap.send(b"".join(b"%b %b\r\n" % pair for pair in zip(tags, commands, strict=True)))
    for tag in tags:
        while imap.tagged_commands[tag] is None:
            imap._get_response()  # noqa: SLF001 - the same
        del imap.tagged_commands[tag]
    answers = imap.untagged_responses.pop("STATUS", [])
    return numbers(asked, [answer for answer in answers if isinstance(answer, bytes)])


def questions(asked: Sequence[tuple[str, str]]) -> list[bytes]:
    """Return the commands, NOOP and a STATUS of each folder, without tags."""
    return [b"NOOP", *(_question(folder, items) for folder, items in asked)]


def numbers(asked: Sequence[tuple[str, str]], answers: Iterable[bytes]) -> list[Mapping[bytes, int]]:
    """Return each folder's numbers from what stands behind `* STATUS`; none where no answer names it."""
    # Servers answer in the order they like, so an answer belongs to the folder that it names.
    found = {_name(answer): _numbers(answer) for answer in answers}
    return [found.get(_encoded(folder), {}) for folder, _ in asked]


@lru_cache(1_000)
def _question(folder: str, items: str) -> bytes:
    name = _encoded(folder).replace(b"\\", b"\\\\").replace(b'"', b'\\"')
    return b'STATUS "%b" (%b)' % (name, items.encode())


@lru_cache(1_000)
def _encoded(folder: str) -> bytes:
    name: bytes = encode(folder)
    return name


def _begin(imap: Any) -> bytes:
    tag: bytes = imap._new_tag()  # noqa: SLF001 - the same
    imap.tagged_commands[tag] = None
    return tag


def _name(answer: bytes) -> bytes:
    """Read the folder's name, an atom or a quoted string."""
    name = answer.rpartition(b"(")[0].strip()
    return _ESCAPED.sub(rb"\1", name[1:-1]) if name[:1] == b'"' else name


def _numbers(answer: bytes) -> Mapping[bytes, int]:
    return {name.upper(): int(value) for name, value in _NUMBER.findall(answer.rpartition(b"(")[2])}
