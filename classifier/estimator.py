"""The learner: TF-IDF of words and of pieces of words, a linear support vector machine, one temperature.

Imported for training alone: a running worker judges with `classifier.replies`, which computes the same.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.svm import LinearSVC
from sklearn.utils.validation import check_is_fitted

from classifier.features import char_terms, word_terms

_FLATTEST, _SHARPEST = 0.1, 20.0
"""Between these the inverse temperature is sought."""

Matrix = NDArray[np.float64]


class ReplyClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn is untyped.
    """Classifies normalised documents (`classifier.features.document`) into the classes it was shown.

    Args:
        C: how closely the learner follows its examples, against how simple it stays.
        folds: into how many parts the examples are split to calibrate; every class needs as many.
        seed: of the splits and of the learner.
    """

    def __init__(self, C: float = 0.5, folds: int = 5, seed: int = 0) -> None:  # noqa: N803  # scikit-learn's name.
        self.C = C
        self.folds = folds
        self.seed = seed

    def fit(self, X: Sequence[str], y: Sequence[str], groups: Sequence[Hashable] | None = None) -> Self:  # noqa: N803
        """Learn from n documents and their n classes; documents of one group never stand on both sides of a split.

        Afterwards `out_of_fold_` (n, classes) holds what learners that had not seen a document said of it.
        """
        parts = list(range(len(X))) if groups is None else _numbered(groups)
        folds = StratifiedGroupKFold(self.folds, shuffle=True, random_state=self.seed)
        unseen = _columns(cross_val_predict(self._pipeline(), X, y, groups=parts, cv=folds, method="decision_function"))
        self.pipeline_ = self._pipeline().fit(X, y)
        self.classes_ = self.pipeline_.classes_
        self.sharpness_ = _sharpness(unseen, np.searchsorted(self.classes_, np.asarray(y)))
        self.out_of_fold_: Matrix = softmax(self.sharpness_ * unseen, axis=1)
        return self

    def predict_proba(self, X: Sequence[str]) -> Matrix:  # noqa: N803
        """Return the probability (n, classes) of each class for each document."""
        check_is_fitted(self)
        found: Matrix = softmax(self.sharpness_ * _columns(self.pipeline_.decision_function(X)), axis=1)
        return found

    def predict(self, X: Sequence[str]) -> NDArray[Any]:  # noqa: N803
        """Return the likeliest class of each document."""
        likeliest: NDArray[Any] = self.predict_proba(X).argmax(axis=1)
        return np.asarray(self.classes_[likeliest])

    def _pipeline(self) -> Pipeline:
        blocks = [
            ("words", TfidfVectorizer(analyzer=word_terms, sublinear_tf=True)),
            ("pieces", TfidfVectorizer(analyzer=char_terms, sublinear_tf=True)),
        ]
        learner = LinearSVC(C=self.C, class_weight="balanced", random_state=self.seed)
        return Pipeline([("features", FeatureUnion(blocks)), ("learner", learner)])

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.two_d_array = False
        return tags


def _columns(decisions: Matrix) -> Matrix:
    """Return one column a class; of two classes the learner gives one column for both."""
    return decisions if decisions.ndim > 1 else np.column_stack((-decisions, decisions))


def _numbered(groups: Sequence[Hashable]) -> list[int]:
    known: dict[Hashable, int] = {}
    return [known.setdefault(group, len(known)) for group in groups]


def _sharpness(decisions: Matrix, truth: NDArray[np.intp]) -> float:
    """Return the inverse temperature that makes the true classes likeliest, from decisions on unseen documents."""
    rows = np.arange(len(truth))

    def loss(sharpness: float) -> float:
        return -float(log_softmax(sharpness * decisions, axis=1)[rows, truth].mean())

    found = minimize_scalar(loss, bounds=(_FLATTEST, _SHARPEST), method="bounded")
    return float(found.x)
