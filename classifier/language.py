"""In which of the languages we understand is a text written?"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

LANGUAGES = ("en", "de", "fr", "es", "it", "pt", "nl", "pl")
MOST = 200
"""Characters that are looked at: more of them tell nothing new."""


def language_of(text: str) -> str | None:
    """Return the language of the text, one of `LANGUAGES`, or None where it holds no letters."""
    text = text[:MOST].strip()
    if not any(char.isalpha() for char in text):
        return None
    # The identifier finds whole words in one case better than SHOUTING ones.
    language: str = _identifier().classify(text.lower())[0]
    return language


@lru_cache(1)
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier  # noqa: PLC0415 - NumPy: not before mail is read

    # Restricted: among all languages, three words of a reply are most often called a wrong one.
    identifier = LanguageIdentifier.from_model_file(MODEL_FILE)
    identifier.set_languages(list(LANGUAGES))
    return identifier
