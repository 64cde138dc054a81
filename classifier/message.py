"""Step 2: a message's bytes become a `ParsedMessage`, whatever they are. Nothing here raises."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from classifier import html
from classifier.decode import address_and_name, addresses_in, date_of, decode_bytes, message_ids
from classifier.mime import Entity, Headers, read_message
from classifier.part import MOST_TEXT, Part, parts_of

MOST_BYTES = 25 * 1024 * 1024
_PLAIN = ("multipart/", "text/plain", "text/enriched", "text/richtext")
"""Types of parts that hold plain text; a multipart without parts is text as well."""
_WORDS = (*_PLAIN, "text/html")
_TO = ("to", "cc", "delivered-to", "x-original-to", "envelope-to", "x-envelope-to", "x-delivered-to", "apparently-to")


@dataclass(frozen=True)
class ParsedMessage:
    """A message as the rest of the house sees it: decoded, capped, and never an exception.

    `header_fields` are the message's own header fields; `parts` its leaves and embedded messages; `problems` says what
    was cut, repaired or undecodable.
    """

    header_fields: Headers
    parts: tuple[Part, ...]
    arrived_at: datetime | None = None
    _problems: tuple[str, ...] = field(default=(), repr=False)
    _containers: tuple[Entity, ...] = field(default=(), repr=False)

    def header(self, name: str) -> str | None:
        """Return the first value of a header field, decoded, on one line."""
        return self.header_fields.get(name)

    def headers(self, name: str) -> list[str]:
        """Return all values of a header field, decoded, on one line each."""
        return self.header_fields.all(name)

    @cached_property
    def content_type(self) -> str:
        """The type of the whole message, in lower case, with its parameters."""
        return (self.header("Content-Type") or "text/plain").lower()

    @cached_property
    def message_id(self) -> str | None:
        """The Message-ID without angle brackets."""
        return next(iter(message_ids(self.header("Message-ID") or "")), None)

    @cached_property
    def in_reply_to(self) -> str | None:
        """The first id of In-Reply-To, without angle brackets."""
        return next(iter(message_ids(self.header("In-Reply-To") or "")), None)

    @cached_property
    def references(self) -> tuple[str, ...]:
        """The ids of References, oldest first, without angle brackets, then further ids of In-Reply-To."""
        ids = message_ids(self.header("References") or "") + message_ids(self.header("In-Reply-To") or "")
        return tuple(dict.fromkeys(ids))

    @cached_property
    def _from(self) -> tuple[str | None, str]:
        return address_and_name(self.header("From") or "")

    @property
    def from_address(self) -> str | None:
        """The address of From in lower case, or None where there is no valid one."""
        return self._from[0]

    @property
    def from_name(self) -> str:
        """The name shown beside the address of From."""
        return self._from[1]

    @cached_property
    def to_addresses(self) -> tuple[str, ...]:
        """Everybody the message says it went to, the fields of the delivering servers included."""
        values = (value for name in _TO for value in self.headers(name))
        return tuple(dict.fromkeys(address for value in values for address in addresses_in(value)))

    @cached_property
    def subject(self) -> str:
        """The subject, decoded, on one line."""
        return (self.header("Subject") or "")[:1_000]

    @cached_property
    def date(self) -> datetime | None:
        """The Date field as aware UTC."""
        return date_of(self.header("Date"))

    @cached_property
    def received_at(self) -> datetime | None:
        """When the last server took the message: the date of the topmost Received field, aware UTC."""
        for value in self.headers("Received"):
            if moment := date_of(value.rpartition(";")[2].strip()):
                return moment
        return None

    @cached_property
    def authentication_results(self) -> list[str]:
        """The Authentication-Results fields (RFC 8601), topmost first; whom to believe is the reader's choice."""
        return self.headers("Authentication-Results")

    @cached_property
    def own_parts(self) -> tuple[Part, ...]:
        """The parts written by this sender now: not those of embedded messages, no attachments.

        Where only one part holds text, that is the sender's words, although some programs give it a file's name.
        """
        own = [part for part in self.parts if not part.embedded]
        if not any(part.is_attachment for part in own):
            return tuple(own)
        words = [part for part in own if part.content_type.startswith(_WORDS)]
        return tuple(part for part in own if not part.is_attachment or words == [part])

    @cached_property
    def plain(self) -> str:
        """The plain text the sender wrote, at most 64 KB; empty where there is only HTML, or a footer below HTML."""
        return "\n".join(part.text for part in self._plain_parts)[:MOST_TEXT] or self._around

    @cached_property
    def plain_type(self) -> str:
        """The type of the part that `plain` begins with, in lower case, with its parameters (RFC 3676: format)."""
        first = next(iter(self._plain_parts), None)
        return (first.entity.headers.get("content-type") or "text/plain").lower() if first else "text/plain"

    @cached_property
    def _texts(self) -> tuple[Part, ...]:
        return tuple(part for part in self.own_parts if part.content_type.startswith(_PLAIN) and part.text.strip())

    @cached_property
    def _plain_parts(self) -> tuple[Part, ...]:
        """The plain texts, unless all of them are a footer below HTML: only an alternative to it has its words."""
        texts, page = self._texts, self._page
        if not texts or page is None or any(_is_above_or_alternative(part, page) for part in texts):
            return texts
        return () if self._html_text else texts

    @cached_property
    def _page(self) -> Part | None:
        """The first part with words in HTML; where none has any, the first in HTML."""
        pages = [part for part in self.own_parts if part.content_type == "text/html"]
        if len(pages) > 1:
            return next((page for page in pages if html.to_text(page.text)), pages[0])
        return pages[0] if pages else None

    @cached_property
    def _around(self) -> str:
        """What stands around the parts where none of them holds words, without what programs say about MIME there."""
        if not self._containers:
            return ""
        text = "\n\n".join(decode_bytes(each.around()[:MOST_TEXT], None)[0] for each in self._containers)
        own = [each for each in text.split("\n\n") if each.strip() and "mime" not in each.lower()]
        return "\n\n".join(own)[:MOST_TEXT] if own and not self._html_text else ""

    @cached_property
    def html(self) -> str | None:
        """The HTML the sender wrote, at most 64 KB; None where there is none."""
        return self._page.text if self._page else None

    @cached_property
    def _html_text(self) -> str:
        return html.to_text(self.html) if self.html else ""

    @cached_property
    def text(self) -> str:
        """What a reader sees: the plain text, else the HTML as text and what is below it; at most 64 KB."""
        if self.plain or not self.html:
            return self.plain
        return "\n".join((self._html_text, *(part.text for part in self._texts)))[:MOST_TEXT]

    @property
    def problems(self) -> tuple[str, ...]:
        """What was cut, repaired or undecodable."""
        read = (part.problem for part in self.own_parts if part.content_type.startswith("text/"))
        return tuple(dict.fromkeys((*self._problems, *(each for each in read if each))))


def _is_above_or_alternative(part: Part, page: Part) -> bool:
    if part.entity.start < page.entity.start:
        return True
    return part.alternative is not None and part.alternative == page.alternative


def parse(raw: bytes, *, arrived_at: datetime | None = None, omitted: tuple[str, ...] = ()) -> ParsedMessage:
    """Parse a message, whatever its bytes are; what had to be cut or repaired is among its `problems`.

    Args:
        raw: the whole message; a leading From_ line is dropped.
        arrived_at: when the server got it, aware UTC, where the mailbox says so.
        omitted: what the fetch left out, as sentences.
    """
    problems = [f"left out: {each}" for each in omitted]
    if len(raw) > MOST_BYTES:
        problems.append(f"{len(raw)} bytes, of which {MOST_BYTES} were read")
        raw = raw[:MOST_BYTES]
    message = read_message(raw)
    parts, containers = parts_of(message)
    problems += message.budget.problems
    return ParsedMessage(message.headers, parts, arrived_at, tuple(dict.fromkeys(problems)), containers)
