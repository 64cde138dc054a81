"""One plain form of a text for phrase rules: lower case, no accents, one kind of quotation mark and blank."""

from __future__ import annotations

import re
import unicodedata

MOST = 20_000
_SAME = str.maketrans(
    {"\u2019": "'", "\u2018": "'", "\u00b4": "'", "`": "'", "\u2013": "-", "\u2014": "-", "\u2011": "-", "\u2010": "-"}
    | {"ł": "l", "Ł": "l", "ß": "ss", "ø": "o", "Ø": "o", "æ": "ae", "œ": "oe", "\u00ad": ""}
)
_BLANKS = re.compile(r"[^\S\n]+")


def folded(text: str) -> str:
    """Return the text for phrase rules; line breaks stay."""
    text = text[:MOST].translate(_SAME)
    if not text.isascii():
        text = "".join(char for char in unicodedata.normalize("NFKD", text) if not unicodedata.combining(char))
    return _BLANKS.sub(" ", text.lower())
