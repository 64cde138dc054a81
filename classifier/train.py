"""Training: from labelled replies to an artifact and a report of how well it does on replies it has not seen.

The same rows give the same bytes, in whatever order they come.
"""

from __future__ import annotations

import hashlib
import json
import platform
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version as version_of
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import precision_recall_fscore_support

from classifier import thresholds
from classifier.artifact import LABELS, Artifact, Thresholds
from classifier.estimator import ReplyClassifier
from classifier.features import document, tokens
from classifier.labelled import LabelledReply, LabelledReplyError, read_corpus, read_rows

__all__ = ["ClassFigures", "LabelledReply", "Report", "Training", "read_corpus", "read_rows", "train"]

LEAST_ROWS = 5
"""Replies a class needs: one for every fold."""


@dataclass(frozen=True, slots=True)
class ClassFigures:
    """How well one class is told, out of fold."""

    rows: int
    precision: float
    recall: float
    f1: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What training can honestly say: every figure is of replies the learner had not seen."""

    rows: int
    macro_f1: float
    classes: dict[str, ClassFigures]
    hard_accuracy: float | None
    """The share told right of the rows marked hard; None without such rows."""
    languages: dict[str, float]
    """The share told right of each language."""
    cost: float
    reviewed: float
    """The share a person has to read."""
    thresholds: Thresholds


@dataclass(frozen=True, slots=True)
class Training:
    """An artifact and how it came out."""

    artifact: Artifact
    report: Report


def train(rows: Sequence[LabelledReply], *, version: str) -> Training:
    """Train on labelled replies.

    Raises:
        LabelledReplyError: a class has too few replies with any words in them.
    """
    kept = _unique(rows)
    _check_counts(kept)
    documents = [document(row.subject, row.text) for row in kept]
    labels = [str(row.label) for row in kept]
    learner = ReplyClassifier().fit(documents, labels, groups=[_group(found) for found in documents])
    order = np.searchsorted(learner.classes_, LABELS)
    truth = np.array([LABELS.index(label) for label in labels])
    report = _report(kept, learner.out_of_fold_[:, order], truth)
    return Training(_artifact(learner, order, kept, report, version), report)


def _unique(rows: Iterable[LabelledReply]) -> list[LabelledReply]:
    """Return the rows with words in them, in a fixed order."""
    return sorted((row for row in rows if tokens(document(row.subject, row.text))), key=lambda row: (row.id, row.text))


def _check_counts(rows: Sequence[LabelledReply]) -> None:
    groups: dict[str, set[str]] = {label: set() for label in LABELS}
    for row in rows:
        groups[row.label].add(_group(document(row.subject, row.text)))
    few = {label: len(found) for label, found in groups.items() if len(found) < LEAST_ROWS}
    if few:
        named = ", ".join(f"{label} has {count}" for label, count in few.items())
        raise LabelledReplyError(f"Every class needs {LEAST_ROWS} different replies; {named}. Label more of them.")


def _group(normal: str) -> str:
    """Return what near-duplicates share, so that none is learnt from and tested with at once: the set of words."""
    return " ".join(sorted(set(tokens(normal)) - {"!", "?"})) or normal


def _report(rows: Sequence[LabelledReply], unseen: NDArray[np.float64], truth: NDArray[np.intp]) -> Report:
    said = unseen.argmax(axis=1)
    right = said == truth
    chosen = thresholds.choose(unseen, truth)
    scores = precision_recall_fscore_support(truth, said, labels=range(len(LABELS)), zero_division=0.0)
    figures = {
        label: ClassFigures(int(count), round(float(precision), 4), round(float(recall), 4), round(float(f1), 4))
        for label, precision, recall, f1, count in zip(LABELS, *scores, strict=True)
    }
    hard = np.array([row.hard for row in rows])
    return Report(
        rows=len(rows),
        macro_f1=round(float(np.mean(scores[2])), 4),
        classes=figures,
        hard_accuracy=round(float(right[hard].mean()), 4) if hard.any() else None,
        languages=_by_language(rows, right),
        cost=round(thresholds.cost(unseen, truth, chosen), 4),
        reviewed=round(float(thresholds.reviewed(unseen, chosen).mean()), 4),
        thresholds=chosen,
    )


def _by_language(rows: Sequence[LabelledReply], right: NDArray[np.bool_]) -> dict[str, float]:
    spoken = np.array([row.language for row in rows])
    return {str(one): round(float(right[spoken == one].mean()), 4) for one in sorted(set(spoken))}


def _artifact(
    learner: ReplyClassifier, order: NDArray[np.intp], rows: Sequence[LabelledReply], report: Report, version: str
) -> Artifact:
    words, pieces = (block for _, block in learner.pipeline_["features"].transformer_list)
    linear = learner.pipeline_["learner"]
    metrics = asdict(report)
    metrics.pop("thresholds")
    return Artifact(
        version=version,
        word_terms=words.get_feature_names_out().tolist(),
        char_terms=pieces.get_feature_names_out().tolist(),
        word_idf=words.idf_.astype(np.float32),
        char_idf=pieces.idf_.astype(np.float32),
        coefficients=linear.coef_[order].T.astype(np.float32),
        intercepts=linear.intercept_[order].astype(np.float32),
        sharpness=learner.sharpness_,
        thresholds=report.thresholds,
        data=_data(rows),
        metrics=metrics,
        libraries={name: version_of(name) for name in ("scikit-learn", "numpy", "scipy")}
        | {"python": platform.python_version()},
    )


def _data(rows: Sequence[LabelledReply]) -> dict[str, Any]:
    whole = hashlib.sha256()
    for row in rows:
        whole.update(json.dumps(asdict(row), ensure_ascii=False, sort_keys=True).encode() + b"\n")
    return {
        "sha256": whole.hexdigest(),
        "rows": len(rows),
        "classes": dict(sorted(Counter(str(row.label) for row in rows).items())),
        "languages": dict(sorted(Counter(row.language for row in rows).items())),
    }
