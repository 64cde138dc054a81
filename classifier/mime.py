"""The structure of a message (RFC 5322, RFC 2046), read in one pass over its bytes, however broken they are.

The parser of the standard library builds every line of every part and works in the square of the nesting depth; most
of what it builds is never looked at. Here a part is a pair of offsets until somebody asks for its text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, KeysView
from dataclasses import dataclass, field
from functools import cached_property

from classifier.decode import decode_base64_body, decode_bytes, decode_header, decode_quoted_printable

MOST_FIELDS = 2_000
"""Header fields of one block that are kept."""
MOST_STRAYS = 3
"""Lines within one header that are no fields and are skipped."""
MOST_DECODED = 25 * 1024 * 1024
"""Bytes that the encoded messages inside a message may become, all of them together."""
MOST_DELIMITERS = 50_000
"""Lines that begin like a delimiter, of all multiparts of a message."""

_FIELD = re.compile(rb"([!-9;-~]{1,200})[ \t]*:([^\n]*(?:\n[ \t][^\n]*)*)(?:\n|\Z)")
_LEAD = re.compile(rb"(?:\xef\xbb\xbf)?(?:[ \t]{0,80}\r?\n){0,80}(?:>?From [^\n]*\n)?")
"""What may stand before a header and is no field: a byte order mark, empty lines, a From_ line."""
_LOOK_AHEAD = 64 * 1024
_TYPE = re.compile(r"[\s\"']*([^\s;,()/\"']{1,100}/[^\s;,()/\"']{1,100})")
_TOKEN = re.compile(r"[\s\"']*([\w-]{1,40})")
_COMMENT = re.compile(r"(\"(?:[^\"\\]|\\.)*\"?)|\((?:[^()\\]|\\.){0,500}\)")
_DEEPEST_COMMENT = 4
_ENCODINGS = {"base64": (decode_base64_body, 2), "quoted-printable": (decode_quoted_printable, 4)}
"""How to undo each transfer encoding, and by how much it makes text longer at most."""
_PARAMETER = re.compile(
    r";\s*([\w.-]{1,60})(\*\d{1,2})?(\*)?\s*=\s*(?:\"((?:[^\"\\]|\\.){0,2000})\"?|([^;\"\s]{0,2000}))"
)
_SEEN = re.compile(rb"^--([^\s\"]{2,70})[ \t]{0,80}\n(?:content-|mime-)", re.IGNORECASE | re.MULTILINE)
_SEEN_WITHIN = 4_000
_LONGEST_REST = 200
_RESTS = (b"", b"--")
"""What follows a boundary on the line of a delimiter: nothing, or the mark that it closes."""
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
        return next(iter(self.all(name)), None)

    def names(self) -> KeysView[str]:
        """Return the names of all fields, in lower case."""
        return self._raw.keys()

    def __contains__(self, name: str) -> bool:
        return name.lower() in self._raw

    def __len__(self) -> int:
        return len(self._raw)


@dataclass
class Budget:
    """What reading one message may still cost, shared by all its parts, and what was left out for it."""

    decoded: int = MOST_DECODED
    delimiters: int = MOST_DELIMITERS
    problems: list[str] = field(default_factory=list)

    def allows_delimiter(self) -> bool:
        """Count one more line that begins like a delimiter, and say whether it may still be looked at."""
        if not self.delimiters:
            self.problems.append(f"more than {MOST_DELIMITERS} lines like delimiters")
            return False
        self.delimiters -= 1
        return True


@dataclass(eq=False)
class Entity:
    """One header block with the bytes below it, as offsets into the bytes of the message.

    Nobody changes one; it is not frozen because building a frozen one takes three times as long.
    """

    raw: bytes
    headers: Headers
    start: int
    end: int
    by_default: str = "text/plain"
    budget: Budget = field(default_factory=Budget, repr=False)

    @cached_property
    def content_type(self) -> str:
        """The media type in lower case; what names none is of the type its container gives it."""
        found = _TYPE.match(self._value("content-type"))
        return found[1].lower() if found else self.by_default

    @property
    def transfer_encoding(self) -> str:
        """The Content-Transfer-Encoding in lower case, without what some programs write after it."""
        return self.token("content-transfer-encoding")

    @property
    def is_encoded(self) -> bool:
        """Say whether its bytes are not what is meant."""
        return self.transfer_encoding in _ENCODINGS

    def token(self, name: str) -> str:
        """Return the word that a structured field begins with, in lower case; nothing where there is none."""
        found = _TOKEN.match(self._value(name))
        return found[1].lower() if found else ""

    def parameter(self, name: str, of: str = "content-type") -> str | None:
        """Return a parameter of a field (RFC 2045, with the continuations of RFC 2231), or None."""
        value = self._value(of)
        if ";" not in value:
            return None
        pieces: list[str] = []
        for key, number, star, quoted, bare in _PARAMETER.findall(value):
            if key.lower() != name or (pieces and not number):
                continue
            value = _ESCAPED.sub(r"\1", quoted) if quoted else bare
            pieces.append(_extended(value) if star else value)
        return "".join(pieces) if pieces else None

    def _value(self, name: str) -> str:
        value = self.headers.get(name) or ""
        return _without_comments(value) if "(" in value else value

    def children(self) -> Iterator[Entity]:
        """Yield what a multipart holds; nothing where no boundary is to be found."""
        if not self.content_type.startswith("multipart/"):
            return
        kind = "message/rfc822" if self.content_type == "multipart/digest" else "text/plain"
        for start, end, is_part in self._sections():
            if is_part:
                yield read_entity(self.raw, start, end, kind, self.budget)

    def around(self) -> bytes:
        """Return what stands before, between and after the parts of a multipart, and is no part."""
        return b"\n\n".join(self.raw[start:end] for start, end, is_part in self._sections() if not is_part)

    def _sections(self) -> list[tuple[int, int, bool]]:
        """Return where each section begins and ends, and whether it is a part: by the first boundary that opens one."""
        return next((sections for each in self._boundaries() if (sections := self._split(each))), [])

    def _boundaries(self) -> Iterator[bytes]:
        """Yield the boundary declared, it without quotes and in other letters, then any: servers break the field."""
        declared = (self.parameter("boundary") or "").encode("utf-8", "surrogateescape")
        if declared:
            yield declared
        body = self.raw[self.start : min(self.end, self.start + _SEEN_WITHIN)]
        if bare := declared.strip(b" '\""):
            yield bare
            at = body.lower().find(b"--" + bare.lower())
            yield body[at + 2 : at + 2 + len(bare)] if at >= 0 else bare
        if found := _SEEN.search(body):
            yield found[1]

    def _split(self, boundary: bytes) -> list[tuple[int, int, bool]]:
        """Split the body at its delimiters, if one opens a part; below a closing one another may."""
        raw, end, mark = self.raw, self.end, b"\n--" + boundary
        sections: list[tuple[int, int, bool]] = []
        begin, is_part, opens = self.start, False, False
        # The line break before a delimiter belongs to it; before the first one it may be that of the header.
        at = raw.find(mark, max(begin - 1, 0), end) if begin else -1
        while at >= 0 and self.budget.allows_delimiter():
            line_end = raw.find(b"\n", at + len(mark), end)
            line_end = end if line_end < 0 else line_end
            rest = raw[at + len(mark) : min(line_end, at + len(mark) + _LONGEST_REST)].strip(b" \t")
            if rest in _RESTS:
                sections.append((begin, at, is_part))
                begin, is_part = min(line_end + 1, end), not rest
                opens = opens or is_part
            at = raw.find(mark, line_end, end)
        return [*sections, (begin, end, is_part)] if opens else []

    def body(self, most: int) -> bytes:
        """Return what is below the header, its transfer encoding undone; of more than `most` bytes the first ones."""
        decode, growth = _ENCODINGS.get(self.transfer_encoding, (None, 1))
        content = self.raw[self.start : min(self.end, self.start + growth * most)]
        return decode(content)[:most] if decode else content


def read_message(raw: bytes) -> Entity:
    """Read the bytes of a message; what stands before its header is dropped, and every line end becomes one."""
    if b"\r" in raw:
        raw = raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return read_embedded(raw, 0, len(raw), Budget())


def read_embedded(raw: bytes, start: int, end: int, budget: Budget) -> Entity:
    """Read a message whose line ends are one byte each; what stands before its header is skipped."""
    return read_entity(raw, _below_lead(raw, start, end), end, budget=budget)


def _below_lead(raw: bytes, start: int, end: int) -> int:
    lead = _LEAD.match(raw, start, end)
    return lead.end() if lead else start


def read_headers(text: str) -> Headers:
    """Read a header block that stands in text."""
    raw = text.encode("utf-8", "surrogateescape")
    return _fields(raw, _below_lead(raw, 0, len(raw)), len(raw))[0]


def read_entity(
    raw: bytes, start: int, end: int, by_default: str = "text/plain", budget: Budget | None = None
) -> Entity:
    """Read the header block that begins at `start`; the body begins at an empty line, or where no field follows."""
    headers, at = _fields(raw, start, end)
    if raw.startswith(b"\n", at) and at < end:
        at += 1
    return Entity(raw, headers, min(at, end), end, by_default, budget or Budget())


def _fields(raw: bytes, at: int, end: int) -> tuple[Headers, int]:
    fields: dict[str, list[bytes]] = {}
    strays = MOST_STRAYS
    match = _FIELD.match
    for _ in range(MOST_FIELDS):
        found = match(raw, at, end)
        if found is None and fields and (below := _below_stray(raw, at, end, strays)):
            strays -= 1
            found = match(raw, below, end)
        if found is None:
            break
        name, value = found.groups()
        fields.setdefault(name.decode("ascii").lower(), []).append(value)
        at = found.end()
    return Headers(fields), at


def _below_stray(raw: bytes, at: int, end: int, strays: int) -> int:
    """Return where the header goes on below a line that is no field, or 0 where that line begins the body.

    It goes on where nothing but fields follows until an empty line. What looks like a delimiter begins the body.
    """
    if not strays or raw.startswith((b"\n", b"--"), at):
        return 0
    end = min(end, at + _LOOK_AHEAD)
    below = at = raw.find(b"\n", at, end) + 1
    for _ in range(MOST_FIELDS if below else 0):
        found = _FIELD.match(raw, at, end)
        if found is None:
            break
        at = found.end()
    goes_on = at > below and (raw.startswith(b"\n", at, end) or _below_stray(raw, at, end, strays - 1))
    return below if goes_on else 0


def _without_comments(value: str) -> str:
    """Return the value of a structured field without comments (RFC 5322, section 3.2.2), which may be nested."""
    for _ in range(_DEEPEST_COMMENT):
        value = _COMMENT.sub(lambda found: found[1] or " ", value)
    return value


def _extended(value: str) -> str:
    """Decode charset'language'percent-encoded; of a continuation only the last part is there."""
    charset, tick, rest = value.partition("'")
    content = rest.partition("'")[2] if tick else value
    raw = _PERCENT.sub(lambda found: bytes((int(found[1], 16),)), content.encode("utf-8", "replace"))
    return decode_bytes(raw, charset if tick else None)[0]
