"""Training: from labelled replies to an artifact and a report of how well it does on replies it has not seen.

Rules come first here as they do when a message is judged: the learner is shown what they leave, and the report counts
both. The same rows give the same bytes, in whatever order they come.
"""

from __future__ import annotations

import hashlib
import json
import platform
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version as version_of
from multiprocessing import get_context
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import f1_score, precision_recall_fscore_support

from classifier import thresholds
from classifier.artifact import LABELS, Artifact, Stage, Thresholds
from classifier.card import model_card
from classifier.estimator import Linear, ReplyClassifier
from classifier.features import has_words
from classifier.heard import Heard, hear, possible
from classifier.labelled import LabelledReply, LabelledReplyError, read_corpus, read_rows
from classifier.likeness import groups, near_duplicates, same_words, translations
from classifier.meaning import ENCODER, meanings
from classifier.verdict import ReplyClass

__all__ = ["ClassFigures", "LabelledReply", "Report", "Training", "describe", "read_corpus", "read_rows", "train"]

LEAST_ROWS = 5
"""Replies a class needs: one for every fold."""
_BINS = 10
_MANY = 20_000
"""Rows from which on more processes are worth starting."""

Matrix = NDArray[np.float64]
Indices = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class ClassFigures:
    """How well one class is told by rules and learner together, out of fold."""

    rows: int
    precision: float
    recall: float
    f1: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What training can honestly say: every figure is of replies the learner had not seen."""

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
    opt_outs_kept: float
    """The share of opt-outs that are recognised or held."""
    cost: float
    reviewed: float
    """The share a person has to read."""
    thresholds: Thresholds


@dataclass(frozen=True, slots=True)
class Training:
    """An artifact and how it came out."""

    artifact: Artifact
    report: Report


def train(rows: Sequence[LabelledReply], *, version: str, learner: ReplyClassifier | None = None) -> Training:
    """Train on labelled replies.

    Args:
        rows: the replies; those without any words are left out.
        version: the name of the artifact.
        learner: an unfitted estimator, if not the usual one.

    Raises:
        LabelledReplyError: a class has too few replies, near-duplicates and translations counted once.
    """
    heard = _with_enough_left([each for each in _heard(rows) if has_words(each.document)])
    left = [each for each in heard if each.by_rule is None]
    learner = ReplyClassifier(meaning=True) if learner is None else learner
    documents = [each.document for each in left]
    parts = _groups(documents, learner)
    _check_counts(left, parts)
    learner.fit(documents, [str(each.row.label) for each in left], groups=parts)
    order = np.searchsorted(learner.classes_, LABELS)
    tested = [left[at] for at in learner.unseen_]
    ruled = [each for each in heard if each.by_rule is not None]
    report = _report(ruled, tested, possible(tested, learner.out_of_fold_[:, order]))
    return Training(_artifact(learner, order, heard, report, version), report)


def _heard(rows: Iterable[LabelledReply]) -> list[Heard]:
    """Let the rules judge the rows, in a fixed order; many of them in as many processes as there are processors."""
    ordered = _ordered(rows)
    if len(ordered) < _MANY:
        return [hear(row) for row in ordered]
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        return list(pool.map(hear, ordered, chunksize=1_000))


def _with_enough_left(heard: Sequence[Heard]) -> list[Heard]:
    """Return the rows so that the learner is shown all rows of a class of which the rules leave too few."""
    left = Counter(each.row.label for each in heard if each.by_rule is None)
    few = {label for label in ReplyClass if left[label] < LEAST_ROWS}
    return [replace(each, by_rule=None) if each.row.label in few else each for each in heard]


def _groups(documents: Sequence[str], learner: ReplyClassifier) -> list[int]:
    """Return which documents stay on one side of a split; of many, only those of the same words."""
    if len(documents) >= learner.stream_from:
        return groups(len(documents), same_words(documents))
    meant = translations(meanings(documents)) if learner.meaning else ()
    return groups(len(documents), near_duplicates(documents), meant)


def _check_counts(left: Sequence[Heard], parts: Sequence[int]) -> None:
    different: dict[str, set[int]] = {label: set() for label in LABELS}
    for each, part in zip(left, parts, strict=True):
        different[each.row.label].add(part)
    few = {label: len(found) for label, found in different.items() if len(found) < LEAST_ROWS}
    if few:
        named = ", ".join(f"{label} has {count}" for label, count in few.items())
        raise LabelledReplyError(f"Every class needs {LEAST_ROWS} different replies; {named}. Label more of them.")


def _report(ruled: Sequence[Heard], tested: Sequence[Heard], unseen: Matrix) -> Report:
    """Count rules and learner together.

    Args:
        ruled: the rows that a rule decides.
        tested: n rows on which the learner was tested.
        unseen: (n, classes), its probabilities.
    """
    truth = np.array([LABELS.index(each.row.label) for each in tested])
    chosen = thresholds.choose(unseen, truth)
    rows = [*ruled, *tested]
    true = np.array([LABELS.index(each.row.label) for each in rows])
    said = np.array([*(LABELS.index(each.by_rule) for each in ruled if each.by_rule), *thresholds.name(unseen)])
    right = said == true
    hard = np.array([each.row.hard for each in rows])
    sure = np.eye(len(LABELS))[said[: len(ruled)]]
    everything = np.concatenate((sure, unseen)) if len(ruled) else unseen
    return Report(
        rows=len(rows),
        by_rules=len(ruled),
        macro_f1=_macro_f1(true, said),
        learner_macro_f1=_macro_f1(truth, thresholds.name(unseen)),
        classes=_by_class(true, said),
        confusion=_confusion(true, said),
        hard_accuracy=_rounded(right[hard].mean()) if hard.any() else None,
        languages=_by_language(rows, true, said),
        brier=_rounded(((unseen - np.eye(len(LABELS))[truth]) ** 2).sum(axis=1).mean()),
        calibration_error=_calibration_error(unseen, truth),
        opt_outs_kept=_opt_outs_kept(everything, true, chosen),
        cost=_rounded(thresholds.cost(everything, true, chosen)),
        reviewed=_rounded(thresholds.reviewed(everything, chosen).mean()),
        thresholds=chosen,
    )


def _rounded(value: Any) -> float:
    return round(float(value), 4)


def _macro_f1(true: Indices, said: Indices) -> float:
    present = np.unique(true)
    return _rounded(f1_score(true, said, labels=present, average="macro", zero_division=0.0))


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
    return {str(one): _macro_f1(true[spoken == one], said[spoken == one]) for one in sorted(set(spoken))}


def _calibration_error(unseen: Matrix, truth: Indices) -> float:
    confidence, right = unseen.max(axis=1), unseen.argmax(axis=1) == truth
    bins = np.minimum((confidence * _BINS).astype(int), _BINS - 1)
    distance = [abs(confidence[bins == one].sum() - right[bins == one].sum()) for one in range(_BINS)]
    return _rounded(sum(distance) / len(truth))


def _opt_outs_kept(unseen: Matrix, true: Indices, chosen: Thresholds) -> float:
    asked = LABELS.index(ReplyClass.UNSUBSCRIBED)
    kept = (unseen.argmax(axis=1) == asked) | (unseen[:, asked] >= chosen.hold)
    return _rounded(kept[true == asked].mean()) if (true == asked).any() else 1.0


def _artifact(
    learner: ReplyClassifier, order: Indices, heard: Sequence[Heard], report: Report, version: str
) -> Artifact:
    metrics = asdict(report)
    metrics.pop("thresholds")
    plain = Artifact(
        version=version,
        vectoriser=learner.vectoriser_,
        first=_stage(learner.first_, order),
        second=None if learner.second_ is None else _stage(learner.second_, order),
        ask_below=learner.ask_below,
        thresholds=report.thresholds,
        data=describe(each.row for each in heard),
        metrics=metrics,
        libraries=_libraries(learner),
    )
    return replace(plain, card=model_card(plain))


def _stage(learnt: Linear, order: Indices) -> Stage:
    return Stage(
        coefficients=learnt.coefficients[:, order].astype(np.float32),
        intercepts=learnt.intercepts[order].astype(np.float32),
        sharpness=learnt.sharpness,
    )


def _libraries(learner: ReplyClassifier) -> dict[str, str]:
    used = ["scikit-learn", "numpy", "scipy"]
    if learner.second_ is not None:
        used.append(ENCODER)
    return {name: version_of(name) for name in used} | {"python": platform.python_version()}


def describe(rows: Iterable[LabelledReply]) -> dict[str, Any]:
    """Return what an artifact says of the rows it was trained on, in whatever order they come."""
    ordered = _ordered(rows)
    whole = hashlib.sha256()
    for row in ordered:
        whole.update(json.dumps(asdict(row), ensure_ascii=False, sort_keys=True).encode() + b"\n")
    return {
        "sha256": whole.hexdigest(),
        "rows": len(ordered),
        "classes": dict(sorted(Counter(str(row.label) for row in ordered).items())),
        "languages": dict(sorted(Counter(row.language for row in ordered).items())),
    }


def _ordered(rows: Iterable[LabelledReply]) -> list[LabelledReply]:
    return sorted(rows, key=lambda row: (row.id, row.text))
