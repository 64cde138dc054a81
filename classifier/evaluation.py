"""Everything there is to say about how well an artifact tells replies that it has not seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from classifier import thresholds
from classifier.artifact import LABELS, Artifact, Thresholds
from classifier.figures import Report, decided, measure, truth_of
from classifier.heard import Heard
from classifier.labelled import LabelledReplyError
from classifier.meaning import Encode
from classifier.unseen import known, unseen
from classifier.verdict import ReplyClass

_HOLDS = (0.01, 0.02, 0.03, 0.04, 0.06, 0.08, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5)
_UNSUBSCRIBED = LABELS.index(ReplyClass.UNSUBSCRIBED)

Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Held:
    """What would follow if replies were held from this probability of Unsubscribed on."""

    hold: float
    kept: float
    """The share of the opt-outs that are recognised or held."""
    reviewed: float
    """The share of all replies that a person has to read."""
    cost: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """The figures of an artifact on replies it has not seen, and the curves behind them."""

    version: str
    report: Report
    left_out: int
    """Rows it learnt from that were never held out, so that nothing honest can be said of them."""
    thresholds: tuple[Held, ...]
    learning: tuple[tuple[int, float], ...]
    """Replies the learner was shown, and its macro-F1 on others; as it was when the artifact was trained."""


def evaluate(artifact: Artifact, rows: Sequence[Heard], encode: Encode | None = None) -> Evaluation:
    """Measure an artifact on replies whose class is known.

    Raises:
        LabelledReplyError: it learnt from all of them without a test, or rules decide them all.
    """
    shares = unseen(artifact, rows, encode)
    told = known(shares)
    kept = [each for each, honest in zip(rows, told, strict=True) if honest]
    if all(each.by_rule is not None for each in kept):
        raise LabelledReplyError(
            f"Of {len(rows)} replies none is left to judge artifact {artifact.version} by: rules decide them, or it "
            "learnt from them. Give others."
        )
    found = shares[told]
    return Evaluation(
        version=artifact.version,
        report=measure(kept, found, artifact.thresholds),
        left_out=len(rows) - len(kept),
        thresholds=tuple(_held(kept, found, artifact.thresholds, hold) for hold in _HOLDS),
        learning=tuple((int(count), float(score)) for count, score in artifact.metrics.get("learning_curve", [])),
    )


def _held(rows: Sequence[Heard], shares: Matrix, chosen: Thresholds, hold: float) -> Held:
    asked, truth = Thresholds(chosen.sure, hold), truth_of(rows)
    everything = decided(rows, shares)
    opt_outs = truth == _UNSUBSCRIBED
    kept = thresholds.kept(everything, asked)[opt_outs]
    return Held(
        hold=hold,
        kept=float(kept.mean()) if len(kept) else 1.0,
        reviewed=float(thresholds.reviewed(everything, asked).mean()),
        cost=thresholds.cost(everything, truth, asked),
    )
