"""The structure of a message (RFC 5322, RFC 2046), read in one pass over its bytes, however broken they are.

The parser of the standard library builds every line of every part and works in the square of the nesting depth; most
of what it builds is never looked at. Here a part is a pair of offsets until somebody asks for its text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, KeysView
from dataclasses import dataclass
from functools import cached_property

from classifier.decode import decode_base64, decode_bytes, decode_header, decode_quoted_printable

MOST_FIELDS = 2_000
"""Header fields of one block that are kept."""

_FIELD = re.compile(rb"([!-9;-~]{1,200})[ \t]*:([^\n]*(?:\n[ \t][^\n]*)*)(?:\n|\Z)")
_ENVELOPE = re.compile(rb">?From [^\n]*\n")
_TYPE = re.compile(r"\s*([^\s;()/]{1,100}/[^\s;()/]{1,100})")
_TOKEN = re.compile(r"\s*([\w-]{1,40})")
_ENCODINGS = {"base64": (decode_base64, 2), "quoted-printable": (decode_quoted_printable, 4)}
"""How to undo each transfer encoding, and by how much it makes text longer at most."""
_PARAMETER = re.compile(
    r";\s*([\w.-]{1,60})(\*\d{1,2})?(\*)?\s*=\s*(?:\"((?:[^\"\\]|\\.){0,2000})\"?|([^;\"\s]{0,2000}))"
)
_SEEN = re.compile(rb"^--([^\s\"]{3,70})\n(?:content-|mime-)", re.IGNORECASE | re.MULTILINE)
_SEEN_WITHIN = 4_000
_ESCAPED = re.compile(r"\\(.)")
_PERCENT = re.compile(rb"%([0-9A-Fa-f]{2})")


class Headers:
    """The header fields of a message or of one returned inside it, by name, whatever they hold."""

    def __init__(self, fields: dict[str, list[bytes]]) -> None:
        self._raw = fields
        self._decoded: dict[str, list[str]] = {}

    def all(self, name: str) -> list[str]:
        """Return every value of the field, decoded, on one line each."""
        name = name.lower()
        if name not in self._raw:
            return []
        values = self._decoded.get(name)
        if values is None:
            values = self._decoded[name] = [decode_header(value) for value in self._raw[name]]
        return values

    def get(self, name: str) -> str | None:
        """Return the first value of the field, decoded, on one line; None where the field is missing."""
        values = self.all(name)
        return values[0] if values else None

    def names(self) -> KeysView[str]:
        """Return the names of all fields, in lower case."""
        return self._raw.keys()

    def __contains__(self, name: str) -> bool:
        return name.lower() in self._raw

    def __len__(self) -> int:
        return len(self._raw)


@dataclass(frozen=True)
class Entity:
    """One header block with the bytes below it, as offsets into the bytes of the message."""

    raw: bytes
    headers: Headers
    start: int
    end: int
    by_default: str = "text/plain"

    @cached_property
    def content_type(self) -> str:
        """The media type in lower case; what names none is of the type its container gives it."""
        found = _TYPE.match(self.headers.get("content-type") or "")
        return found[1].lower() if found else self.by_default

    @property
    def transfer_encoding(self) -> str:
        """The Content-Transfer-Encoding in lower case, without what some programs write after it."""
        found = _TOKEN.match((self.headers.get("content-transfer-encoding") or "").lower())
        return found[1] if found else ""

    @property
    def is_encoded(self) -> bool:
        """Say whether its bytes are not what is meant."""
        return self.transfer_encoding in _ENCODINGS

    def parameter(self, name: str, field: str = "content-type") -> str | None:
        """Return a parameter of a field (RFC 2045, with the continuations of RFC 2231), or None."""
        pieces: list[str] = []
        for key, number, star, quoted, bare in _PARAMETER.findall(self.headers.get(field) or ""):
            if key.lower() != name or (pieces and not number):
                continue
            value = _ESCAPED.sub(r"\1", quoted) if quoted else bare
            pieces.append(_extended(value) if star else value)
        return "".join(pieces) if pieces else None

    def children(self) -> Iterator[Entity]:
        """Yield what a multipart holds; nothing where no boundary is to be found."""
        if not self.content_type.startswith("multipart/"):
            return
        boundary = self.parameter("boundary") or self._boundary_seen()
        if not boundary:
            return
        kind = "message/rfc822" if self.content_type == "multipart/digest" else "text/plain"
        opened = -1
        for start, after, closes in _delimiters(self.raw, boundary, self.start, self.end):
            if opened >= 0:
                yield read_entity(self.raw, opened, start, kind)
            if closes:
                return
            opened = after
        if opened >= 0:
            yield read_entity(self.raw, opened, self.end, kind)

    def _boundary_seen(self) -> str | None:
        """Return what stands where a boundary would, with the header of a part below it: servers break the field."""
        found = _SEEN.search(self.raw, self.start, min(self.end, self.start + _SEEN_WITHIN))
        return found[1].decode("ascii", "surrogateescape") if found else None

    def body(self, most: int) -> bytes:
        """Return what is below the header, its transfer encoding undone; of more than `most` bytes the first ones."""
        decode, growth = _ENCODINGS.get(self.transfer_encoding, (None, 1))
        content = self.raw[self.start : min(self.end, self.start + growth * most)]
        return decode(content)[:most] if decode else content


def read_message(raw: bytes) -> Entity:
    """Read the bytes of a message; a leading From_ line is dropped, and every line end becomes one."""
    if b"\r" in raw:
        raw = raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    envelope = _ENVELOPE.match(raw)
    return read_entity(raw, envelope.end() if envelope else 0, len(raw))


def read_headers(text: str) -> Headers:
    """Read a header block that stands in text."""
    raw = text.lstrip("\r\n").encode("utf-8", "surrogateescape")
    return _fields(raw, 0, len(raw))[0]


def read_entity(raw: bytes, start: int, end: int, by_default: str = "text/plain") -> Entity:
    """Read the header block that begins at `start`; a line that is no field ends it, as an empty line does."""
    headers, at = _fields(raw, start, end)
    if raw.startswith(b"\n", at) and at < end:
        at += 1
    return Entity(raw, headers, min(at, end), end, by_default)


def _fields(raw: bytes, at: int, end: int) -> tuple[Headers, int]:
    fields: dict[str, list[bytes]] = {}
    for _ in range(MOST_FIELDS):
        found = _FIELD.match(raw, at, end)
        if found is None:
            break
        fields.setdefault(found[1].decode("ascii").lower(), []).append(found[2])
        at = found.end()
    return Headers(fields), at


def _delimiters(raw: bytes, boundary: str, start: int, end: int) -> Iterator[tuple[int, int, bool]]:
    """Yield each delimiter line: where it and the line break before it begin, where it ends, whether it is the last."""
    mark = b"--" + boundary.encode("utf-8", "surrogateescape")
    at = start if raw.startswith(mark, start, end) else raw.find(b"\n" + mark, start, end)
    while at >= 0:
        after = at + len(mark) + (raw[at] == _LINE_END)
        line_end = raw.find(b"\n", after, end)
        line_end = end if line_end < 0 else line_end
        rest = raw[after : min(line_end, after + 200)].strip(b" \t")
        if rest in {b"", b"--"}:
            yield at, min(line_end + 1, end), rest == b"--"
        at = raw.find(b"\n" + mark, line_end, end)


_LINE_END = 0x0A


def _extended(value: str) -> str:
    """Decode charset'language'percent-encoded; of a continuation only the last part is there."""
    charset, tick, rest = value.partition("'")
    content = rest.partition("'")[2] if tick else value
    raw = _PERCENT.sub(lambda found: bytes((int(found[1], 16),)), content.encode("utf-8", "replace"))
    return decode_bytes(raw, charset if tick else None)[0]
