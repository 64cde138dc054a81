"""The language of a text is the same whether it is asked for alone or with many others."""

from array import array
from types import SimpleNamespace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from classifier.identify import SideBySide
from classifier.labelled import read_corpus
from classifier.language import LANGUAGES, MANY, language_of, languages_of

SHORT = ["", "   ", "!!!", "ok", "12", "\udc80a", "\u65e5\u672c\u8a9e", "\U0001f600 a", "NEIN DANKE", "\u0301a"]


def test_many_texts_have_the_languages_that_each_has_alone() -> None:
    texts = [row.text for row in read_corpus()][::7] + SHORT
    for start in range(0, len(texts), 150):
        some = texts[start : start + 150]
        assert languages_of(some) == [language_of(each) for each in some]


@given(st.lists(st.text(max_size=60), min_size=MANY, max_size=2 * MANY))
def test_any_texts_have_the_languages_that_each_has_alone(texts: list[str]) -> None:
    # So many are without letters that the others may be too few to be taken side by side.
    asked = [*texts, *(f"{each} and so on" for each in texts)]
    assert languages_of(asked) == [language_of(each) for each in asked]


def test_what_follows_the_end_of_a_shorter_text_counts_for_nothing() -> None:
    # Every letter leads to the first state, which tells nothing, and what fills up to the second, which tells "b".
    identifier = SimpleNamespace(
        nb_classes=["a", "b"],
        tk_nextmove=array("H", [1] + [0] * 255),
        tk_row=[0, 0],
        tk_output=[-1, 0],
        nb_ptc=np.array([[0.0, 1.0]]),
        nb_pc=np.zeros(2),
    )
    assert SideBySide(identifier)(["x", "xxxx", "x\0x"]) == ["a", "a", "b"]


def test_each_language_is_known_by_a_sentence() -> None:
    sentences = {
        "en": "Could we talk about it on Thursday?",
        "de": "Wir haben leider keinen Bedarf.",
        "fr": "Merci, mais je ne suis pas intéressé.",
        "es": "¿Podría enviarme los precios, por favor?",
        "it": "Potrebbe mandarmi qualche informazione in più?",
        "pt": "Não tenho interesse, obrigado.",
        "nl": "Kunt u mij van de lijst halen?",
        "pl": "Proszę o kontakt w przyszłym tygodniu.",
    }
    assert tuple(sentences) == LANGUAGES
    assert languages_of(list(sentences.values())) == list(LANGUAGES)


def test_what_holds_no_letters_has_no_language() -> None:
    assert languages_of(["", " \n", "12:30", "?!"]) == [None] * 4
