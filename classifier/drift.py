"""Has the mail changed? A learner tries to tell newer mail from older; where it can, the mail is no longer the same.

Shares of classes and mean confidence hardly move when a sender's style does, while such a domain classifier sees it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict

from classifier.likeness import groups, near_duplicates
from classifier.linear import as_matrix
from classifier.vectors import Listed, Vectoriser, learn_terms

FEWEST = 100
"""Replies that each side needs: below that chance alone looks like a change."""
_DIFFERENT = 20
"""Of these so many have to say something of their own."""
_FOLDS = 5
_LEAST = 0.55
"""A learner that is right less often tells of no change that matters."""
_DEVIATIONS = 3.0
"""Standard deviations above chance: about once in a thousand looks by chance alone."""
_SPREAD = 1.5
"""How much further the AUC of mail that is alike strays than that of independent scores, measured on shuffled mail: the
learners of the folds have learnt from the same replies."""
_WORDS = 12


class TooFewError(ValueError):
    """There is not enough mail to compare; the message says how much there is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """How well newer mail can be told from older."""

    older: int
    newer: int
    auc: float
    """The chance that a newer reply looks newer than an older one does: 0.5 when nothing has changed."""
    limit: float
    """From here on it is no chance."""
    words: tuple[str, ...]
    """What newer mail has more of; told where it has changed."""

    @property
    def changed(self) -> bool:
        """Say whether the mail has changed."""
        return self.auc >= self.limit


def drift(older: Sequence[str], newer: Sequence[str]) -> Drift:
    """Compare two piles of normalised documents; near-duplicates are kept on one side of every split.

    Raises:
        TooFewError: one of them holds fewer than `FEWEST`, or too few that say something of their own.
    """
    documents = [*older, *newer]
    alike = _groups(older, newer)
    is_new = np.repeat([0, 1], [len(older), len(newer)])
    vectoriser = learn_terms(documents)
    numbers = as_matrix(vectoriser, documents)
    learner = LogisticRegression(solver="liblinear", dual=True, class_weight="balanced", max_iter=1_000, random_state=0)
    told = cross_val_predict(
        learner,
        numbers,
        is_new,
        groups=alike,
        cv=StratifiedGroupKFold(_FOLDS, shuffle=True, random_state=0),
        method="decision_function",
    )
    auc = float(roc_auc_score(is_new, told))
    limit = max(_LEAST, 0.5 + _DEVIATIONS * _deviation(len(older), len(newer)))
    words: tuple[str, ...] = ()
    if auc >= limit:
        weights = learner.fit(numbers, is_new).coef_[0][: len(vectoriser.words)]
        words = tuple(_terms(vectoriser)[at] for at in np.argsort(-weights, kind="stable")[:_WORDS])
    return Drift(older=len(older), newer=len(newer), auc=auc, limit=limit, words=words)


def _groups(older: Sequence[str], newer: Sequence[str]) -> list[int]:
    """Return which documents are alike, where there are enough on both sides."""
    if min(len(older), len(newer)) < FEWEST:
        raise TooFewError(
            f"{len(older)} older and {len(newer)} newer replies are too few to compare; {FEWEST} of each are needed"
        )
    documents = [*older, *newer]
    alike = groups(len(documents), near_duplicates(documents))
    different = min(len(set(alike[: len(older)])), len(set(alike[len(older) :])))
    if different < _DIFFERENT:
        raise TooFewError(
            f"too many replies say the same: only {different} of one side differ, {_DIFFERENT} are needed"
        )
    return alike


def _terms(vectoriser: Vectoriser) -> Sequence[str]:
    return vectoriser.words.terms if isinstance(vectoriser.words, Listed) else []


def _deviation(older: int, newer: int) -> float:
    """Return how far the AUC of two piles that are alike strays from 0.5: further than Mann's and Whitney's."""
    return float(_SPREAD * np.sqrt((older + newer + 1) / (12 * older * newer)))
