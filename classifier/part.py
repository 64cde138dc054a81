"""The parts of a message, flattened into one list, as far as the caps allow."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

from classifier.decode import decode_bytes, decode_words
from classifier.mime import MOST_DECODED, Entity, Headers, read_embedded, read_headers

MOST_PARTS = 1_000
DEEPEST = 30
MOST_TEXT = 64 * 1024
"""Characters of one part that are looked at."""
MOST_RAW = 4 * MOST_TEXT
_MESSAGES = frozenset({"message/rfc822", "message/global", "message/news"})


@dataclass(eq=False)
class Part:
    """One leaf of a message, or one message embedded in it; nobody changes one.

    `embedded` says that the part lies inside an embedded message: it was written by somebody else, earlier.
    `alternative` tells the innermost multipart/alternative around it by where its body begins.
    """

    content_type: str
    depth: int
    embedded: bool
    entity: Entity = field(repr=False)
    alternative: int | None = field(default=None, repr=False)

    @cached_property
    def disposition(self) -> str | None:
        """The Content-Disposition without its parameters, in lower case."""
        return self.entity.token("content-disposition") or None

    @cached_property
    def filename(self) -> str | None:
        """The name of the file, where the part is one."""
        name = self.entity.parameter("filename", "content-disposition") or self.entity.parameter("name")
        return decode_words(name) if name else None

    @cached_property
    def is_attachment(self) -> bool:
        """Say whether the part is a file somebody attached, whose text is nobody's words."""
        return self.disposition == "attachment" or (self.disposition != "inline" and self.filename is not None)

    @cached_property
    def _decoded(self) -> tuple[str, str | None]:
        raw = self.entity.body(MOST_RAW)
        if len(raw) == MOST_RAW:
            # Cut at a line, so that no character is cut in two.
            raw = raw[: raw.rfind(b"\n") + 1] or raw
        text, problem = decode_bytes(raw, self.entity.parameter("charset"))
        cut = "text cut" if len(text) > MOST_TEXT or len(raw) > MOST_TEXT * 3 else None
        return text[:MOST_TEXT].replace("\r\n", "\n").replace("\r", "\n"), problem or cut

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
        """The header fields that the part holds: of an embedded message, of a report (message/*, rfc822-headers)."""
        return read_headers(self.text)


def parts_of(message: Entity) -> tuple[tuple[Part, ...], tuple[Entity, ...]]:
    """Return the leaves and embedded messages in the order they stand, and the sender's own multiparts.

    What was left out is among the problems of the message's budget.
    """
    found: list[Part] = []
    containers: list[Entity] = []
    for part in _walk(message, containers):
        if len(found) == MOST_PARTS:
            message.budget.problems.append(f"more than {MOST_PARTS} parts")
            break
        found.append(part)
    return tuple(found), tuple(containers)


def _walk(message: Entity, containers: list[Entity]) -> Iterator[Part]:
    waiting: list[tuple[Entity, int, bool, int | None]] = [(message, 0, False, None)]
    while waiting:
        each, depth, embedded, alternative = waiting.pop()
        content_type = each.content_type
        if depth > DEEPEST:
            message.budget.problems.append(f"parts nested deeper than {DEEPEST}")
            continue
        children = _first(each)
        # A part that calls itself multipart and has no boundary holds text.
        if not children:
            yield Part(content_type, depth, embedded, each, alternative)
        elif not embedded:
            containers.append(each)
        if content_type in _MESSAGES:
            waiting.append((_embedded(each), depth + 1, True, None))
        if content_type == "multipart/alternative":
            alternative = each.start
        waiting.extend((child, depth + 1, embedded, alternative) for child in reversed(children))


def _first(container: Entity) -> list[Entity]:
    children: list[Entity] = []
    for child in container.children():
        if len(children) == MOST_PARTS:
            container.budget.problems.append(f"more than {MOST_PARTS} parts")
            break
        children.append(child)
    return children


def _embedded(message: Entity) -> Entity:
    """Read the message inside; servers encode it, although RFC 2046 section 5.2.1 forbids it."""
    budget = message.budget
    if not message.is_encoded:
        return read_embedded(message.raw, message.start, message.end, budget)
    raw = message.body(budget.decoded)
    if len(raw) == budget.decoded:
        budget.problems.append(f"encoded messages inside, of which {MOST_DECODED} bytes were read")
    budget.decoded -= len(raw)
    raw = raw.replace(b"\r\n", b"\n")
    return read_embedded(raw, 0, len(raw), budget)
