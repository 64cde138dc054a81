"""Two artifacts side by side: each figure of both, and how far they differ."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from worker.learning.artifact_report import ArtifactReport
from worker.learning.measures import MEASURES, Kind, Measure

NEARLY = 0.0005
"""Figures that differ by less are shown alike."""


@dataclass(frozen=True, slots=True)
class Compared:
    """One figure of two artifacts; None: it was not measured of one of them."""

    measure: Measure
    first: float | None
    second: float | None

    @property
    def difference(self) -> float | None:
        """By how much the second is more than the first."""
        if self.first is None or self.second is None:
            return None
        return self.second - self.first

    @property
    def better(self) -> bool | None:
        """Whether the second is better; None: they are alike, or nobody can say."""
        change = self.difference
        if change is None or self.measure.more_is_better is None or abs(change) < NEARLY:
            return None
        return (change > 0) is self.measure.more_is_better

    @property
    def said(self) -> str:
        """The difference as people read it."""
        if self.difference is None:
            return ""
        sign = "+" if self.difference > 0 else "\N{MINUS SIGN}" if self.difference < 0 else ""
        shown = self.measure.said(abs(self.difference))
        return sign + (shown.replace("%", "points") if self.measure.kind is Kind.SHARE else shown)


def compare(first: ArtifactReport, second: ArtifactReport) -> list[Compared]:
    """Return every figure that was measured of either, and the F1 of each class."""
    return [*_figures(first, second), *_classes(first, second)]


def _figures(first: ArtifactReport, second: ArtifactReport) -> Iterator[Compared]:
    for measure in MEASURES:
        pair = first.value(measure), second.value(measure)
        if pair != (None, None):
            yield Compared(measure, *pair)


def _classes(first: ArtifactReport, second: ArtifactReport) -> Iterator[Compared]:
    ones, others = ({each.name: each.f1 for each in report.classes} for report in (first, second))
    for name in [*ones, *(name for name in others if name not in ones)]:
        measure = Measure(f"f1 {name}", f"F1 of {name}", Kind.SCORE, "", more_is_better=True)
        yield Compared(measure, ones.get(name), others.get(name))
