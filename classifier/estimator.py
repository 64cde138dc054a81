"""The learner: weights of words and of pieces of words, the meaning of the whole where these are not enough.

Imported for training alone: a running worker judges with `classifier.replies`, which computes the same.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.multiclass import OneVsRestClassifier
from sklearn.utils.validation import check_is_fitted

from classifier.meaning import meanings
from classifier.vectors import Vectoriser, learn_hashed, learn_terms

_FLATTEST, _SHARPEST = 0.1, 20.0
"""Between these the inverse temperature is sought."""
_CHUNK = 10_000
"""Documents that are held as numbers at once while learning from many."""
_ROUNDS = 2
"""Times that all documents are shown while learning from many."""
_SAMPLE = 20_000
"""Documents from which it is learnt how much a hashed column tells: a share needs no more."""
_MOST_TERMS = 100_000
"""Of words and of pieces, while learning from many."""
_BITS = 18
"""The logarithm of how many columns the words share, and the pieces, when terms are hashed."""

Matrix = NDArray[np.float64]
Indices = NDArray[np.intp]


def _at(documents: Sequence[str], places: Indices) -> list[str]:
    return [documents[at] for at in places.tolist()]


@dataclass(frozen=True, slots=True)
class Linear:
    """A learnt stage: decisions are `numbers @ coefficients + intercepts`, probabilities softmax(sharpness x these)."""

    coefficients: Matrix
    """(numbers, classes)."""
    intercepts: Matrix
    sharpness: float = 1.0

    def decide(self, numbers: sparse.csr_matrix) -> Matrix:
        """Return the decision (n, classes) for each row."""
        found: Matrix = numbers @ self.coefficients + self.intercepts
        return found


class ReplyClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn is untyped.
    """Classifies normalised documents (`classifier.features.document`) into the classes it was shown.

    Args:
        C: how closely the learner follows its examples, against how simple it stays.
        folds: into how many parts the examples are split to calibrate; every class needs as many.
        seed: of the splits and of the learner.
        meaning: whether a second stage, which sees the meaning of the whole too, judges what the first is unsure of.
        ask_below: the probability of the likeliest class under which the second stage is asked.
        stream_from: documents from which on they are shown chunk by chunk, with a tenth held out in place of the
            folds and without a second stage.
        hash_from: documents from which on terms are hashed, so that memory stays flat.
    """

    def __init__(  # noqa: PLR0913  # scikit-learn's contract: every choice is an argument of its own.
        self,
        C: float = 5.0,  # noqa: N803  # scikit-learn's name.
        *,
        folds: int = 5,
        seed: int = 0,
        meaning: bool = False,
        ask_below: float = 0.8,
        stream_from: int = 50_000,
        hash_from: int = 200_000,
    ) -> None:
        self.C = C
        self.folds = folds
        self.seed = seed
        self.meaning = meaning
        self.ask_below = ask_below
        self.stream_from = stream_from
        self.hash_from = hash_from

    def fit(self, X: Sequence[str], y: Sequence[str], groups: Sequence[Hashable] | None = None) -> Self:  # noqa: N803
        """Learn from n documents and their n classes; documents of one group never stand on both sides of a split.

        Afterwards `unseen_` holds the places (m,) of the documents on which it was tested, and `out_of_fold_`
        (m, classes) what learners that had not seen them said of them.
        """
        self.classes_, truth = np.unique(np.asarray(y), return_inverse=True)
        parts = np.arange(len(X)) if groups is None else _numbered(groups)
        if len(X) < self.stream_from:
            self._learn_whole(X, truth, parts)
        else:
            self._learn_in_chunks(X, truth, parts)
        return self

    def predict_proba(self, X: Sequence[str]) -> Matrix:  # noqa: N803
        """Return the probability (n, classes) of each class for each document."""
        check_is_fitted(self)
        numbers = as_matrix(self.vectoriser_, X)
        first = self.first_.decide(numbers)
        second = None
        if self.second_ is not None:
            second = self.second_.decide(_beside(numbers, meanings(X)))
        return self._shares(first, second)

    def predict(self, X: Sequence[str]) -> NDArray[Any]:  # noqa: N803
        """Return the likeliest class of each document."""
        likeliest: NDArray[Any] = self.predict_proba(X).argmax(axis=1)
        return np.asarray(self.classes_[likeliest])

    def _learn_whole(self, X: Sequence[str], truth: Indices, parts: Indices) -> None:  # noqa: N803
        meant = meanings(X) if self.meaning else None
        everything = np.arange(len(X))
        first = np.zeros((len(X), len(self.classes_)))
        second = None if meant is None else np.zeros_like(first)
        folds = StratifiedGroupKFold(self.folds, shuffle=True, random_state=self.seed)
        for seen, unseen in folds.split(everything, truth, parts):
            self._learn(X, truth, meant, seen)
            numbers = as_matrix(self.vectoriser_, _at(X, unseen))
            first[unseen] = self.first_.decide(numbers)
            if self.second_ is not None and second is not None and meant is not None:
                second[unseen] = self.second_.decide(_beside(numbers, meant[unseen]))
        self._learn(X, truth, meant, everything)
        self._calibrate(first, second, truth)
        self.unseen_ = everything
        self.out_of_fold_: Matrix = self._shares(first, second)

    def _learn(self, X: Sequence[str], truth: Indices, meant: NDArray[np.float32] | None, seen: Indices) -> None:  # noqa: N803
        texts = _at(X, seen)
        self.vectoriser_ = learn_terms(texts)
        numbers = as_matrix(self.vectoriser_, texts)
        self.first_ = self._regress(numbers, truth[seen])
        self.second_ = None if meant is None else self._regress(_beside(numbers, meant[seen]), truth[seen])

    def _regress(self, numbers: sparse.csr_matrix, truth: Indices) -> Linear:
        # One against the rest in its dual form: as good as all at once, and ten times faster with so many columns.
        one = LogisticRegression(C=self.C, solver="liblinear", dual=True, max_iter=1_000, random_state=self.seed)
        each = OneVsRestClassifier(one).fit(numbers, truth).estimators_
        rows, intercepts = (
            np.concatenate([getattr(found, name) for found in each]) for name in ("coef_", "intercept_")
        )
        return _linear(rows, intercepts, len(self.classes_))

    def _learn_in_chunks(self, X: Sequence[str], truth: Indices, parts: Indices) -> None:  # noqa: N803
        random = np.random.default_rng(self.seed)
        held = (random.permutation(parts.max() + 1) % 10 == 0)[parts]
        seen, unseen = np.flatnonzero(~held), np.flatnonzero(held)
        if len(X) < self.hash_from:
            self.vectoriser_ = learn_terms((X[at] for at in seen.tolist()), least=2, most=_MOST_TERMS)
        else:
            self.vectoriser_ = learn_hashed(_at(X, random.permutation(seen)[:_SAMPLE]), _BITS)
        learner = SGDClassifier(loss="log_loss", alpha=1 / (self.C * len(seen)), average=True, random_state=self.seed)
        for _ in range(_ROUNDS):
            for chunk in _chunks(random.permutation(seen)):
                numbers = as_matrix(self.vectoriser_, _at(X, chunk))
                learner.partial_fit(numbers, truth[chunk], classes=np.arange(len(self.classes_)))
        self.first_, self.second_ = _linear(learner.coef_, learner.intercept_, len(self.classes_)), None
        first = np.concatenate(
            [self.first_.decide(as_matrix(self.vectoriser_, _at(X, chunk))) for chunk in _chunks(unseen)]
        )
        self._calibrate(first, None, truth[unseen])
        self.unseen_ = unseen
        self.out_of_fold_ = self._shares(first, None)

    def _calibrate(self, first: Matrix, second: Matrix | None, truth: Indices) -> None:
        """Find the temperature of each stage, from what learners said of documents they had not seen."""
        self.first_ = Linear(self.first_.coefficients, self.first_.intercepts, _sharpness(first, truth))
        if self.second_ is not None and second is not None:
            asked = self._asked(softmax(self.first_.sharpness * first, axis=1))
            self.second_ = Linear(
                self.second_.coefficients, self.second_.intercepts, _sharpness(second[asked], truth[asked])
            )

    def _shares(self, first: Matrix, second: Matrix | None) -> Matrix:
        shares: Matrix = softmax(self.first_.sharpness * first, axis=1)
        if self.second_ is not None and second is not None:
            asked = self._asked(shares)
            shares[asked] = softmax(self.second_.sharpness * second[asked], axis=1)
        return shares

    def _asked(self, shares: Matrix) -> NDArray[np.bool_]:
        asked: NDArray[np.bool_] = shares.max(axis=1) < self.ask_below
        return asked

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.two_d_array = False
        return tags


def as_matrix(vectoriser: Vectoriser, documents: Sequence[str]) -> sparse.csr_matrix:
    """Return the weights (documents, columns) of normalised documents."""
    vectors = [vectoriser.weigh(each) for each in documents]
    ends = np.cumsum([0, *(len(vector.ids) for vector in vectors)])
    weights = np.concatenate([vector.weights for vector in vectors]) if vectors else np.empty(0)
    ids = np.concatenate([vector.ids for vector in vectors]) if vectors else np.empty(0, dtype=np.intp)
    found = sparse.csr_matrix((weights, ids, ends), shape=(len(vectors), vectoriser.width))
    found.sort_indices()
    return found


def _beside(numbers: sparse.csr_matrix, meant: NDArray[np.float32]) -> sparse.csr_matrix:
    return sparse.hstack([numbers, sparse.csr_matrix(meant.astype(np.float64))], format="csr")


def _linear(rows: Matrix, intercepts: Matrix, classes: int) -> Linear:
    """Return what was learnt; of two classes a learner gives one row for both."""
    if classes == 2:  # noqa: PLR2004
        rows, intercepts = np.vstack((-rows, rows)), np.concatenate((-intercepts, intercepts))
    return Linear(np.ascontiguousarray(rows.T), intercepts)


def _chunks(places: Indices) -> Iterator[Indices]:
    for start in range(0, len(places), _CHUNK):
        yield places[start : start + _CHUNK]


def _numbered(groups: Sequence[Hashable]) -> Indices:
    known: dict[Hashable, int] = {}
    return np.array([known.setdefault(group, len(known)) for group in groups])


def _sharpness(decisions: Matrix, truth: Indices) -> float:
    """Return the inverse temperature that makes the true classes likeliest, from decisions on unseen documents."""
    if not len(truth):
        return 1.0
    rows = np.arange(len(truth))

    def loss(sharpness: float) -> float:
        return -float(log_softmax(sharpness * decisions, axis=1)[rows, truth].mean())

    found = minimize_scalar(loss, bounds=(_FLATTEST, _SHARPEST), method="bounded")
    return float(found.x)
