"""What the reply classifier sees of a text: one normal form, and the terms counted in it.

Training and judging share this file, so that both see the same; an artifact stores `NORMALISER`, and one made for
another normal form is refused.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterator
from itertools import pairwise

from classifier.phrases import Phrases

NORMALISER = 1
"""Raised with every change of this file that changes what a text becomes."""

LONGEST = 20_000
"""Characters of a text that are looked at: a reply says what it wants long before."""

_SAME = str.maketrans("\u2019\u2018`\u00b4\u201c\u201d\u201e\u00ab\u00bb", "''''" + '"""""')
"""Every kind of quotation mark becomes one of the two a keyboard has."""

_ACCENTS = re.compile(r"[\u0300-\u036f]")

_MONTHS = (
    "january february march april may june july august september october november december "
    "jan feb mar apr jun jul aug sep sept oct nov dec "
    "januar februar marz maerz mai juni juli oktober dezember jan feb okt dez "
    "janvier fevrier mars avril juin juillet aout septembre octobre novembre decembre "
    "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre "
    "gennaio febbraio aprile maggio giugno luglio settembre ottobre dicembre "
    "janeiro fevereiro marco maio junho julho setembro outubro novembro dezembro "
    "januari februari maart mei augustus "
    "stycznia lutego marca kwietnia maja czerwca lipca sierpnia wrzesnia pazdziernika listopada grudnia"
).replace(" ", "|")
_YEAR = r"(?:,?\s{1,3}(?:de\s)?\d{4})?"
_PLACEHOLDERS = {
    "xxurl": r"\b(?:https?://|www\.)\S+",
    # The bounds keep a long run without blanks from being scanned once for each of its characters.
    "xxaddress": r"[^\s@<>\"]{1,64}@[^\s@<>\"]{1,255}",
    "xxdate": (
        r"\b\d{4}-\d{2}-\d{2}\b"
        r"|\b\d{1,2}(?:/\d{1,2}/|\.\s?\d{1,2}\.|-\d{1,2}-)(?:\d{4}|\d{2})?(?!\d)"
        rf"|\b\d{{1,2}}(?:st|nd|rd|th|er|o|\.)?\s{{1,3}}(?:de\s|of\s)?(?:{_MONTHS})\b{_YEAR}"
        rf"|\b(?:{_MONTHS})\.?\s{{1,3}}\d{{1,2}}(?:st|nd|rd|th)?\b{_YEAR}"
    ),
    "xxtime": r"\b\d{1,2}(?:[:.]\d{2})?\s?(?:am|pm|a\.m|p\.m|uhr|o'clock)\b|\b\d{1,2}(?::\d{2}|h\d{2}|h)\b",
    "xxnumber": r"\d+(?:[.,]\d+)*",
}
"""Each placeholder, and what it stands for where none before it does."""
_FOUND = Phrases(*_PLACEHOLDERS.values())
_SOUGHT = [(name, re.compile(pattern)) for name, pattern in _PLACEHOLDERS.items()]
NAMES = {
    "xxurl": "a link",
    "xxaddress": "an address",
    "xxdate": "a date",
    "xxtime": "a time",
    "xxnumber": "a number",
}
"""How a person reads each placeholder."""

_ANSWER = re.compile(
    r"^(?:\s*(?:re|aw|antw|antwort|sv|vs|rif|res|odp|fw|fwd|wg|tr|rv|enc|pd|doorst)\s*(?:\[\d{1,3}\])?\s*:)+\s*"
)
_TOKEN = re.compile(r"\w+(?:'\w+)*|[?!]")


def normalise(text: str) -> str:
    """Return the normal form of a text: lower case, no accents, one kind of quote, placeholders for what varies."""
    text = text[:LONGEST]
    if text.isascii():
        plain = text.replace("`", "'").lower()
    else:
        folded = unicodedata.normalize("NFKC", text.translate(_SAME)).casefold()
        # Accents are often left out on telephones. Composing again keeps scripts whole that are built of parts.
        plain = unicodedata.normalize("NFC", _ACCENTS.sub("", unicodedata.normalize("NFKD", folded)))
    # What one puts in the text's place lets no other match that did not before.
    for place in _FOUND.may_match(plain):
        name, pattern = _SOUGHT[place]
        plain = pattern.sub(f" {name} ", plain)
    return " ".join(plain.split())


def document(subject: str, text: str) -> str:
    """Return what is judged of a reply: its text, led by its subject where the sender wrote that too.

    A subject that begins with "Re:" is ours coming back and tells nothing about the sender; it is judged, without
    its prefix, only where there is no text.
    """
    heading, body = normalise(subject), normalise(text)
    own = _ANSWER.sub("", heading)
    if not body:
        return own
    return body if own != heading else f"{heading} {body}".strip()


def key(normal: str) -> str:
    """Return what is equal for documents that cannot be told apart: the SHA-256 of the document in hexadecimal."""
    return hashlib.sha256(normal.encode("utf-8", "surrogatepass")).hexdigest()


def tokens(normal: str) -> list[str]:
    """Return the words of a normalised text; question and exclamation marks and one-letter words count as words."""
    return _TOKEN.findall(normal)


def placed_tokens(plain: str) -> list[tuple[str, int, int]]:
    """Return the tokens of a text and where each begins and ends in it, so that they can be shown to a person.

    The text is in lower case and has no accents, but no placeholders yet: a token that is one spans what it stands for.
    """
    found: list[tuple[str, int, int]] = []
    for place in _FOUND.may_match(plain):
        name, pattern = _SOUGHT[place]
        found += [(name, *each.span()) for each in pattern.finditer(plain)]
        plain = pattern.sub(lambda each: _TAKEN * len(each[0]), plain)
    found += [(each[0], *each.span()) for each in _TOKEN.finditer(plain)]
    return sorted(found, key=lambda each: each[1])


_TAKEN = "<"
"""Stands in no token and in no placeholder's pattern."""


def has_words(normal: str) -> bool:
    """Say whether a normalised text holds anything that is counted."""
    return _TOKEN.search(normal) is not None


def word_terms(words: list[str]) -> list[str]:
    """Return the single words of a document and the pairs of neighbours."""
    return words + [f"{left} {right}" for left, right in pairwise(words)]


def pieces(word: str) -> Iterator[str]:
    """Yield the pieces of 3 to 5 characters of one word, its ends marked by a blank."""
    padded = f" {word} "
    for size in (3, 4, 5):
        for start in range(len(padded) - size + 1):
            yield padded[start : start + size]
