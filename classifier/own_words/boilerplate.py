"""What companies and scanners put around a mail: banners above it, legal footers and requests not to print below it."""

from __future__ import annotations

import re
from collections.abc import Iterable

from classifier.own_words.footer_words import (
    BANNER_ADVICE,
    BANNER_BEGINS,
    BANNER_OUTSIDE,
    BEFORE,
    CONFIDENTIAL,
    CONSEQUENCES,
    ENVIRONMENT,
    INTENDED,
    MAIL,
    PRINTING,
    SCANNED,
    SCANNERS,
    SCANNING,
    VIRUS_FREE,
    Stems,
)

LONGEST_BANNER = 600
LONGEST_TAG = 24
"""Of a banner that is nothing but "[EXTERNAL EMAIL]"."""
LONGEST_ADVICE = 300
MOST_OF_THE_END = 6_000
"""Characters at the end of the sender's words in which a legal footer is looked for."""
SHORTEST_LEGAL = 90
"""A paragraph about confidentiality that is shorter may be the answer."""
SHORTEST_LEGAL_LINE = 50

_ASKS = re.compile(r"\?(?:\s|$)")
_BANNER_ORNAMENT = " *_[(<>!#|-⚠\ufe0f【"


def without_boilerplate(lines: list[str], *, first: bool) -> list[str]:
    """Return lines without banners and legal footers; when in doubt, they stay.

    Args:
        lines: the sender's own lines, up to the next quotation.
        first: whether the mail begins with them, and a banner may stand there.
    """
    if first:
        lines = _without_banner(lines)
    start = _where_the_end_begins(lines)
    lowered = "\n".join(lines[start:]).lower()
    if any(_has(lowered, words) for words in (CONFIDENTIAL, SCANNED, ENVIRONMENT)):
        return lines[:start] + _without_paragraphs(lines[start:])
    return lines


def _where_the_end_begins(lines: list[str]) -> int:
    size = 0
    for at in range(len(lines) - 1, -1, -1):
        size += len(lines[at]) + 1
        if size > MOST_OF_THE_END:
            return at
    return 0


def _without_banner(lines: list[str]) -> list[str]:
    """Drop "CAUTION: This email originated from outside ..." from the top, to its last line that says so."""
    start = next((at for at, line in enumerate(lines) if line), 0)
    end = next((at for at in range(start, len(lines)) if not lines[at]), len(lines))
    paragraph = [line.lower() for line in lines[start:end]]
    text = " ".join(paragraph)
    if not text.lstrip(_BANNER_ORNAMENT).startswith(BANNER_BEGINS.all):
        return lines
    bare = len(text) <= LONGEST_TAG and "extern" in text and text[0] in _BANNER_ORNAMENT
    if not bare and not (
        len(text) <= LONGEST_BANNER and _has(text, BANNER_OUTSIDE) and _count(text, BANNER_ADVICE) > 1
    ):
        return lines
    last = max(
        at for at, line in enumerate(paragraph) if bare or _has(line, BANNER_ADVICE) or _has(line, BANNER_OUTSIDE)
    )
    return lines[start + last + 1 :]


def _without_paragraphs(lines: list[str]) -> list[str]:
    """Drop legal footers, the advertisements of virus scanners, and the request not to print."""
    kept: list[str] = []
    legal = False
    for start, end in _paragraphs(lines):
        paragraph = lines[start:end]
        text = " ".join(paragraph).lower()
        if _is_legal(text, after_one=legal):
            legal = True
            kept.extend(_before_the_legal_words(paragraph))
        elif not _is_advertisement(text):
            kept.extend(paragraph)
        kept.append("")
    return kept


def _paragraphs(lines: list[str]) -> Iterable[tuple[int, int]]:
    start = 0
    for at in range(len(lines) + 1):
        if at == len(lines) or not lines[at]:
            if at > start:
                yield start, at
            start = at + 1


def _is_legal(text: str, *, after_one: bool) -> bool:
    if after_one:
        return (
            sum(_has(text, words) for words in (MAIL, CONFIDENTIAL, INTENDED, CONSEQUENCES)) > 1
            and len(text) > SHORTEST_LEGAL
        )
    return (
        len(text) >= SHORTEST_LEGAL
        and _has(text, CONFIDENTIAL)
        and _has(text, INTENDED)
        and _has(text, MAIL)
        and not _ASKS.search(text)
    )


def _before_the_legal_words(paragraph: list[str]) -> list[str]:
    """Return the lines above the legal words where they stand in one paragraph with a signature."""
    for at, line in enumerate(paragraph):
        lowered = line.lower()
        if (
            len(line) > SHORTEST_LEGAL_LINE
            and sum(_has(lowered, words) for words in (MAIL, CONFIDENTIAL, INTENDED)) > 1
        ):
            return paragraph[:at]
    return []


def _is_advertisement(text: str) -> bool:
    if len(text) > LONGEST_ADVICE or _ASKS.search(text):
        return False
    if text.lstrip("<[").startswith(VIRUS_FREE.all) or all(
        _has(text, words) for words in (PRINTING, BEFORE, ENVIRONMENT)
    ):
        return True
    return _has(text, SCANNED) and _has(text, SCANNERS) and _has(text, SCANNING)


def _has(text: str, words: Stems) -> bool:
    for word in words.ascii if text.isascii() else words.all:  # noqa: SIM110 - this is the hottest loop of the module
        if word in text:
            return True
    return False


def _count(text: str, words: Stems) -> int:
    return sum(word in text for word in words.all)
