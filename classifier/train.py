"""Training: from labelled replies to an artifact and a report of how well it does on replies it has not seen.

Rules come first here as they do when a message is judged: the learner is shown what they leave, and the report counts
both. The same rows give the same bytes, in whatever order they come.
"""

from __future__ import annotations

import hashlib
import json
import platform
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version as version_of
from multiprocessing import get_context
from typing import Any

import numpy as np
from numpy.typing import NDArray

from classifier import thresholds
from classifier.artifact import LABELS, Artifact, HeldOut, Stage, short_key
from classifier.card import model_card
from classifier.estimator import ReplyClassifier
from classifier.features import has_words
from classifier.figures import Report, measure, truth_of
from classifier.heard import Heard, hear, possible
from classifier.labelled import LabelledReply, LabelledReplyError, read_corpus, read_rows
from classifier.likeness import groups, near_duplicates, same_words, translations
from classifier.linear import Linear
from classifier.meaning import ENCODER, SIZE, encoder_here, meanings
from classifier.verdict import ReplyClass

__all__ = ["LabelledReply", "Report", "Training", "describe", "hear_all", "read_corpus", "read_rows", "train"]

LEAST_ROWS = 5
"""Replies a class needs: one for every fold."""
_MANY = 20_000
"""Rows from which on more processes are worth starting."""
_READ_AT_ONCE = 500
"""Documents that are read for their meaning between two words of progress."""

Indices = NDArray[np.intp]
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Training:
    """An artifact and how it came out."""

    artifact: Artifact
    report: Report


def train(
    rows: Sequence[LabelledReply],
    *,
    version: str,
    learner: ReplyClassifier | None = None,
    progress: Progress = lambda _coming, _done: None,
) -> Training:
    """Train on labelled replies.

    Args:
        rows: the replies; those without any words are left out.
        version: the name of the artifact.
        learner: an unfitted estimator, if not the usual one.
        progress: told how many steps are to come, then how many were done since: about one for each reply that is
            heard, read for its meaning, or learnt from.

    Raises:
        LabelledReplyError: a class has too few replies, near-duplicates and translations counted once.
    """
    learner = ReplyClassifier(meaning=encoder_here() is not None, curve=True) if learner is None else learner
    progress(int(len(rows) * (1 + learner.meaning + learner.rounds(len(rows)))), 0)
    heard = _with_enough_left([each for each in hear_all(rows) if has_words(each.document)])
    progress(0, len(rows))
    left = [each for each in heard if each.by_rule is None]
    documents = [each.document for each in left]
    meant = _meant(documents, learner, progress)
    parts = _groups(documents, learner, meant)
    _check_counts(left, parts)
    labels = [str(each.row.label) for each in left]
    learner.fit(documents, labels, parts, meant, lambda done: progress(0, done))
    order = np.searchsorted(learner.classes_, LABELS)
    ruled = [each for each in heard if each.by_rule is not None]
    tested = [left[at] for at in learner.unseen_]
    held_out = learner.out_of_fold_[:, order]
    shares = possible(tested, held_out)
    chosen = thresholds.choose(shares, truth_of(tested))
    report = measure([*ruled, *tested], np.concatenate((np.zeros((len(ruled), len(LABELS))), shares)), chosen)
    return Training(_artifact(learner, order, heard, report, version), report)


def hear_all(rows: Iterable[LabelledReply]) -> list[Heard]:
    """Let the rules judge the rows, in a fixed order; many of them in as many processes as there are processors."""
    ordered = _ordered(rows)
    if len(ordered) < _MANY:
        return [hear(row) for row in ordered]
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        return list(pool.map(hear, ordered, chunksize=1_000))


def _meant(documents: Sequence[str], learner: ReplyClassifier, progress: Progress) -> NDArray[np.float32] | None:
    if not learner.meaning or len(documents) >= learner.stream_from:
        return None
    read = []
    for start in range(0, len(documents), _READ_AT_ONCE):
        some = documents[start : start + _READ_AT_ONCE]
        read.append(meanings(some))
        progress(0, len(some))
    return np.concatenate(read) if read else np.empty((0, SIZE), dtype=np.float32)


def _with_enough_left(heard: Sequence[Heard]) -> list[Heard]:
    """Return the rows so that the learner is shown all rows of a class of which the rules leave too few."""
    left = Counter(each.row.label for each in heard if each.by_rule is None)
    few = {label for label in ReplyClass if left[label] < LEAST_ROWS}
    return [replace(each, by_rule=None) if each.row.label in few else each for each in heard]


def _groups(documents: Sequence[str], learner: ReplyClassifier, meant: NDArray[np.float32] | None) -> list[int]:
    """Return which documents stay on one side of a split; of many, only those of the same words."""
    if len(documents) >= learner.stream_from:
        return groups(len(documents), same_words(documents))
    return groups(len(documents), near_duplicates(documents), () if meant is None else translations(meant))


def _check_counts(left: Sequence[Heard], parts: Sequence[int]) -> None:
    different: dict[str, set[int]] = {label: set() for label in LABELS}
    for each, part in zip(left, parts, strict=True):
        different[each.row.label].add(part)
    few = {label: len(found) for label, found in different.items() if len(found) < LEAST_ROWS}
    if few:
        named = ", ".join(f"{label} has {count}" for label, count in few.items())
        raise LabelledReplyError(f"Every class needs {LEAST_ROWS} different replies; {named}. Label more of them.")


def _artifact(
    learner: ReplyClassifier, order: Indices, heard: Sequence[Heard], report: Report, version: str
) -> Artifact:
    metrics = asdict(report) | {"learning_curve": learner.curve_}
    metrics.pop("thresholds")
    plain = Artifact(
        version=version,
        vectoriser=learner.vectoriser_,
        first=_stage(learner.first_, order),
        second=None if learner.second_ is None else _stage(learner.second_, order),
        ask_below=learner.ask_below,
        thresholds=report.thresholds,
        held_out=_held_out(learner, order, heard),
        data=describe(each.row for each in heard),
        metrics=metrics,
        libraries=_libraries(learner),
    )
    return replace(plain, card=model_card(plain))


def _held_out(learner: ReplyClassifier, order: Indices, heard: Sequence[Heard]) -> HeldOut:
    keys = np.array([short_key(each.document) for each in heard if each.by_rule is None], dtype=np.uint64)
    others = np.delete(keys, learner.unseen_)
    shown = np.concatenate((keys[learner.unseen_], others))
    return HeldOut(shown=shown, shares=learner.out_of_fold_[:, order].astype(np.float32))


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
