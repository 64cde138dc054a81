"""The learner: weights of words and of pieces of words, the meaning of the whole where these are not enough.

Imported for training alone: a running worker judges with `classifier.replies`, which computes the same.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.special import softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.metrics import f1_score
from sklearn.multiclass import OneVsRestClassifier
from sklearn.utils.validation import check_is_fitted

from classifier.linear import Linear, as_linear, as_matrix, beside, sharpness_of
from classifier.meaning import meanings
from classifier.splits import buckets, folds
from classifier.vectors import learn_hashed, learn_terms

_CHUNK = 10_000
"""Documents that are held as numbers at once while learning from many."""
_ROUNDS = 2
"""Times that all documents are shown while learning from many."""
_SAMPLE = 20_000
"""Documents from which it is learnt how much a hashed column tells: a share needs no more."""
_MOST_TERMS = 100_000
"""Of words and of pieces, while learning from many."""
_SHARES_OF_CURVE = (1 / 8, 1 / 4, 1 / 2)
"""Of the examples, from which it is also learnt to see what more of them bring."""
_HELD_OUT = 10
"""One in so many documents is held out while learning from many."""
_BITS = 18
"""The logarithm of how many columns the words share, and the pieces, when terms are hashed."""

Matrix = NDArray[np.float64]
Indices = NDArray[np.intp]


def _at(documents: Sequence[str], places: Indices) -> list[str]:
    return [documents[at] for at in places.tolist()]


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
        curve: whether to learn from parts of the examples too, and see what more of them bring (`curve_`); only where
            there are folds.
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
        curve: bool = False,
    ) -> None:
        self.C = C
        self.folds = folds
        self.seed = seed
        self.meaning = meaning
        self.ask_below = ask_below
        self.stream_from = stream_from
        self.hash_from = hash_from
        self.curve = curve

    def fit(
        self,
        X: Sequence[str],  # noqa: N803
        y: Sequence[str],
        groups: Sequence[Hashable] | None = None,
        meant: NDArray[np.float32] | None = None,
        progress: Callable[[int], None] = lambda _documents: None,
    ) -> Self:
        """Learn from n documents and their n classes.

        Afterwards `unseen_` holds the places (m,) of the documents on which it was tested, and `out_of_fold_`
        (m, classes) what learners that had not seen them said of them; `curve_` pairs of examples and macro-F1.

        Args:
            X: n normalised documents.
            y: their classes.
            groups: documents of one group never stand on both sides of a split.
            meant: the meanings (n, SIZE), where they are known already.
            progress: told each time from how many documents was learnt; `rounds` times n in all.
        """
        self.classes_, truth = np.unique(np.asarray(y), return_inverse=True)
        self.curve_: list[tuple[int, float]] = []
        parts = np.arange(len(X)) if groups is None else _numbered(groups)
        if len(X) < self.stream_from:
            self._learn_whole(X, truth, parts, meant, progress)
        else:
            self._learn_in_chunks(X, truth, parts, progress)
        return self

    def rounds(self, documents: int) -> float:
        """Return how often every one of so many documents is learnt from, the parts for the curve left out."""
        return self.folds if documents < self.stream_from else _ROUNDS * 0.9

    def predict_proba(self, X: Sequence[str]) -> Matrix:  # noqa: N803
        """Return the probability (n, classes) of each class for each document."""
        check_is_fitted(self)
        numbers = as_matrix(self.vectoriser_, X)
        first = self.first_.decide(numbers)
        second = None
        if self.second_ is not None:
            second = self.second_.decide(beside(numbers, meanings(X)))
        return self._shares(first, second)

    def predict(self, X: Sequence[str]) -> NDArray[Any]:  # noqa: N803
        """Return the likeliest class of each document."""
        likeliest: NDArray[Any] = self.predict_proba(X).argmax(axis=1)
        return np.asarray(self.classes_[likeliest])

    def _learn_whole(
        self,
        X: Sequence[str],  # noqa: N803
        truth: Indices,
        parts: Indices,
        meant: NDArray[np.float32] | None,
        progress: Callable[[int], None],
    ) -> None:
        if not self.meaning:
            meant = None
        elif meant is None:
            meant = meanings(X)
        everything = np.arange(len(X))
        first = np.zeros((len(X), len(self.classes_)))
        second = None if meant is None else np.zeros_like(first)
        for number, (seen, unseen) in enumerate(folds(X, truth, parts, self.folds, self.seed)):
            if self.curve and not number:
                self._learn_parts(X, truth, meant, seen, unseen)
            self._learn(X, truth, meant, seen)
            first[unseen], by_meaning = self._decide(X, meant, unseen)
            if second is not None and by_meaning is not None:
                second[unseen] = by_meaning
            if self.curve and not number:
                self._note(seen, truth[unseen], first[unseen] if second is None else second[unseen])
            progress(len(seen))
        self._learn(X, truth, meant, everything)
        progress(len(everything))
        self._calibrate(first, second, truth)
        self.unseen_ = everything
        self.out_of_fold_: Matrix = self._shares(first, second)

    def _learn_parts(
        self,
        X: Sequence[str],  # noqa: N803
        truth: Indices,
        meant: NDArray[np.float32] | None,
        seen: Indices,
        unseen: Indices,
    ) -> None:
        """Learn from parts of the examples, to see how well each of them does."""
        mixed = np.random.default_rng(self.seed).permutation(seen)
        for share in _SHARES_OF_CURVE:
            part = np.sort(mixed[: int(share * len(seen))])
            if len(np.unique(truth[part])) < len(self.classes_):
                continue
            self._learn(X, truth, meant, part)
            by_words, by_meaning = self._decide(X, meant, unseen)
            self._note(part, truth[unseen], by_words if by_meaning is None else by_meaning)

    def _note(self, seen: Indices, truth: Indices, decisions: Matrix) -> None:
        score = f1_score(truth, decisions.argmax(axis=1), average="macro", zero_division=0.0)
        self.curve_.append((len(seen), round(float(score), 4)))

    def _decide(
        self,
        X: Sequence[str],  # noqa: N803
        meant: NDArray[np.float32] | None,
        places: Indices,
    ) -> tuple[Matrix, Matrix | None]:
        """Return what each stage decides of some of the documents."""
        numbers = as_matrix(self.vectoriser_, _at(X, places))
        second = None
        if self.second_ is not None and meant is not None:
            second = self.second_.decide(beside(numbers, meant[places]))
        return self.first_.decide(numbers), second

    def _learn(self, X: Sequence[str], truth: Indices, meant: NDArray[np.float32] | None, seen: Indices) -> None:  # noqa: N803
        texts = _at(X, seen)
        self.vectoriser_ = learn_terms(texts)
        numbers = as_matrix(self.vectoriser_, texts)
        self.first_ = self._regress(numbers, truth[seen])
        self.second_ = None if meant is None else self._regress(beside(numbers, meant[seen]), truth[seen])

    def _regress(self, numbers: sparse.csr_matrix, truth: Indices) -> Linear:
        # One against the rest in its dual form: as good as all at once, and ten times faster with so many columns.
        one = LogisticRegression(C=self.C, solver="liblinear", dual=True, max_iter=1_000, random_state=self.seed)
        each = OneVsRestClassifier(one).fit(numbers, truth).estimators_
        rows, intercepts = (
            np.concatenate([getattr(found, name) for found in each]) for name in ("coef_", "intercept_")
        )
        return as_linear(rows, intercepts, len(self.classes_))

    def _learn_in_chunks(
        self,
        X: Sequence[str],  # noqa: N803
        truth: Indices,
        parts: Indices,
        progress: Callable[[int], None],
    ) -> None:
        random = np.random.default_rng(self.seed)
        held = buckets(X, parts, _HELD_OUT) == 0
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
                progress(len(chunk))
        self.first_, self.second_ = as_linear(learner.coef_, learner.intercept_, len(self.classes_)), None
        first = np.concatenate(
            [self.first_.decide(as_matrix(self.vectoriser_, _at(X, chunk))) for chunk in _chunks(unseen)]
        )
        self._calibrate(first, None, truth[unseen])
        self.unseen_ = unseen
        self.out_of_fold_ = self._shares(first, None)

    def _calibrate(self, first: Matrix, second: Matrix | None, truth: Indices) -> None:
        """Find the temperature of each stage, from what learners said of documents they had not seen."""
        self.first_ = Linear(self.first_.coefficients, self.first_.intercepts, sharpness_of(first, truth))
        if self.second_ is not None and second is not None:
            asked = self._asked(softmax(self.first_.sharpness * first, axis=1))
            self.second_ = Linear(
                self.second_.coefficients, self.second_.intercepts, sharpness_of(second[asked], truth[asked])
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


def _chunks(places: Indices) -> Iterator[Indices]:
    for start in range(0, len(places), _CHUNK):
        yield places[start : start + _CHUNK]


def _numbered(groups: Sequence[Hashable]) -> Indices:
    known: dict[Hashable, int] = {}
    return np.array([known.setdefault(group, len(known)) for group in groups])
