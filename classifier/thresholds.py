"""What a wrong answer costs, and the thresholds that make the answers cheapest."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from classifier.artifact import LABELS, Thresholds
from classifier.verdict import ReplyClass

MISSED_OPT_OUT = 10.0
"""Somebody asked to be removed and would be written to again."""
WRONG_OPT_OUT = 4.0
"""Somebody is never written to again who had not asked for it."""
OTHER_ERROR = 1.0
REVIEW = 1.0
"""A person reads the reply and decides."""

_SURE_STEPS = tuple(round(0.5 + 0.02 * step, 2) for step in range(25))
"""Less likely than all others together is never sure, whatever the costs say."""
_BAN_STEPS = tuple(step for step in _SURE_STEPS if step >= 0.98)  # noqa: PLR2004 - said in the next line
"""A ban by the model alone: on other people's mail its confidence is higher than its accuracy."""
_HOLD_STEPS = tuple(round(0.04 + 0.02 * step, 2) for step in range(24))
_UNSUBSCRIBED = LABELS.index(ReplyClass.UNSUBSCRIBED)

Matrix = NDArray[np.float64]
Indices = NDArray[np.intp]


NAMED_FROM = np.where(
    np.array(LABELS) == ReplyClass.UNSUBSCRIBED, WRONG_OPT_OUT / (WRONG_OPT_OUT + OTHER_ERROR + REVIEW), 0.5
)
"""The probability from which a class is named. What is less likely than not is "everything else", which is Engaged. An
opt-out that is named otherwise is held all the same: that is an error and the review that finds it, while a person
taken for one who wants no mail costs more."""
_ENGAGED = LABELS.index(ReplyClass.ENGAGED)


def name(probabilities: Matrix) -> Indices:
    """Return for each row of (n, classes) the place of the class that is named: the likeliest, or else Engaged."""
    best = probabilities.argmax(axis=1)
    named: Indices = np.where(probabilities.max(axis=1) >= NAMED_FROM[best], best, _ENGAGED)
    return named


def choose(probabilities: Matrix, truth: Indices) -> Thresholds:
    """Return the cheapest thresholds, given what an unknowing learner said of replies whose class is known.

    Args:
        probabilities: (n, classes), each row from a learner that had not seen the reply.
        truth: (n,), the true class of each as its place in `LABELS`.
    """
    steps = {label: _BAN_STEPS if label == ReplyClass.UNSUBSCRIBED else _SURE_STEPS for label in LABELS}
    chosen = Thresholds({label: steps[label][0] for label in LABELS}, _HOLD_STEPS[0])
    chosen = _cheapest([Thresholds(chosen.sure, step) for step in _HOLD_STEPS], probabilities, truth)
    for label in LABELS:
        candidates = [Thresholds(chosen.sure | {label: step}, chosen.hold) for step in steps[label]]
        chosen = _cheapest(candidates, probabilities, truth)
    return chosen


def costs(probabilities: Matrix, truth: Indices, thresholds: Thresholds) -> Matrix:
    """Return what each reply (n,) costs when the thresholds decide what is applied and what a person reads."""
    errors = _errors()[truth, name(probabilities)]
    found: Matrix = np.where(reviewed(probabilities, thresholds), REVIEW, errors)
    return found


def cost(probabilities: Matrix, truth: Indices, thresholds: Thresholds) -> float:
    """Return the mean cost of a reply."""
    return float(costs(probabilities, truth, thresholds).mean())


def kept(probabilities: Matrix, thresholds: Thresholds) -> NDArray[np.bool_]:
    """Return for each row (n,) whether it would be kept if it were an opt-out: recognised as one, or held."""
    asked: NDArray[np.bool_] = (probabilities.argmax(axis=1) == _UNSUBSCRIBED) | (
        probabilities[:, _UNSUBSCRIBED] >= thresholds.hold
    )
    return asked


def reviewed(probabilities: Matrix, thresholds: Thresholds) -> NDArray[np.bool_]:
    """Return for each row whether a person has to read it: not sure, or perhaps an opt-out."""
    best = probabilities.argmax(axis=1)
    needed = np.array([thresholds.sure[label] for label in LABELS])[best]
    unsure = probabilities.max(axis=1) < needed
    perhaps = (probabilities[:, _UNSUBSCRIBED] >= thresholds.hold) & (best != _UNSUBSCRIBED)
    read: NDArray[np.bool_] = unsure | perhaps
    return read


def _cheapest(candidates: list[Thresholds], probabilities: Matrix, truth: Indices) -> Thresholds:
    return min(candidates, key=lambda thresholds: cost(probabilities, truth, thresholds))


def _errors() -> Matrix:
    """Return what it costs to call a reply of the row's class one of the column's class."""
    table = np.full((len(LABELS), len(LABELS)), OTHER_ERROR)
    table[:, _UNSUBSCRIBED] = WRONG_OPT_OUT
    table[_UNSUBSCRIBED, :] = MISSED_OPT_OUT
    np.fill_diagonal(table, 0.0)
    return table
