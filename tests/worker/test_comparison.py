"""Two artifacts side by side: what differs, in which direction, and what cannot be said."""

from __future__ import annotations

from dataclasses import replace

import pytest

from worker.learning.artifact_report import ArtifactReport, ClassRow, Figure
from worker.learning.comparison import NEARLY, Compared, compare
from worker.learning.measures import MEASURES, Kind, Measure

SCORE = Measure("score", "Score", Kind.SCORE, "", more_is_better=True)
SHARE = Measure("share", "Share", Kind.SHARE, "", more_is_better=False)
COUNT = Measure("count", "Count", Kind.COUNT, "")
REPORT = ArtifactReport(
    version="one", serves=False, trained_at=None, figures=[], classes=[], names=[], counts=[], spans=[], learning=[],
    languages=[], rows=None, sha256=None, hold=None, libraries={}, problem=None,
)  # fmt: skip


@pytest.mark.parametrize(
    ("measure", "first", "second", "said", "better"),
    [
        (SCORE, 0.5, 0.75, "+0.250", True),
        (SCORE, 0.75, 0.5, "\N{MINUS SIGN}0.250", False),
        (SCORE, 0.5, 0.5, "0.000", None),
        (SCORE, 0.5, 0.5 + NEARLY / 2, "+0.000", None),
        (SHARE, 0.1, 0.25, "+15.0\u00a0points", False),
        (SHARE, 0.25, 0.1, "\N{MINUS SIGN}15.0\u00a0points", True),
        (COUNT, 1_000, 3_500, "+2,500", None),
        (SCORE, None, 0.5, "", None),
        (SCORE, 0.5, None, "", None),
    ],
)
def test_a_figure_says_how_far_two_artifacts_differ_and_which_is_better(
    measure: Measure, first: float | None, second: float | None, said: str, *, better: bool | None
) -> None:
    compared = Compared(measure, first, second)
    assert (compared.said, compared.better) == (said, better)


def test_what_was_measured_of_one_alone_is_shown_and_what_of_neither_is_not() -> None:
    f1 = ClassRow("Interested", 9, 0.5, 0.5, 0.5, None)
    first = replace(REPORT, figures=[Figure(MEASURES[0], 0.9)], classes=[f1])
    second = replace(REPORT, figures=[Figure(MEASURES[1], 0.8)], classes=[replace(f1, name="Engaged", f1=0.7)])
    assert [(each.measure.label, each.first, each.second) for each in compare(first, second)] == [
        (MEASURES[0].label, 0.9, None),
        (MEASURES[1].label, None, 0.8),
        ("F1 of Interested", 0.5, None),
        ("F1 of Engaged", None, 0.7),
    ]
