"""The parts of a message, flattened into one list, as far as the caps allow."""

from __future__ import annotations

from collections.abc import Iterator, KeysView
from dataclasses import dataclass, field
from email.message import Message
from email.parser import HeaderParser
from functools import cached_property

from classifier.decode import decode_base64, decode_bytes, decode_header, printable

MOST_PARTS = 1_000
DEEPEST = 30
MOST_TEXT = 64 * 1024
"""Characters of one part that are looked at."""
MOST_RAW = 4 * MOST_TEXT


class Headers:
    """The header fields of a message or of one returned inside it, by name, whatever they hold."""

    def __init__(self, message: Message) -> None:
        self._raw: dict[str, list[str]] = {}
        for name, value in message.raw_items():
            self._raw.setdefault(name.lower(), []).append(value)

    def all(self, name: str) -> list[str]:
        """Return every value of the field, decoded, on one line each."""
        return [decode_header(value) for value in self._raw.get(name.lower(), ())]

    def get(self, name: str) -> str | None:
        """Return the first value of the field, decoded, on one line; None where the field is missing."""
        values = self._raw.get(name.lower())
        return decode_header(values[0]) if values else None

    def names(self) -> KeysView[str]:
        """Return the names of the fields that are there, in lower case."""
        return self._raw.keys()

    def __contains__(self, name: str) -> bool:
        return name.lower() in self._raw

    def __len__(self) -> int:
        return len(self._raw)


def read_headers(text: str) -> Headers:
    """Read a header block that stands in text."""
    return Headers(HeaderParser().parsestr(text.lstrip("\r\n")))


@dataclass(frozen=True)
class Part:
    """One leaf of a message, or one message embedded in it.

    `embedded` says that the part lies inside an embedded message: it was written by somebody else, earlier.
    """

    content_type: str
    disposition: str | None
    filename: str | None
    depth: int
    embedded: bool
    message: Message = field(repr=False)

    @property
    def is_attachment(self) -> bool:
        """Say whether the part is a file somebody attached, whose text is nobody's words."""
        return self.disposition == "attachment" or (self.filename is not None and self.disposition != "inline")

    @cached_property
    def _decoded(self) -> tuple[str, str | None]:
        text, problem = _text(self.message)
        return printable(text.replace("\r\n", "\n").replace("\r", "\n")), problem

    @property
    def text(self) -> str:
        """The text of the part, at most `MOST_TEXT` characters; of a report part all its fields."""
        return self._decoded[0]

    @property
    def problem(self) -> str | None:
        """What had to be repaired to read the text."""
        return self._decoded[1]

    @cached_property
    def headers(self) -> Headers:
        """The header fields of the embedded message (message/rfc822, text/rfc822-headers)."""
        inner = children_of(self.message)
        if inner and self.content_type.startswith("message/"):
            found = Headers(inner[0])
            if len(found) > 0 or str(self.message.get("Content-Transfer-Encoding", "")).lower() != "base64":
                return found
        return read_headers(self.text)


def parts_of(message: Message) -> tuple[tuple[Part, ...], tuple[str, ...]]:
    """Return the leaves and embedded messages in the order they stand, and what was left out."""
    found: list[Part] = []
    problems: list[str] = []
    for part in _walk(message, problems):
        if len(found) == MOST_PARTS:
            problems.append(f"more than {MOST_PARTS} parts")
            break
        found.append(part)
    return tuple(found), tuple(dict.fromkeys(problems))


def children_of(message: Message) -> list[Message]:
    """Return the messages a container holds; none where it holds text."""
    # Asked for text, the parser would decode it by a charset that may be anything.
    inner = message.get_payload() if message.is_multipart() else ()
    return [each for each in inner if isinstance(each, Message)]


def _walk(message: Message, problems: list[str]) -> Iterator[Part]:
    waiting = [(message, 0, False)]
    while waiting:
        each, depth, embedded = waiting.pop()
        content_type, children = each.get_content_type(), children_of(each)
        # A part that calls itself multipart and has no boundary holds text.
        if not content_type.startswith("multipart/") or not each.is_multipart():
            yield _part(each, content_type, depth, embedded=embedded)
        if children and not content_type.endswith("delivery-status"):
            if depth >= DEEPEST:
                problems.append(f"parts nested deeper than {DEEPEST}")
                continue
            inside = embedded or content_type.startswith("message/")
            waiting.extend((child, depth + 1, inside) for child in reversed(children))


def _part(message: Message, content_type: str, depth: int, *, embedded: bool) -> Part:
    try:
        disposition, filename = message.get_content_disposition(), message.get_filename()
    except (ValueError, LookupError, TypeError, IndexError):
        disposition, filename = None, None
    return Part(content_type, disposition, filename and decode_header(filename), depth, embedded, message)


def _text(message: Message) -> tuple[str, str | None]:
    charset = _charset(message)
    if children := children_of(message):
        raw = b"\n".join(_blocks(children))
        if str(message.get("Content-Transfer-Encoding", "")).strip().lower() == "base64":
            raw = decode_base64(raw.decode("ascii", "ignore")) or raw
    else:
        raw = _payload(message)
    if len(raw) > MOST_RAW:
        # Cut at a line, so that no character is cut in two.
        raw = raw[: raw.rfind(b"\n", 0, MOST_RAW) + 1] or raw[:MOST_RAW]
    text, problem = decode_bytes(raw, charset)
    return text[:MOST_TEXT], problem or ("text cut" if len(text) > MOST_TEXT else None)


def _payload(message: Message) -> bytes:
    try:
        payload = message.get_payload(decode=True)
    except Exception:  # noqa: BLE001 - whatever a decoder stumbles on, the rest of the mail is still read
        return b""
    return payload if isinstance(payload, bytes) else b""


def _blocks(messages: list[Message]) -> Iterator[bytes]:
    """Write the header blocks of a report part, and of what is nested in them, as the text they were."""
    for block in messages[:MOST_PARTS]:
        for each in (block, *children_of(block)[:10]):
            yield from (f"{name}: {value}".encode("utf-8", "surrogateescape") for name, value in each.raw_items())
            yield b""
            yield _payload(each)


def _charset(message: Message) -> str | None:
    try:
        return (message.get_param("charset") and str(message.get_content_charset() or "")) or None
    except (ValueError, LookupError, TypeError, IndexError):
        return None
