"""The sender's own new words: without the quoted mail, the signature, and what programs and companies add."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from classifier import html
from classifier.message import ParsedMessage
from classifier.own_words.boilerplate import without_boilerplate
from classifier.own_words.flowed import unflow
from classifier.own_words.footers import looks_like_a_signature, without_rules, without_signature
from classifier.own_words.quotes import PERHAPS_QUOTED, find_introductions, is_quoted, marked_from, wrapped_quotation

MOST_LINES = 3_000
LONGEST_STUB = 400
_STUBS = (
    "not support html",
    "html email",
    "html-enabled",
    "html format",
    "view this email in",
    "view this message in",
    "unterstützt leider kein html",
    "kein html",
    "html-format",
    "format html",
    "html-fähig",
    "formato html",
    "compatible html",
    "compatible with html",
    "multi-part message in mime",
    "multipart message in mime",
)
"""What programs write in a plain part instead of the words, which then are in the HTML."""


_UNSEEN = re.compile("[\u200b\u200e\u200f\ufeff]")


@dataclass(frozen=True, slots=True)
class OwnWords:
    """What the sender wrote now; `quoted_alone` says that the mail holds nothing but a quoted one."""

    text: str
    quoted_alone: bool = False


def own_words(parsed: ParsedMessage) -> OwnWords:
    """Return the sender's own new words of a message: of its plain text, unless that is missing or a stub."""
    plain = parsed.plain
    if parsed.html and (not plain or _is_stub(plain)):
        return _of_html(parsed.html)
    return strip_text(unflowed(parsed))


def unflowed(parsed: ParsedMessage) -> str:
    """Return the plain text of a message as it was typed, without soft line breaks."""
    kind = parsed.plain_type
    if "flowed" not in kind:
        return parsed.plain
    return unflow(parsed.plain, delete_space="delsp=yes" in kind.replace('"', "").replace(" ", ""))


def bare(text: str) -> str:
    """Return the text without characters that nobody sees, and with blanks that may break."""
    return text if text.isascii() else _UNSEEN.sub("", text).replace("\xa0", " ")


def _of_html(source: str) -> OwnWords:
    own = strip_text(html.own_text(source))
    if own.text:
        return own
    # Some people type into the container of their signature.
    whole = strip_text(html.own_text(source, with_signatures=True))
    return own if own.quoted_alone and looks_like_a_signature(whole.text.split("\n")) else whole


def _is_stub(plain: str) -> bool:
    if len(plain) > LONGEST_STUB:
        return False
    lowered = plain.lower()
    return any(words in lowered for words in _STUBS)


def strip_text(text: str) -> OwnWords:
    """Return a plain text without quoted mail, signature and footers; when in doubt, all of it."""
    lines = [line.rstrip() for line in bare(text).split("\n", MOST_LINES)[:MOST_LINES]]
    pieces, cut = _without_quotes(lines)
    own = _join(_without_footers(piece, first=not number) for number, piece in enumerate(pieces))
    if own or cut:
        return OwnWords(own, quoted_alone=not own)
    return OwnWords(_join(pieces))


def _without_quotes(lines: list[str]) -> tuple[list[list[str]], bool]:
    """Split the sender's own lines at the quotations, and say whether there are any.

    A quotation ends where its marks end; where nothing marks its lines, all that follows is quoted.
    """
    pieces: list[list[str]] = [[]]
    introductions = find_introductions(lines)
    if not introductions and not any(map(is_quoted, lines)):
        return [[line.removeprefix(PERHAPS_QUOTED) for line in lines]], False
    at = 0
    while at < len(lines):
        line = lines[at]
        if is_quoted(line):
            at = _quotation_end(lines, at)
        elif line and (quotation := introductions.get(at)):
            pieces[-1].append(line[: quotation.kept].strip(" -"))
            at += quotation.length
            if not marked_from(lines, at):
                return pieces, True
            at = _quotation_end(lines, at)
        else:
            pieces[-1].append(line.removeprefix(PERHAPS_QUOTED))
            at += 1
            continue
        pieces.append([])
    return pieces, len(pieces) > 1


def _quotation_end(lines: list[str], at: int) -> int:
    """Return the first line after a quotation that begins here, blank lines before it included."""
    for number in range(at, len(lines)):
        line = lines[number]
        if line and not is_quoted(line) and not line.startswith(PERHAPS_QUOTED) and not _is_wrapped(lines, number):
            return number
    return max(at, len(lines))


def _is_wrapped(lines: list[str], at: int) -> bool:
    return 0 < at < len(lines) - 1 and wrapped_quotation(lines[at - 1], lines[at], lines[at + 1])


def _without_footers(piece: list[str], *, first: bool) -> list[str]:
    return without_signature(without_boilerplate(piece, first=first), first=first)


def _join(pieces: Iterable[list[str]]) -> str:
    written = ("\n".join(without_rules(piece)).strip() for piece in pieces)
    return "\n\n".join(each for each in written if each)
