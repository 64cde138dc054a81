"""Does a text read like a machine's? The tables of the word modules, compiled and searched."""

from __future__ import annotations

import re
from collections.abc import Iterable

from classifier.answers import absence_words, departure_words, template_words, weak_words
from classifier.folding import folded
from classifier.phrases import Phrases, Rows

BEGINNING, END = 900, 300
"""Characters of a longer text that are looked at: what it is, a notice says first, or in a line below it all."""


_TURNED = re.compile(r"\\[A-Z]|\[[^\]]{0,80}(?:[^\x00-\x7f]-[^\]]|[^\[\]^\\]-[^\x00-\x7f])")
"""A class in capitals, or a range of letters with accents."""


def compiled(patterns: Iterable[str]) -> re.Pattern[str]:
    """Compile patterns in natural spelling as one, folded like the text it will search."""
    return re.compile("|".join(_folded(each) for each in patterns))


def _folded(pattern: str) -> str:
    if turned := _TURNED.search(pattern):
        raise ValueError(f"folding would turn {turned[0]!r} round: {pattern!r}")
    return folded(pattern)


def _phrases(rows: Rows) -> Phrases:
    return Phrases(*(_folded(pattern) for patterns in rows.values() for pattern in patterns))


_AWAY = _phrases(absence_words.AWAY)
_LEFT = _phrases(departure_words.LEFT)
_UNREAD = _phrases(departure_words.UNREAD)
_SLOW = _phrases(departure_words.SLOW)
_NOT_BEFORE = compiled([absence_words.NOT_BEFORE])
_TEMPLATES = _phrases(template_words.TEMPLATES)
_RECEIPTS = _phrases(template_words.RECEIPTS)
_THANKS = _phrases(weak_words.THANKS)
_RECEIVED = _phrases(weak_words.RECEIVED)
_NOTICES = _phrases(weak_words.NOTICES)
_ANSWERING = compiled(weak_words.ANSWERING.values())
_PERSONAL = compiled(weak_words.PERSONAL.values())


def telling(text: str) -> str:
    """Return what of a folded text is searched: its beginning and its end, as one line, since lines wrap anywhere."""
    if len(text) > BEGINNING + END:
        text = f"{text[:BEGINNING]} {text[-END:]}"
    return text.replace("\n", " ")


def away_words(text: str) -> str | None:
    """Return the words that say somebody is away, or None; `text` is folded and one line, here and below."""
    for _, found in _AWAY.finditer(text):
        if not _NOT_BEFORE.search(text, max(0, found.start() - 12), found.start()):
            return found[0]
    return None


def left_words(text: str) -> str | None:
    """Return the words that say somebody has left for good, or None."""
    return _first(_LEFT, text)


def unread_words(text: str) -> str | None:
    """Return the words that say an address has changed or nobody reads it, or None."""
    return _first(_UNREAD, text)


def slow_words(text: str) -> str | None:
    """Return the words of somebody who is there but slow to answer, or None."""
    return _first(_SLOW, text)


def speaks_for_itself(text: str) -> bool:
    """Say whether a person speaks of themselves, and not only of when they get back to us."""
    return bool(_PERSONAL.search(text)) and "get back to" not in text


def machine_words(text: str) -> str | None:
    """Return the sentence that only a machine writes, or None."""
    return _search(_TEMPLATES, text) or _unless_personal(_search(_RECEIPTS, text), text)


def notice_words(text: str) -> str | None:
    """Return the words of an absence notice as programs send it: away, what happens meanwhile, and no answer to us."""
    meanwhile = _search(_NOTICES, text)
    if meanwhile is None or is_answering(text):
        return None
    away = away_words(text)
    return f"{away}, {meanwhile}" if away else None


def likely_words(text: str, *, unanswerable: bool) -> str | None:
    """Return words that people write as well, which count beside another sign; None where somebody answers us.

    People's servers leave most signs on people's mail, so beside those only a promise to answer counts; beside a sender
    who cannot be answered, any word of an absence, a departure or a receipt.
    """
    found = _unless_personal(_search(_THANKS, text), text)
    if unanswerable and not found:
        found = (
            _search(_RECEIVED, text) or away_words(text) or left_words(text) or unread_words(text) or slow_words(text)
        )
    return None if found is None or is_answering(text) else found


def is_answering(text: str) -> bool:
    """Say whether the words are those of somebody who answers what we wrote."""
    return bool(_ANSWERING.search(text))


def _unless_personal(found: str | None, text: str) -> str | None:
    return None if found is None or _PERSONAL.search(text) else found


def _first(phrases: Phrases, text: str) -> str | None:
    found = phrases.search(text)
    return found[0] if found else None


def _search(phrases: Phrases, text: str) -> str | None:
    asserted = (found[0] for _, found in phrases.finditer(text) if not _is_asked(text, found.end()))
    first = next(asserted, None)
    return first.strip()[:100] if first else None


def _is_asked(text: str, at: int) -> bool:
    """Say whether the sentence around the words ends as a question: "is this an automated message?"."""
    end = next((mark for mark in text[at : at + 120] if mark in ".!?"), "")
    return end == "?"
