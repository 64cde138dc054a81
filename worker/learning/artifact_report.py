"""What there is to know of an artifact before it serves: figures, classes, confusions, facts; nothing is loaded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from classifier.artifact import LABELS, ArtifactError
from classifier.passport import Passport, read_passport
from models.tables.learning import Artifact
from worker.learning.measures import MEASURES, Measure
from worker.learning.promotion import in_service
from worker.learning.registered import Stored, file_of, find

MOST_KEPT = 64
"""Passports in memory; each is some ten thousand characters."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of an artifact."""

    measure: Measure
    value: float


@dataclass(frozen=True, slots=True)
class ClassRow:
    """How well one class is told, and from which probability on it is sure; None: the file cannot be read."""

    name: str
    rows: int
    precision: float
    recall: float
    f1: float
    sure_from: float | None


@dataclass(frozen=True, slots=True)
class LanguageRow:
    """How many replies of a language it learnt from, and how well it tells them."""

    name: str
    rows: int
    macro_f1: float | None


@dataclass(frozen=True, slots=True)
class Span:
    """The replies of one span of confidence: how many, how sure it was of them, and how often right."""

    rows: int
    confidence: float
    accuracy: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactReport:
    """An artifact on paper; every figure is of replies that the learner had not seen, as it was when it was trained."""

    version: str
    serves: bool
    trained_at: datetime | None
    """None: the shipped one."""
    figures: list[Figure]
    classes: list[ClassRow]
    names: list[str]
    counts: list[list[int]]
    """How often each of the names, a row, was called which of them, a column."""
    spans: list[Span]
    learning: list[tuple[int, float]]
    """Replies the learner was shown, and its macro-F1 on others."""
    languages: list[LanguageRow]
    rows: int | None
    """Replies that it was trained on, those that rules decide among them."""
    sha256: str | None
    """Of these replies."""
    hold: float | None
    libraries: dict[str, str]
    problem: str | None
    """Why its file cannot be used."""

    def value(self, measure: Measure) -> float | None:
        """Return a figure; None: it was not measured."""
        return next((each.value for each in self.figures if each.measure == measure), None)


def report_of(session: Session, version: str, folder: Path) -> ArtifactReport:
    """Return what there is to know of the artifact of this version.

    Args:
        session: reads only.
        version: which.
        folder: where artifacts are kept.

    Raises:
        InputError: there is none.
    """
    stored = find(session, version)
    row = session.get(Artifact, stored.id) if stored.id else None
    passport, problem = _read(stored, folder)
    metrics = row.metrics if row else passport.metrics if passport else {}
    data = metrics.get("data", {}) if row else passport.data if passport else {}
    confusion = _in_order(metrics.get("confusion", {}))
    return ArtifactReport(
        version=version,
        serves=in_service(session).artifact == stored,
        trained_at=row.recorded_at if row else None,
        figures=[Figure(each, metrics[each.key]) for each in MEASURES if metrics.get(each.key) is not None],
        classes=list(_classes(metrics, passport)),
        names=list(confusion),
        counts=[[given.get(name, 0) for name in confusion] for given in confusion.values()],
        spans=[Span(**each) for each in metrics.get("bins", [])],
        learning=[(int(rows), float(score)) for rows, score in metrics.get("learning_curve", [])],
        languages=list(_languages(data, metrics)),
        rows=data.get("rows"),
        sha256=data.get("sha256"),
        hold=passport.thresholds.hold if passport else None,
        libraries=passport.libraries if passport else {},
        problem=problem,
    )


def _read(stored: Stored, folder: Path) -> tuple[Passport | None, str | None]:
    try:
        return _passport(stored, folder), None
    except ArtifactError as error:
        return None, str(error)


@lru_cache(MOST_KEPT)
def _passport(stored: Stored, folder: Path) -> Passport:
    """Return the passport of a file; whose bytes are known by their hash, so that it is read once."""
    return read_passport(file_of(stored, folder))


def _classes(metrics: Mapping[str, Any], passport: Passport | None) -> Iterator[ClassRow]:
    sure = passport.thresholds.sure if passport else {}
    for name, each in _in_order(metrics.get("classes", {})).items():
        yield ClassRow(name, each["rows"], each["precision"], each["recall"], each["f1"], sure.get(name))


def _in_order(of_class: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is said of classes in the order in which they are named everywhere; JSON knows none."""
    return {name: of_class[name] for name in LABELS if name in of_class}


def _languages(data: Mapping[str, Any], metrics: Mapping[str, Any]) -> Iterator[LanguageRow]:
    scores = metrics.get("languages", {})
    for name, rows in sorted(data.get("languages", {}).items(), key=lambda each: (-each[1], each[0])):
        yield LanguageRow(name, rows, scores.get(name))
