"""The charts of how well a classifier does: which class was called which, and whether it is as right as it is sure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from console.drawing import STRONG, dot, path, rule, share_text, stroke, svg, tag, text, width_of

_CELL, _GAP = 44, 3
_STRONGEST = 0.6
"""The most opaque a cell becomes: numbers can be read on it, on a light page and on a dark one."""
_SLANT = 35
_TRUE = "true class"
_WIDE, _TALL, _LEFT, _TOP = 340, 200, 44, 12
"""Of the reliability curve: its size, and what is left of it and above it."""
_QUARTERS = (0, 0.25, 0.5, 0.75, 1)


@dataclass(frozen=True, slots=True)
class Point:
    """The replies of one span of confidence: how sure the classifier was, how often it was right, how many they are."""

    sure: float
    right: float
    rows: int


def matrix(title: str, names: Sequence[str], counts: Sequence[Sequence[int]]) -> Markup:
    """Draw how often each class, a row, was called which, a column; the darker, the more of its row."""
    left, room = width_of([*names, _TRUE]) + 8, max(_CELL / 2, width_of(names) * 0.82)
    top = 32 + width_of(names) * 0.57
    size = left + len(names) * _CELL + room - _CELL / 2, top + len(names) * _CELL
    content = [*_heads(names, left, top)]
    for row, (name, found) in enumerate(zip(names, counts, strict=True)):
        content.append(text(name, left - 8, top + (row + 0.5) * _CELL + 4, "end"))
        for column, number in enumerate(found):
            told = f"{name}, called {names[column]}: {number:,} of {sum(found):,}"
            share = number / max(1, sum(found))
            place = left + column * _CELL, top + row * _CELL
            content.append(_cell(place, number, share, told, "series-1" if row == column else "series-3"))
    right = sum(found[row] for row, found in enumerate(counts))
    desc = f"{right:,} of {sum(map(sum, counts)):,} were called what they are."
    return svg("chart-matrix", title, desc, size, content)


def _heads(names: Sequence[str], left: float, top: float) -> Iterator[Markup]:
    yield text("called", left - 8, 14, "end", "chart-label chart-caption")
    yield text(_TRUE, left - 8, top - 8, "end", "chart-label chart-caption")
    for column, name in enumerate(names):
        x, y = left + (column + 0.5) * _CELL - 4, top - 8
        yield text(name, x, y, transform=f"rotate(-{_SLANT} {x:.1f} {y:.1f})")


def _cell(place: tuple[float, float], number: int, share: float, told: str, css: str) -> Markup:
    (x, y), wide = place, _CELL - _GAP
    fill = tag(
        "rect",
        x=x,
        y=y,
        width=wide,
        height=wide,
        rx=4,
        fill="currentColor",
        # The root, so that a few mistakes are seen at all.
        fill_opacity=0.04 + (_STRONGEST - 0.04) * share**0.5,
        class_=f"chart-cell {css}",
    )
    label = text(f"{number:,}", x + wide / 2, y + wide / 2 + 4, "middle", STRONG if number else "chart-label")
    return tag("g", [tag("title", [told]), fill, label])


def reliability(title: str, points: Sequence[Point]) -> Markup:
    """Draw how often the classifier was right where it was how sure; a larger dot stands for more replies."""
    most = max((each.rows for each in points), default=1)
    line = [_place(each.sure, each.right) for each in points]
    (x0, y0), (x1, y1) = _place(0, 0), _place(1, 1)
    even = tag("path", d=path((x0, y0), (x1, y1)), stroke="currentColor", stroke_dasharray="4 4", class_="chart-axis")
    content = [
        *_quarters(),
        even,
        text("as right as sure", *_place(0.08, 0.03)),
        *([stroke(line, "series-1", 2)] if line else []),
        *(_dot(each, most) for each in points),
        text("how sure it was", x1, y0 + 38, "end", "chart-label chart-caption"),
    ]
    rows = sum(each.rows for each in points)
    desc = f"{rows:,} replies in {len(points)} spans of confidence." if points else "Nothing was measured yet."
    return svg("chart-reliability", title, desc, (_LEFT + _WIDE + 16, _TOP + _TALL + 42), content)


def _place(sure: float, right: float) -> tuple[float, float]:
    return _LEFT + _WIDE * sure, _TOP + _TALL * (1 - right)


def _quarters() -> Iterator[Markup]:
    for share in _QUARTERS:
        x, y = _place(share, share)
        yield rule(_LEFT, _LEFT + _WIDE, y, "chart-grid" if share else "chart-axis")
        yield text(share_text(share), _LEFT - 8, y + 4, "end")
        yield text(share_text(share), x, _TOP + _TALL + 18, "middle")


def _dot(point: Point, most: int) -> Markup:
    told = f"{point.rows:,} replies, {share_text(point.sure)} sure, {share_text(point.right)} right"
    # The area tells the number.
    radius = 3 + 6 * (point.rows / max(1, most)) ** 0.5
    return dot(_place(point.sure, point.right), radius, "series-1", told)
