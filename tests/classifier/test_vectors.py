"""Weights of terms: the textbook's numbers, whatever the order, with learnt terms and with hashed ones."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer

from classifier.features import normalise, pieces, tokens, word_terms
from classifier.vectors import Hashed, Listed, Vectoriser, learn_hashed, learn_terms

DOCUMENTS = ["yes please call me", "no thanks , no", "please stop ! please", "when ? where ?", "yes"]


def test_weights_are_those_of_scikit_learn() -> None:
    ours = learn_terms(DOCUMENTS)
    theirs = TfidfVectorizer(analyzer=lambda text: word_terms(tokens(text)), sublinear_tf=True).fit(DOCUMENTS)
    assert isinstance(ours.words, Listed)
    assert list(ours.words.terms) == theirs.get_feature_names_out().tolist()
    for text in [*DOCUMENTS, "please please do call , yes"]:
        vector = ours.weigh(text)
        found = np.zeros(len(ours.words))
        found[vector.ids[: vector.words]] = vector.weights[: vector.words]
        np.testing.assert_allclose(found, theirs.transform([text]).toarray()[0], atol=1e-6)


def test_terms_too_rare_are_left_out_and_of_the_others_the_most_frequent_stay() -> None:
    ours = learn_terms(DOCUMENTS, least=2, most=1)
    assert isinstance(ours.words, Listed)
    assert list(ours.words.terms) == ["please"]


def test_what_was_not_learnt_weighs_nothing() -> None:
    vector = learn_terms(DOCUMENTS).weigh("qqqq")
    assert (len(vector.ids), len(vector.weights), vector.words) == (0, 0, 0)


@given(st.text(max_size=200))
def test_each_block_is_of_length_one_or_empty(text: str) -> None:
    for vectoriser in (learn_terms(DOCUMENTS), learn_hashed(DOCUMENTS, 6)):
        vector = vectoriser.weigh(normalise(text))
        for block in (vector.weights[: vector.words], vector.weights[vector.words :]):
            assert not len(block) or math.isclose(float(block @ block), 1, rel_tol=1e-9)
        assert len(set(vector.ids.tolist())) == len(vector.ids)
        assert all(0 <= at < vectoriser.width for at in vector.ids)


def test_hashed_columns_are_the_same_on_every_machine() -> None:
    assert [Hashed(18).of(term) for term in ("yes", "no thanks", "straße")] == [210345, 86766, 217805]


def test_hashed_terms_weigh_by_how_many_documents_hold_them() -> None:
    hashed, listed = learn_hashed(DOCUMENTS, 18), learn_terms(DOCUMENTS)
    one, other = hashed.weigh("yes please"), listed.weigh("yes please")
    assert sorted(one.weights[: one.words]) == pytest.approx(sorted(other.weights[: other.words]))


@pytest.mark.parametrize("vectoriser", [learn_terms(DOCUMENTS), learn_hashed(DOCUMENTS, 18)], ids=["listed", "hashed"])
def test_a_column_is_named_by_the_words_that_stand_in_it(vectoriser: Vectoriser) -> None:
    vector = vectoriser.weigh("please call")
    named = set(vectoriser.names("please call", vector.ids[: vector.words].tolist()))
    assert named == {"please", "call", "please call"}


def test_pieces_know_where_a_word_begins_and_ends() -> None:
    assert list(pieces("no")) == [" no", "no ", " no "]
