"""Charts: what stands in them at no, one and many values, round scales, and that they may stand in a strict page."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from console.chart_tables import Table, days_table, matrix_table, reliability_table
from console.charts import Bar, Limit, Series, bars, series_css, shares, stacked, status_css
from console.drawing import LETTER, count_text, share_text, spread, tick_text, ticks
from console.model_charts import Point, matrix, reliability
from models.events import Status

FIRST = date(2026, 2, 27)


def days(number: int) -> list[date]:
    return [FIRST + timedelta(days=each) for each in range(number)]


def series(*values: float | None, name: str = "Active", css: str = "status-active") -> Series:
    return Series(name, css, values)


def parsed(drawing: Markup) -> ET.Element:
    return ET.fromstring(str(drawing))  # noqa: S314 - our own


def words(drawing: Markup) -> list[str]:
    return [each.text or "" for each in parsed(drawing).iter("text")]


def hovered(drawing: Markup) -> list[str]:
    """Return what a pointer is told, place by place."""
    return [each.text or "" for each in parsed(drawing).iter("title")][1:]


def bar_tops(drawing: Markup, css: str) -> list[float]:
    (shape,) = [each for each in parsed(drawing).iter("path") if each.get("class") == f"chart-mark {css}"]
    return [
        min(float(y) for y in re.findall(r" ([\d.]+)(?=[LZ])", part + "Z"))
        for part in shape.get("d", "").split("Z")[:-1]
    ]


CHARTS = {
    "stacked": stacked("T", days(3), [series(1, None, 3), series(2, 0, 1, name="Bounced", css="status-bounced")]),
    "one bar": stacked("T", days(1), [series(5)]),
    "no bar": stacked("T", [], []),
    "only zeros": stacked("T", days(2), [series(0, 0)]),
    "shares": shares("T", days(4), series(0.01, None, 0.03, 0.02), Limit(0.02, "alarm at 2%")),
    "no share": shares("T", days(2), series(None, None)),
    "no day": shares("T", [], series()),
    "bars": bars("T", [Bar("Interested", 3, "series-1"), Bar("Bounce", 0, "series-2")]),
    "no bars": bars("T", []),
    "matrix": matrix("T", ["a", "b"], [[3, 1], [0, 2]]),
    "no matrix": matrix("T", [], []),
    "reliability": reliability("T", [Point(0.5, 0.4, 10), Point(0.9, 0.95, 100)]),
    "no reliability": reliability("T", []),
}


@pytest.mark.parametrize("name", CHARTS)
def test_a_chart_scales_says_what_it_shows_and_needs_no_style_and_no_name_of_its_own(name: str) -> None:
    drawing = parsed(CHARTS[name])
    assert drawing.get("role") == "img"
    assert drawing.get("viewBox", "").startswith("0 0 ")
    assert drawing.get("width") is None
    assert [drawing[0].tag, drawing[0].text, drawing[1].tag] == ["title", "T", "desc"]
    assert drawing[1].text
    for element in drawing.iter():
        assert not {"style", "id"} & set(element.keys())
        assert element.get("fill") in {None, "none", "currentColor"}
        assert element.get("stroke") in {None, "none", "currentColor"}


@pytest.mark.parametrize("name", CHARTS)
def test_all_that_is_drawn_lies_inside_the_drawing(name: str) -> None:
    drawing = parsed(CHARTS[name])
    *_, width, height = map(float, drawing.get("viewBox", "").split())
    for x, y in _places(drawing):
        assert -0.01 <= x <= width + 0.01
        assert -0.01 <= y <= height + 0.01


def _places(drawing: ET.Element) -> Iterator[tuple[float, float]]:
    for element in drawing.iter():
        for x, y in re.findall(r"[ML]([\d.-]+) ([\d.-]+)", element.get("d", "")):
            yield float(x), float(y)
        yield from _ends(element)
        x, y = element.get("x", element.get("cx")), element.get("y", element.get("cy"))
        if x and y:
            yield float(x), float(y)
            yield float(x) + float(element.get("width", 0)), float(y) + float(element.get("height", 0))


def _ends(element: ET.Element) -> Iterator[tuple[float, float]]:
    """Yield where a level label begins and ends."""
    if element.tag != "text" or element.get("transform"):
        return
    x, y, long = float(element.get("x", 0)), float(element.get("y", 0)), LETTER * len(element.text or "")
    before = {None: 0.0, "middle": 0.5, "end": 1.0}[element.get("text-anchor")]
    yield x - before * long, y
    yield x + (1 - before) * long, y


def test_what_people_wrote_stays_text() -> None:
    drawing = bars("<b>", [Bar("<script>", 1, 'x" onload="y')])
    assert "<script>" not in drawing
    assert 'onload="y' not in drawing
    assert words(drawing) == ["<script>", "1"]


def test_the_parts_of_a_day_lie_on_each_other_and_days_that_nobody_counted_stay_empty() -> None:
    drawing = stacked("T", days(3), [series(2, None, 0), series(2, None, 4, name="Bounced", css="status-bounced")])
    assert bar_tops(drawing, "status-active") == [100]
    assert bar_tops(drawing, "status-bounced") == [16, 16]
    assert hovered(drawing) == [
        "27 Feb: 4 in all; Bounced 2; Active 2",
        "28 Feb: not counted",
        "1 Mar: 4 in all; Bounced 4",
    ]
    assert parsed(drawing)[1].text == "3 days, 27 Feb to 1 Mar; on 1 Mar: Active 0, Bounced 4."


def test_the_parts_of_the_last_counted_day_are_named_without_lying_on_each_other() -> None:
    every = [series(*(each, None), name=status.value, css=status_css(status)) for each, status in enumerate(Status, 1)]
    drawing = stacked("T", days(2), every)
    named = [each for each in parsed(drawing).iter("text") if (each.text or "").rpartition(" ")[0] in set(Status)]
    places = [float(each.get("y", 0)) for each in named]
    assert [each.text for each in named] == [f"{status.value} {number}" for number, status in enumerate(Status, 1)]
    assert all(lower - upper >= 13.9 for lower, upper in itertools.pairwise(places))


def test_a_series_that_never_was_is_left_out() -> None:
    assert "Bounced 0" not in words(stacked("T", days(2), [series(1, 2), series(0, None, name="Bounced")]))


def test_shares_leave_days_empty_of_which_nothing_is_known_and_tell_the_newest() -> None:
    drawing = shares("T", days(6), series(0.01, 0.02, None, 0.02, 0.015, None), Limit(0.02, "alarm at 2%"))
    assert len(bar_tops(drawing, "status-active")) == 4
    assert "1.5%" in words(drawing)
    assert "alarm at 2%" in words(drawing)
    assert hovered(drawing)[2] == "1 Mar: not known"
    assert parsed(drawing)[1].text == "6 days, 27 Feb to 4 Mar; on 3 Mar: 1.5%."


def test_a_limit_above_all_values_is_still_in_the_picture() -> None:
    drawing = shares("T", days(2), series(0.0001, 0.0002), Limit(0.02, "alarm"))
    (limit,) = [each for each in parsed(drawing).iter("path") if each.get("class") == "chart-limit"]
    assert 16 < float(re.findall(r" ([\d.]+)L", limit.get("d", ""))[0]) < 184


def test_a_bar_of_few_among_very_many_can_still_be_seen() -> None:
    drawing = parsed(bars("T", [Bar("a", 1_000_000, "series-1"), Bar("b", 1, "series-2"), Bar("c", 0, "series-3")]))
    widths = [float(each.get("width", 0)) for each in drawing.iter("rect")]
    assert len(widths) == 2
    assert widths[0] > 200
    assert widths[1] == 1.5


def test_long_names_are_cut_in_the_drawing_and_whole_in_its_description() -> None:
    rows = [Bar("a name that is much too long to stand there", 1234, "series-1")]
    assert words(bars("T", rows)) == ["a name that is much too…", "1,234"]
    assert rows[0].label in (parsed(bars("T", rows))[1].text or "")


def test_a_matrix_tells_each_cell_and_how_many_were_right() -> None:
    drawing = CHARTS["matrix"]
    assert hovered(drawing) == [
        "a, called a: 3 of 4",
        "a, called b: 1 of 4",
        "b, called a: 0 of 2",
        "b, called b: 2 of 2",
    ]
    assert parsed(drawing)[1].text == "5 of 6 were called what they are."
    assert matrix_table(["a", "b"], [[3, 1], [0, 2]]).rows == [("a", "3", "1"), ("b", "0", "2")]


def test_a_larger_dot_of_the_reliability_curve_stands_for_more_replies() -> None:
    small, large = [float(each.get("r", 0)) for each in parsed(CHARTS["reliability"]).iter("circle")]
    assert small < large == 9
    table = reliability_table([Point(0.5, 0.4, 1000)])
    assert table == Table(("How sure", "Told right", "Replies"), [("50%", "40%", "1,000")])


@pytest.mark.parametrize(
    ("percent", "cells"), [(False, ("1,200", "not known", "0")), (True, ("120000%", "not known", "0%"))]
)
def test_the_table_of_days_has_a_row_a_day(percent: bool, cells: Sequence[str]) -> None:
    table = days_table(days(3), [series(1200, None, 0)], percent=percent)
    assert table.head == ("Day", "Active")
    assert table.rows == list(zip(("27 Feb", "28 Feb", "1 Mar"), cells, strict=True))


@pytest.mark.parametrize(
    ("top", "least", "expected"),
    [
        (0, 0, [0, 0.2, 0.4, 0.6, 0.8, 1]),
        (0, 1, [0, 1]),
        (1, 1, [0, 1]),
        (3, 1, [0, 1, 2, 3]),
        (10, 1, [0, 2, 4, 6, 8, 10]),
        (8_600, 1, [0, 2_000, 4_000, 6_000, 8_000, 10_000]),
        (0.024, 0, [0, 0.005, 0.01, 0.015, 0.02, 0.025]),
    ],
)
def test_scales_have_round_numbers(top: float, least: float, expected: Sequence[float]) -> None:
    assert ticks(top, least=least) == pytest.approx(expected)


@given(st.floats(1e-9, 1e15))
def test_a_scale_holds_its_highest_value_and_wastes_little(top: float) -> None:
    found = ticks(top)
    assert found[-1] >= top * (1 - 1e-6)
    assert found[-2] < top
    assert 3 <= len(found) <= 7


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (0, "0"), (9_999, "9,999"), (10_000, "10k"), (12_345, "12.3k"), (999_499, "999k"), (999_999, "1M"),
        (2_500_000, "2.5M"), (3e9, "3B"), (4.5e12, "4500B"),
    ],
)  # fmt: skip
def test_counts_are_short(number: float, expected: str) -> None:
    assert count_text(number) == expected


def test_a_tick_of_a_thousand_has_a_unit() -> None:
    assert [tick_text(each) for each in (500, 1_000, 1_500)] == ["500", "1k", "1.5k"]


@pytest.mark.parametrize(
    ("share", "expected"),
    [(0, "0%"), (0.00001, "0.001%"), (0.0123, "1.2%"), (0.02, "2%"), (0.0999, "10%"), (0.5, "50%"), (1, "100%")],
)
def test_shares_have_the_digits_that_tell_something(share: float, expected: str) -> None:
    assert share_text(share) == expected


@given(st.lists(st.floats(20, 180), max_size=12).map(sorted))
def test_labels_keep_their_order_and_distance(wanted: list[float]) -> None:
    places = spread(wanted, 14, 184)
    assert all(place <= 184 for place in places)
    assert all(after - before >= 13.999 for before, after in itertools.pairwise(places))


def test_every_status_and_every_series_has_a_class() -> None:
    assert status_css(Status.OUT_OF_OFFICE) == "status-out-of-office"
    assert [series_css(each) for each in (0, 11, 12)] == ["series-1", "series-12", "series-1"]
