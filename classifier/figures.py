"""How well are replies told? Figures of rules and learner together, from what is said of replies not seen before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import f1_score, precision_recall_fscore_support

from classifier import thresholds
from classifier.artifact import LABELS, Thresholds
from classifier.heard import Heard
from classifier.verdict import ReplyClass

_BINS = 10
_UNSUBSCRIBED = LABELS.index(ReplyClass.UNSUBSCRIBED)

Matrix = NDArray[np.float64]
Indices = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class ClassFigures:
    """How well one class is told by rules and learner together."""

    rows: int
    precision: float
    recall: float
    f1: float


@dataclass(frozen=True, slots=True)
class Bin:
    """The replies of one span of confidence: how many, how sure the learner was of them, and how often right."""

    rows: int
    confidence: float
    accuracy: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What can honestly be said: every figure is of replies the learner had not seen."""

    rows: int
    by_rules: int
    """Rows that a rule decides, right or wrong."""
    macro_f1: float
    """Of rules and learner together."""
    learner_macro_f1: float
    """Of the learner, on the rows that the rules leave."""
    classes: dict[str, ClassFigures]
    confusion: dict[str, dict[str, int]]
    """For each true class how many rows were given each class."""
    hard_accuracy: float | None
    """The share told right of the rows marked hard; None without such rows."""
    languages: dict[str, float]
    """Macro-F1 of each language, over the classes it has."""
    brier: float
    """Mean squared distance of the learner's probabilities from the truth (0 to 2)."""
    calibration_error: float
    """Mean distance of its confidence from its accuracy, in ten bins of confidence."""
    bins: tuple[Bin, ...]
    """The learner's confidence and accuracy in these bins, those without rows left out."""
    opt_outs_kept: float
    """The share of opt-outs that are recognised or held."""
    cost: float
    reviewed: float
    """The share a person has to read."""
    thresholds: Thresholds


def measure(rows: Sequence[Heard], shares: Matrix, chosen: Thresholds) -> Report:
    """Count rules and learner together.

    Args:
        rows: at least one, of which the learner has at least one.
        shares: (n, classes), what a learner that had not seen the row says of it, as `classifier.heard.possible` makes
            it; of a row that a rule decides whatever is given.
        chosen: the thresholds that decide what is sure and what is held.
    """
    true = truth_of(rows)
    left = np.array([each.by_rule is None for each in rows])
    everything = decided(rows, shares)
    said = thresholds.name(everything)
    right = said == true
    hard = np.array([each.row.hard for each in rows])
    learner, truth = shares[left], true[left]
    bins = _bins(learner, truth)
    return Report(
        rows=len(rows),
        by_rules=int((~left).sum()),
        macro_f1=macro_f1(true, said),
        learner_macro_f1=macro_f1(truth, thresholds.name(learner)),
        classes=_by_class(true, said),
        confusion=_confusion(true, said),
        hard_accuracy=_rounded(right[hard].mean()) if hard.any() else None,
        languages=_by_language(rows, true, said),
        brier=_rounded(((learner - np.eye(len(LABELS))[truth]) ** 2).sum(axis=1).mean()),
        calibration_error=_rounded(
            sum(each.rows * abs(each.confidence - each.accuracy) for each in bins) / max(1, len(truth))
        ),
        bins=bins,
        opt_outs_kept=_opt_outs_kept(everything, true, chosen),
        cost=_rounded(thresholds.costs(everything, true, chosen).mean()),
        reviewed=_rounded(thresholds.reviewed(everything, chosen).mean()),
        thresholds=chosen,
    )


def truth_of(rows: Sequence[Heard]) -> Indices:
    """Return the class of each row as its place in `LABELS`."""
    return np.array([LABELS.index(each.row.label) for each in rows], dtype=np.intp)


def decided(rows: Sequence[Heard], shares: Matrix) -> Matrix:
    """Return the probabilities (n, classes) with those of rows that a rule decides put to one and nought."""
    found = shares.copy()
    for at, each in enumerate(rows):
        if each.by_rule is not None:
            found[at] = np.eye(len(LABELS))[LABELS.index(each.by_rule)]
    return found


def macro_f1(true: Indices, said: Indices) -> float:
    """Return the mean F1 of the classes that occur."""
    return _rounded(f1_score(true, said, labels=np.unique(true), average="macro", zero_division=0.0))


def _rounded(value: Any) -> float:
    return round(float(value), 4)


def _by_class(true: Indices, said: Indices) -> dict[str, ClassFigures]:
    scores = precision_recall_fscore_support(true, said, labels=range(len(LABELS)), zero_division=0.0)
    return {
        label: ClassFigures(int(count), _rounded(precision), _rounded(recall), _rounded(f1))
        for label, precision, recall, f1, count in zip(LABELS, *scores, strict=True)
    }


def _confusion(true: Indices, said: Indices) -> dict[str, dict[str, int]]:
    counts = Counter(zip(true.tolist(), said.tolist(), strict=True))
    return {
        label: {given: counts[row, column] for column, given in enumerate(LABELS)} for row, label in enumerate(LABELS)
    }


def _by_language(rows: Sequence[Heard], true: Indices, said: Indices) -> dict[str, float]:
    spoken = np.array([each.row.language for each in rows])
    return {str(one): macro_f1(true[spoken == one], said[spoken == one]) for one in sorted(set(spoken))}


def _bins(learner: Matrix, truth: Indices) -> tuple[Bin, ...]:
    confidence, right = learner.max(axis=1, initial=0.0), learner.argmax(axis=1) == truth
    places = np.minimum((confidence * _BINS).astype(int), _BINS - 1)
    return tuple(
        Bin(int(inside.sum()), _rounded(confidence[inside].mean()), _rounded(right[inside].mean()))
        for inside in (places == one for one in range(_BINS))
        if inside.any()
    )


def _opt_outs_kept(shares: Matrix, true: Indices, chosen: Thresholds) -> float:
    asked = true == _UNSUBSCRIBED
    return _rounded(thresholds.kept(shares, chosen)[asked].mean()) if asked.any() else 1.0
