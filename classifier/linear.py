"""What a linear learner is made of: numbers of documents, weights for them, and how sharply it speaks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

from classifier.vectors import Vectoriser

_FLATTEST, _SHARPEST = 0.1, 20.0
"""Between these the inverse temperature is sought."""

Matrix = NDArray[np.float64]
Indices = NDArray[np.intp]


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


def as_matrix(vectoriser: Vectoriser, documents: Sequence[str]) -> sparse.csr_matrix:
    """Return the weights (documents, columns) of normalised documents."""
    vectors = list(vectoriser.weigh_all(documents))
    ends = np.cumsum([0, *(len(vector.ids) for vector in vectors)])
    weights = np.concatenate([vector.weights for vector in vectors]) if vectors else np.empty(0)
    ids = np.concatenate([vector.ids for vector in vectors]) if vectors else np.empty(0, dtype=np.intp)
    found = sparse.csr_matrix((weights, ids, ends), shape=(len(vectors), vectoriser.width))
    found.sort_indices()
    return found


def beside(numbers: sparse.csr_matrix, meant: NDArray[np.float32]) -> sparse.csr_matrix:
    """Return the weights of the terms and the meanings side by side."""
    return sparse.hstack([numbers, sparse.csr_matrix(meant.astype(np.float64))], format="csr")


def as_linear(rows: Matrix, intercepts: Matrix, classes: int) -> Linear:
    """Return what was learnt; of two classes a learner gives one row for both."""
    if classes == 2:  # noqa: PLR2004
        rows, intercepts = np.vstack((-rows, rows)), np.concatenate((-intercepts, intercepts))
    return Linear(np.ascontiguousarray(rows.T), intercepts)


def sharpness_of(decisions: Matrix, truth: Indices) -> float:
    """Return the inverse temperature that makes the true classes likeliest, from decisions on unseen documents."""
    if not len(truth):
        return 1.0
    rows = np.arange(len(truth))

    def loss(sharpness: float) -> float:
        return -float(log_softmax(sharpness * decisions, axis=1)[rows, truth].mean())

    found = minimize_scalar(loss, bounds=(_FLATTEST, _SHARPEST), method="bounded")
    return float(found.x)
