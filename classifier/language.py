"""In which of the languages we understand is a text written?"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from classifier.identify import SideBySide

LANGUAGES = ("en", "de", "fr", "es", "it", "pt", "nl", "pl")
MOST = 200
"""Characters that are looked at: more of them tell nothing new."""
MANY = 16
"""From so many texts on it is faster to take them side by side."""


def language_of(text: str) -> str | None:
    """Return the language of the text, one of `LANGUAGES`, or None where it holds no letters."""
    return languages_of([text])[0]


def languages_of(texts: Sequence[str]) -> list[str | None]:
    """Return the language of each text, as `language_of` does."""
    # The identifier finds whole words in one case better than SHOUTING ones.
    begun = [text[:MOST].strip().lower() for text in texts]
    written = [at for at, text in enumerate(begun) if any(char.isalpha() for char in text)]
    found: list[str | None] = [None] * len(begun)
    if len(written) >= MANY:
        for at, language in zip(written, _side_by_side()([begun[at] for at in written]), strict=True):
            found[at] = language
    else:
        for at in written:
            found[at] = _identifier().classify(begun[at])[0]
    return found


@lru_cache(1)
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier  # noqa: PLC0415 - NumPy: not before mail is read

    # Restricted: among all languages, three words of a reply are most often called a wrong one.
    identifier = LanguageIdentifier.from_model_file(MODEL_FILE)
    identifier.set_languages(list(LANGUAGES))
    return identifier


@lru_cache(1)
def _side_by_side() -> SideBySide:
    from classifier.identify import SideBySide  # noqa: PLC0415 - NumPy as well

    return SideBySide(_identifier())
