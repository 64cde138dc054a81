"""What is held out stays held out when more is learnt from, and no group stands on both sides."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier.splits import buckets, folds

DOCUMENTS = [f"text {number}" for number in range(400)]
CLASSES = np.arange(400) % 4


def held_out(documents: list[str], truth: np.ndarray, groups: np.ndarray) -> dict[str, int]:
    found = {}
    for number, (seen, unseen) in enumerate(folds(documents, truth, groups, 5, 0)):
        assert not set(groups[seen]) & set(groups[unseen])
        assert len(np.unique(truth[seen])) == len(np.unique(truth))
        found |= {documents[at]: number for at in unseen}
    return found


def test_learnt_from_again_with_others_a_text_is_held_out_in_the_same_fold() -> None:
    some = held_out(DOCUMENTS[:200], CLASSES[:200], np.arange(200))
    # In another order too, so that groups have other numbers.
    everything = held_out(DOCUMENTS[::-1], CLASSES[::-1], np.arange(400))
    assert len(some) == 200
    assert {text: everything[text] for text in some} == some


def test_folds_are_of_about_the_same_size() -> None:
    sizes = np.bincount(list(held_out(DOCUMENTS, CLASSES, np.arange(400)).values()))
    assert sizes.min() > 50


def test_a_class_of_five_is_in_every_fold() -> None:
    truth = np.array([1] * 5 + [0] * 395)
    found = held_out(DOCUMENTS, truth, np.arange(400))
    assert len({found[text] for text in DOCUMENTS[:5]}) == 5


@given(st.lists(st.integers(0, 40), min_size=200, max_size=400), st.randoms())
def test_the_order_of_the_texts_does_not_matter(groups: list[int], random: object) -> None:
    documents = DOCUMENTS[: len(groups)]
    order = list(range(len(groups)))
    random.shuffle(order)  # type: ignore[attr-defined]
    one = dict(zip(documents, buckets(documents, np.array(groups), 5).tolist(), strict=True))
    mixed = [documents[at] for at in order]
    other = dict(zip(mixed, buckets(mixed, np.array(groups)[order], 5).tolist(), strict=True))
    assert one == other


@pytest.mark.parametrize("count", [2, 5, 10])
def test_a_group_has_one_number(count: int) -> None:
    groups = np.arange(400) // 3
    found = buckets(DOCUMENTS, groups, count)
    assert all(len(set(found[groups == group])) == 1 for group in range(max(groups)))
    assert set(found) == set(range(count))
