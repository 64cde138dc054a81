"""One plain form of a text for phrase rules: lower case, no accents, one kind of quotation mark and blank."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

MOST = 20_000
_SAME = str.maketrans(
    {"\u2019": "'", "\u2018": "'", "\u00b4": "'", "`": "'", "\u2013": "-", "\u2014": "-", "\u2011": "-", "\u2010": "-"}
    | {"ł": "l", "Ł": "l", "ß": "ss", "ø": "o", "Ø": "o", "æ": "ae", "œ": "oe", "\u00ad": ""}
)
_BLANKS = re.compile(r"[^\S\n]+")


def folded(text: str) -> str:
    """Return the text for phrase rules; line breaks stay."""
    text = text[:MOST]
    if text.isascii():
        text = text.replace("`", "'")
    else:
        text = _combining().sub("", unicodedata.normalize("NFKD", text.translate(_SAME)))
    return _BLANKS.sub(" ", text.lower())


@lru_cache(1)
def _combining() -> re.Pattern[str]:
    """Return a pattern of all marks that stand on other letters; asking for each character by itself takes long."""
    marks = "".join(char for char in map(chr, range(0x300, 0x10000)) if unicodedata.combining(char))
    return re.compile(f"[{marks}]")
