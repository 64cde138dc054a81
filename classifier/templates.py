"""Does a text read like a machine's? The tables of the word modules, compiled and searched."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from classifier import absence_words, departure_words, template_words, weak_words
from classifier.folding import folded

BEGINNING, END = 900, 300
"""Characters of a longer text that are looked at: what it is, a notice says first, or in a line below it all."""
REACH = 80
"""Characters around a hint in which its words stand."""
STEP = 40


def compiled(patterns: Iterable[str]) -> re.Pattern[str]:
    """Compile patterns in natural spelling as one, folded like the text it will search."""
    return re.compile("|".join(folded(each) for each in patterns))


Compiled = tuple[tuple[str, re.Pattern[str]], ...]


def _near_hints(rows: absence_words.Rows) -> Compiled:
    """Compile each row once, and list it under each of its hints."""
    found = []
    for each in rows.values():
        for hints, pattern in each:
            searched = compiled([pattern])
            found += [(folded(hint), searched) for hint in hints]
    return tuple(found)


def _by_hint(rows: template_words.Rows) -> Compiled:
    """Gather the rows of all languages that share a hint, so that each hint is looked for once."""
    found: dict[str, list[str]] = {}
    for each in rows.values():
        for hint, pattern in each:
            found.setdefault(folded(hint), []).append(pattern)
    return tuple((hint, compiled(patterns)) for hint, patterns in found.items())


_AWAY = _near_hints(absence_words.AWAY)
_LEFT = _near_hints(departure_words.LEFT)
_UNREAD = _near_hints(departure_words.UNREAD)
_SLOW = _near_hints(departure_words.SLOW)
_NOT_BEFORE = compiled([absence_words.NOT_BEFORE])
_TEMPLATES = _by_hint(template_words.TEMPLATES)
_RECEIPTS = _by_hint(template_words.RECEIPTS)
_THANKS = _by_hint(weak_words.THANKS)
_RECEIVED = _by_hint(weak_words.RECEIVED)
_NOTICES = _by_hint(weak_words.NOTICES)
_ANSWERING = compiled(weak_words.ANSWERING.values())
_PERSONAL = compiled(weak_words.PERSONAL.values())


def telling(text: str) -> str:
    """Return what of a folded text is searched: its beginning and its end, as one line, since lines wrap anywhere."""
    if len(text) > BEGINNING + END:
        text = f"{text[:BEGINNING]} {text[-END:]}"
    return text.replace("\n", " ")


def away_words(text: str) -> str | None:
    """Return the words that say somebody is away, or None; `text` is folded and one line, here and below."""
    for found in _near(_AWAY, text):
        if not _NOT_BEFORE.search(text, max(0, found.start() - 12), found.start()):
            return found[0]
    return None


def left_words(text: str) -> str | None:
    """Return the words that say somebody has left for good, or None."""
    return next((found[0] for found in _near(_LEFT, text)), None)


def unread_words(text: str) -> str | None:
    """Return the words that say an address has changed or nobody reads it, or None."""
    return next((found[0] for found in _near(_UNREAD, text)), None)


def slow_words(text: str) -> str | None:
    """Return the words of somebody who is there but slow to answer, or None."""
    return next((found[0] for found in _near(_SLOW, text)), None)


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


def _near(rows: Compiled, text: str) -> Iterator[re.Match[str]]:
    """Yield what the rows match around their hints: a whole text is too long for that many words."""
    for hint, pattern in rows:
        at = text.find(hint)
        while at >= 0:
            # One window serves the hints that follow closely; a text of nothing but hints would take too long.
            yield from pattern.finditer(text, max(0, at - REACH), at + REACH + STEP)
            at = text.find(hint, at + STEP)


def _search(rows: Compiled, text: str) -> str | None:
    for hint, pattern in rows:
        if hint in text:
            for found in pattern.finditer(text):
                if not _is_asked(text, found.end()):
                    return found[0].strip()[:100]
    return None


def _is_asked(text: str, at: int) -> bool:
    """Say whether the sentence around the words ends as a question: "is this an automated message?"."""
    end = next((mark for mark in text[at : at + 120] if mark in ".!?"), "")
    return end == "?"
