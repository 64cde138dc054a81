"""Large messages without their attachments: what to fetch of them, and one well-formed message made of it.

Nothing here touches a socket: `plan` says which IMAP items to fetch, `rebuild` takes what came.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from email.parser import BytesHeaderParser
from typing import Final

from worker.imap.structure import Part, StructureError, read_structure

__all__ = ["Plan", "Rebuilt", "StructureError", "beginning", "plan", "rebuild"]

PART_BYTES: Final = 64 * 1024
"""Octets kept of one part, as it is encoded."""
MOST_KEPT: Final = 32
"""Parts kept of one message."""
MARK: Final = "X-Inbox-Worker-Omitted"

_WORDS: Final = ("text/plain", "text/html")
# What reports say in machine's words (RFC 3464, 5965, 6533, 8098) and meeting answers; kept even as attachments.
_REPORTS: Final = frozenset(
    {
        "message/delivery-status",
        "message/global-delivery-status",
        "message/disposition-notification",
        "message/global-disposition-notification",
        "message/feedback-report",
        "message/global",
        "message/global-headers",
        "text/rfc822-headers",
        "text/calendar",
    }
)
_LINE_ENDS: Final = b"\r\n"

Section = Callable[[str], bytes | None]
"""Gives the content fetched for a section such as "1.2" or "2.HEADER", None where the server gave none."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A message's header and outline, the sections of it that are kept, and the FETCH items that bring them."""

    header: bytes
    root: Part
    kept: frozenset[str]
    items: list[str]


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """A message without some of its parts, and in words what was left out."""

    raw: bytes
    omitted: tuple[str, ...]


def plan(structure: object, header: bytes) -> Plan:
    """Choose what to read of a large message: texts, reports, and the headers of messages in it.

    Args:
        structure: its BODYSTRUCTURE, as imapclient parses it.
        header: its header block.

    Raises:
        StructureError: the structure is no use.
    """
    root = read_structure(structure)
    leaves = [part for part in root.walk() if not part.children]
    words = [part for part in leaves if part.type in _WORDS]
    # Some programs name the only text as a file; it holds the sender's words all the same.
    parts = [part for part in leaves if _is_read(part) or words == [part]]
    kept = frozenset(part.section for part in parts[:MOST_KEPT])
    return Plan(header, root, kept, [item for part in root.walk() for item in _items(part, root, kept)])


def rebuild(plan: Plan, section: Section) -> Rebuilt:
    """Make one message of the fetched sections; parts left out stay as empty ones that say so in a header field.

    Raises:
        StructureError: the pieces do not make the message the structure told of.
    """
    notes: list[str] = []
    try:
        raw = _closed(plan.header) + _Builder(plan, section, notes).body(plan.root, plan.header)
        types = _types(message_from_bytes(raw))
    except StructureError:
        raise
    except (TypeError, ValueError, LookupError, RecursionError) as error:
        # The standard library fails at some odd headers, such as boundaries told twice (RFC 2231).
        raise StructureError(f"the header cannot be read: {error}") from error
    if types != [part.type for part in plan.root.walk()]:
        raise StructureError("the header tells of another structure than the server")
    return Rebuilt(raw, tuple(notes) or ("the text between its parts",))


def beginning(raw: bytes, limit: int) -> Rebuilt:
    """Make do with a message's first `limit` octets, up to the end of a line."""
    if len(raw) < limit:
        return Rebuilt(raw, ())
    raw = raw[:limit]
    end = raw.rfind(b"\n") + 1
    return Rebuilt(raw[: end or limit], (f"everything behind the first {end or limit} bytes",))


@dataclass(frozen=True, slots=True)
class _Builder:
    plan: Plan
    section: Section
    notes: list[str] = field(default_factory=list)

    def body(self, part: Part, header: bytes) -> bytes:
        if part.children:
            boundary = _boundary(header)
            parts = b"".join(b"--" + boundary + _LINE_ENDS + self.part(child) + _LINE_ENDS for child in part.children)
            return parts + b"--" + boundary + b"--" + _LINE_ENDS
        if part.section not in self.plan.kept:
            self.notes.append(f"{part.type}, {part.size} bytes")
            return b""
        if part.embeds:
            self.notes.append(f"{part.type}, {part.size} bytes but for its header")
            return _closed(self.fetched(f"{part.section}.HEADER"))
        content = self.fetched(part.section)
        if len(content) < PART_BYTES:
            return content
        kept = _cut(content[:PART_BYTES], part.encoding)
        self.notes.append(f"{part.type}, {max(part.size, len(content)) - len(kept)} of {part.size} bytes")
        return kept

    def part(self, part: Part) -> bytes:
        if not part.children and part.section not in self.plan.kept:
            fields = f"Content-Type: {part.type}\r\n{MARK}: {part.type}; {part.size} bytes\r\n\r\n"
            return fields.encode() + self.body(part, b"")
        header = self.fetched(f"{part.section}.MIME").rstrip(_LINE_ENDS)
        known = len(self.notes)
        body = self.body(part, header)
        if len(self.notes) > known and not part.children:
            header += (_LINE_ENDS if header else b"") + f"{MARK}: {part.type}; {part.size} bytes".encode()
        return (header + _LINE_ENDS if header else b"") + _LINE_ENDS + body

    def fetched(self, name: str) -> bytes:
        content = self.section(name)
        if content is None:
            raise StructureError(f"the server gave no section {name}")
        return content


def _is_read(part: Part) -> bool:
    if part.embeds or part.type in _REPORTS or part.type == "message/rfc822":
        return True
    return part.type.startswith("text/") and not part.attached


def _items(part: Part, root: Part, kept: frozenset[str]) -> list[str]:
    wanted = bool(part.children) or part.section in kept
    mime = [f"BODY.PEEK[{part.section}.MIME]"] if wanted and part is not root else []
    if part.section not in kept:
        return mime
    section = f"{part.section}.HEADER" if part.embeds else part.section
    return [*mime, f"BODY.PEEK[{section}]<0.{PART_BYTES}>"]


def _types(message: Message) -> list[str]:
    """Return the types of a message's parts as `Part.walk` orders them: a message within is one part."""
    children = message.get_payload() if message.get_content_maintype() == "multipart" else []
    below = [kind for child in children if isinstance(child, Message) for kind in _types(child)]
    return [message.get_content_type(), *below]


def _boundary(header: bytes) -> bytes:
    # The reader's own way to find it, so that both agree on odd spellings.
    boundary = BytesHeaderParser().parsebytes(_closed(header)).get_boundary()
    if not boundary:
        raise StructureError("a multipart without a boundary")
    return boundary.encode("utf-8", "surrogateescape")


def _closed(header: bytes) -> bytes:
    """End a header block with the empty line that its body follows."""
    return header.rstrip(_LINE_ENDS) + 2 * _LINE_ENDS


def _cut(content: bytes, encoding: str) -> bytes:
    """End a shortened content where its decoder can stop: a whole line, or a whole unit of its encoding."""
    line_end = content.rfind(b"\n") + 1
    if encoding == "base64":
        extra = len(b"".join(content.split())) % 4
        while extra:
            content, extra = content.rstrip()[:-1], extra - 1
        return content
    if line_end > len(content) // 2:
        return content[:line_end]
    if encoding == "quoted-printable":
        return re.sub(rb"=[0-9A-Fa-f]?\Z", b"", content)
    return content.decode("utf-8", "ignore").encode() if _is_utf8(content) else content


def _is_utf8(content: bytes) -> bool:
    """Say whether content is UTF-8 but for a character cut off at its end."""
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start >= len(content) - 3
    return True
