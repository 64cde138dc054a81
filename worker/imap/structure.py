"""A message's outline: the parts that BODYSTRUCTURE tells of (RFC 3501 7.4.2), read with distrust."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

MOST_PARTS: Final = 500
DEEPEST: Final = 30

_TOKEN = re.compile(r"[a-z0-9!#$&^_.+*'%{|}~-]+")
# Positions in the list of a single part.
_SIZE: Final = 6
_EMBEDDED: Final = 8
_LEAST_FIELDS: Final = 7


class StructureError(ValueError):
    """The structure a server tells cannot be used."""


@dataclass(frozen=True, slots=True)
class Part:
    """One part: its IMAP section number ("" for the multipart message itself), type, transfer encoding and octets."""

    section: str
    type: str
    encoding: str = ""
    size: int = 0
    attached: bool = False
    embeds: bool = False
    """Whether the server knows it as a message, with a header that can be asked for."""
    children: tuple[Part, ...] = ()

    def walk(self) -> Iterator[Part]:
        """Yield the part and all below it, in the order they stand in the message."""
        yield self
        for child in self.children:
            yield from child.walk()


def read_structure(body: object) -> Part:
    """Turn imapclient's BODYSTRUCTURE into parts.

    Raises:
        StructureError: it is none, or a monster.
    """
    root = _part(body, "", 0)
    if sum(1 for _ in root.walk()) > MOST_PARTS:
        raise StructureError(f"more than {MOST_PARTS} parts")
    return root


def _part(body: object, section: str, depth: int) -> Part:
    if depth > DEEPEST:
        raise StructureError(f"nested deeper than {DEEPEST}")
    if not isinstance(body, tuple) or not body:
        raise StructureError("no list of parts")
    # imapclient puts the parts it converts into a list; those of an inner answer stand in the tuple itself.
    if isinstance(body[0], list):
        return _multipart(list(body[0]), body[1:], section, depth)
    if isinstance(body[0], tuple):
        count = next((at for at, each in enumerate(body) if not isinstance(each, tuple)), len(body))
        return _multipart(list(body[:count]), body[count:], section, depth)
    return _single(body, section or "1")


def _multipart(parts: list[object], rest: tuple[object, ...], section: str, depth: int) -> Part:
    prefix = f"{section}." if section else ""
    children = tuple(_part(each, f"{prefix}{number}", depth + 1) for number, each in enumerate(parts, start=1))
    subtype = _word(rest[0]) if rest else ""
    return Part(section, f"multipart/{subtype or 'mixed'}", children=children)


def _single(body: tuple[object, ...], section: str) -> Part:
    if len(body) < _LEAST_FIELDS:
        raise StructureError(f"part {section} has {len(body)} fields")
    main, sub, size = _word(body[0]), _word(body[1]), body[_SIZE]
    kind = f"{main}/{sub}" if main and sub else "text/plain"
    return Part(
        section=section,
        type=kind,
        encoding=_word(body[5]),
        size=size if isinstance(size, int) else 0,
        attached=any(_is_attachment(field) for field in body[_LEAST_FIELDS:]),
        embeds=kind == "message/rfc822" and len(body) > _EMBEDDED and isinstance(body[_EMBEDDED], tuple),
    )


def _is_attachment(field: object) -> bool:
    return isinstance(field, tuple) and bool(field) and _word(field[0]) == "attachment"


def _word(value: object) -> str:
    text = value.decode("ascii", "replace").strip().lower() if isinstance(value, bytes) else ""
    return text if _TOKEN.fullmatch(text) else ""
