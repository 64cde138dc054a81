"""The figures by which artifacts are told apart, and what each of them means, in the words of every report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from classifier.thresholds import MISSED_OPT_OUT, OTHER_ERROR, REVIEW, WRONG_OPT_OUT


class Kind(StrEnum):
    """What sort of number a figure is."""

    SCORE = "score"
    SHARE = "share"
    COUNT = "count"


@dataclass(frozen=True, slots=True)
class Measure:
    """A figure of `classifier.figures.Report`, and so of an artifact's metrics."""

    key: str
    label: str
    kind: Kind
    means: str
    more_is_better: bool | None = None
    """None: neither more nor less says how good it is."""

    def said(self, value: float) -> str:
        """Return a value as people read it."""
        if self.kind is Kind.SHARE:
            return percent(value)
        return f"{value:,}" if self.kind is Kind.COUNT else f"{value:.3f}"


def percent(share: float) -> str:
    """Return a share as a percentage."""
    return f"{100 * share:.1f}\u00a0%"


MEASURES: Sequence[Measure] = (
    Measure(
        "macro_f1",
        "Macro-F1",
        Kind.SCORE,
        "How well rules and learner together find each class, from 0 to 1; rare classes count like common ones.",
        more_is_better=True,
    ),
    Measure(
        "learner_macro_f1",
        "Macro-F1 of the learner",
        Kind.SCORE,
        "The same where no rule decides, which are the harder replies.",
        more_is_better=True,
    ),
    Measure(
        "opt_outs_kept",
        "Opt-outs recognised or held",
        Kind.SHARE,
        "The share of those who ask to be removed that the classifier does not lose.",
        more_is_better=True,
    ),
    Measure(
        "cost",
        "Cost of a reply",
        Kind.SCORE,
        f"A missed opt-out costs {MISSED_OPT_OUT:g}, a wrong one {WRONG_OPT_OUT:g}, any other error "
        f"{OTHER_ERROR:g}, a review {REVIEW:g}; this is the mean, and less is better.",
        more_is_better=False,
    ),
    Measure(
        "reviewed",
        "Waits for a person",
        Kind.SHARE,
        "The share of all replies that a person has to read.",
        more_is_better=False,
    ),
    Measure(
        "brier",
        "Brier score",
        Kind.SCORE,
        "How far the learner's probabilities are from the truth, from 0 (never) to 2 (always sure and wrong).",
        more_is_better=False,
    ),
    Measure(
        "calibration_error",
        "Calibration error",
        Kind.SCORE,
        "How far its confidence is from the share that it tells right; 0 is perfect.",
        more_is_better=False,
    ),
    Measure(
        "hard_accuracy",
        "Hard replies told right",
        Kind.SHARE,
        "Of those that were marked hard when labelled.",
        more_is_better=True,
    ),
    Measure("rows", "Replies", Kind.COUNT, "What all this was measured on."),
    Measure(
        "by_rules",
        "Decided by rules",
        Kind.COUNT,
        "Of these, right or wrong; the learner is asked about the others.",
    ),
)
