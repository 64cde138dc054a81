"""The mail that a report returns: as a part of its own, or copied into the report's text."""

from __future__ import annotations

import re
from dataclasses import dataclass

from classifier.bounces.notice_words import FAILURE
from classifier.decode import addresses_in, message_ids
from classifier.message import ParsedMessage
from classifier.mime import Headers, read_headers

RETURNED_TYPES = frozenset(
    [
        "message/rfc822",
        "message/global",
        "text/rfc822-headers",
        "message/rfc822-headers",
        "message/global-headers",
        "message/partial",
        "message/external-body",
    ]
)
_HEADER_LINE = re.compile(
    r"^[> \t]{0,8}(return-path|received|from|to|subject|date|message-id|mime-version|content-type|reply-to|sender|cc"
    r"|dkim-signature|x-mailer|delivered-to|user-agent|in-reply-to|references)[ \t]*:",
    re.IGNORECASE,
)
_ANY_HEADER_LINE = re.compile(r"^[> \t]{0,8}[A-Za-z][A-Za-z0-9_-]{1,60}[ \t]*:|^[> \t]*[ \t]\S")
_PREFIX = re.compile(r"^[> \t]{0,8}")
_OF_MAIL = frozenset({"received", "message-id", "mime-version", "content-type", "return-path", "dkim-signature"})
"""Fields nobody tells people about: they stand in a mail's own header alone."""
_ENOUGH = 3
"""So many well-known fields in one block make it the header of a mail, and no list of a report's findings."""
_FOLLOWS = re.compile(
    r"(?:-+ )?(?:this is a copy of (?:the|your) (?:message|mail)|below (?:this line )?is a copy"
    r"|(?:original|returned|old|undelivered|unsent|your original) (?:message|mail)(?: (?:headers?|text|follows|"
    r"attached|is).{0,40})?|(?:the )?(?:message )?headers? (?:of (?:the|your) .{0,40})?(?:follow|is|are)"
    r"|(?:the )?(?:text of )?(?:your )?(?:original )?(?:message|mail) (?:text )?(?:follows|headers?)"
    r"|included is a copy|bounced e-?mail)\b.{0,60}$"
)
_FURNITURE = " \t-*=_#>+~:"
_OPENINGS: tuple[str, ...] = (
    "this",
    "below",
    "original",
    "returned",
    "old",
    "undelivered",
    "unsent",
    "your",
    "the",
    "message",
    "header",
)
_OPENINGS += ("text", "included", "mail", "bounced")
"""What every announcement begins with: a cheap look before the pattern."""
_LONGEST_NAME = 40
_LONGEST_ANNOUNCEMENT = 160
MOST_LINES = 2_000
MOST_IDS = 3
"""A mail has one Message-ID; a list of many would be guesses at ours."""


@dataclass(frozen=True, slots=True)
class ReturnedMail:
    """What a report tells of the mail it is about; empty where it returns none of it."""

    message_ids: tuple[str, ...] = ()
    subject: str | None = None
    to_addresses: tuple[str, ...] = ()
    from_address: str | None = None
    delivered_for: tuple[str, ...] = ()
    """Addresses its Received fields name (`for <...>`), and what servers write in fields of their own."""


_DELIVERED_TO = ("x-hmxmroriginalrecipient", "x-original-rcpt-to")
_FOR = re.compile(r"\bfor\s+<?([^\s<>;]{3,320})>?")


def split_report(parsed: ParsedMessage) -> tuple[str, ReturnedMail]:
    """Return the report's words for people, and the mail it returns."""
    text = parsed.text
    notice, block = _split_text(text)
    for part in parsed.parts:
        if part.content_type in RETURNED_TYPES and not part.embedded and len(part.headers) > 0:
            return notice, _described(part.headers)
    for part in parsed.parts:
        # Gateways turn the returned mail into a text attachment.
        if part.is_attachment and not part.embedded and part.content_type.startswith("text/"):
            _, attached = _split_text(part.text)
            if attached:
                return notice, _described(read_headers(attached))
    return notice, _described(read_headers(block)) if block else ReturnedMail()


def _described(headers: Headers) -> ReturnedMail:
    to = tuple(
        dict.fromkeys(each for name in ("to", "cc") for value in headers.all(name) for each in addresses_in(value))
    )
    passed = [found[1] for value in headers.all("received") if (found := _FOR.search(value))]
    passed += (value for name in _DELIVERED_TO for value in headers.all(name))
    return ReturnedMail(
        message_ids=message_ids(headers.get("message-id") or "")[:MOST_IDS],
        subject=headers.get("subject"),
        to_addresses=to,
        from_address=next(iter(addresses_in(headers.get("from") or "")), None),
        delivered_for=tuple(dict.fromkeys(each for value in passed for each in addresses_in(value))),
    )


def _split_text(text: str) -> tuple[str, str]:
    """Split a report's text before the header block it quotes; returns the text before, and the block.

    A block that only tells what our mail was, in three or four lines, before it is said what became of it, is a part
    of the report's words.
    """
    lines = text.split("\n")[:MOST_LINES]
    described = ""
    at = 0
    while at < len(lines):
        if ":" not in lines[at][:_LONGEST_NAME] or not _HEADER_LINE.match(lines[at]):
            at += 1
            continue
        end = at
        while end < len(lines) and _ANY_HEADER_LINE.match(lines[end]):
            end += 1
        known = {found[1].lower() for line in lines[at:end] if (found := _HEADER_LINE.match(line))}
        if len(known) >= _ENOUGH:
            block = "\n".join(_unindented(lines[at:end]))
            if known & _OF_MAIL:
                return _before(lines[:at]), block
            if FAILURE.search("\n".join(lines[:at]).lower()):
                return _before(lines[:end]), block
            described = described or block
        at = max(end, at + 1)
    return _before(lines), described


def _unindented(lines: list[str]) -> list[str]:
    prefix = _PREFIX.match(lines[0])
    width = len(prefix[0]) if prefix else 0
    return [line[width:] for line in lines]


def _before(lines: list[str]) -> str:
    """Cut the text at a line that announces the returned mail."""
    cut = next((at for at, line in enumerate(lines) if at and _announces(line)), len(lines))
    return "\n".join(lines[:cut])


def _announces(line: str) -> bool:
    if len(line) > _LONGEST_ANNOUNCEMENT:
        return False
    bare = line.strip(_FURNITURE).lower()
    return bare.startswith(_OPENINGS) and _FOLLOWS.match(bare) is not None
