"""Near-duplicates are found, and nothing else is."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier.features import tokens
from classifier.likeness import ALIKE, groups, near_duplicates, same_words, translations

WORDS = st.lists(st.sampled_from(["a", "b", "c", "d", "e", "f", "g", "h", "!"]), max_size=8).map(" ".join)


def overlap(one: str, other: str) -> float:
    left, right = (set(tokens(each)) - {"!", "?"} or {each} for each in (one, other))
    return len(left & right) / len(left | right)


@given(st.lists(WORDS, max_size=12))
def test_exactly_the_pairs_that_overlap_are_found(documents: list[str]) -> None:
    expected = {
        (first, second)
        for second in range(len(documents))
        for first in range(second)
        if overlap(documents[first], documents[second]) >= ALIKE
    }
    assert set(near_duplicates(documents)) == expected


def test_order_repetition_and_marks_do_not_matter() -> None:
    documents = ["please stop", "stop please !", "go on", "stop stop please"]
    assert groups(4, near_duplicates(documents)) == groups(4, same_words(documents)) == [0, 0, 2, 0]


def test_likeness_is_handed_on_over_all_kinds_of_pairs() -> None:
    assert groups(5, [(0, 1)], [(2, 1), (3, 4)]) == [0, 0, 0, 3, 3]


def test_texts_of_one_meaning_are_translations() -> None:
    meant = np.array([[1, 0], [0, 1], [0.9, 0.436]], dtype=np.float32)
    assert list(translations(meant)) == [(0, 2)]


@pytest.mark.parametrize("count", [0, 1])
def test_too_few_to_be_alike(count: int) -> None:
    assert groups(count, near_duplicates(["yes"] * count)) == list(range(count))
