"""Charts as SVG that stands in a page: pure functions, colours by class, the same numbers as a table for every one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from markupsafe import Markup

from console.drawing import (
    STRONG,
    count_text,
    day_text,
    dot,
    path,
    rule,
    share_text,
    spread,
    svg,
    tag,
    text,
    tick_text,
    ticks,
    width_of,
)

WIDTH = 400
"""Of a drawing: on a phone a unit is about a pixel then."""
TOP, BASE, HEIGHT = 16, 184, 208
"""Of charts over days: the highest line, the base line, and all with the days below."""
GAP = 8
_LINE = 14
"""From one line of text to the next."""
_WIDEST_BAR = 28
_ROW, _THICK = 26, 12
_LONGEST_LABEL = 24
_VISIBLE = 1.5
"""A bar that stands for anything at all is never thinner."""
_SERIES = 12
NOTHING = "nothing counted yet"


@dataclass(frozen=True, slots=True)
class Series:
    """One value for each day, None where it is not known; `css` is the class that gives the colour."""

    name: str
    css: str
    values: Sequence[float | None]


@dataclass(frozen=True, slots=True)
class Limit:
    """A value that should not be passed."""

    value: float
    label: str


@dataclass(frozen=True, slots=True)
class Bar:
    """One row of a list of bars."""

    label: str
    count: int
    css: str


@dataclass(frozen=True, slots=True)
class _Plot:
    """Where days and values lie in a drawing."""

    days: Sequence[date]
    ticks: Sequence[float]
    left: float
    right: float

    def x(self, number: int) -> float:
        """Return the middle of a day."""
        return self.left + (number + 0.5) * self.step

    def y(self, value: float) -> float:
        return BASE - (BASE - TOP) * value / self.ticks[-1]

    @property
    def step(self) -> float:
        return (self.right - self.left) / max(1, len(self.days))


def status_css(status: str) -> str:
    """Return the class that gives a status its colour."""
    return "status-" + status.lower().replace(" ", "-")


def series_css(number: int) -> str:
    """Return the class of the series of this number, which counts from 0; after the last colour comes the first."""
    return f"series-{number % _SERIES + 1}"


def stacked(title: str, days: Sequence[date], series: Sequence[Series], width: int = WIDTH) -> Markup:
    """Draw bars over days, each made of the parts of its day; the parts of the last day are named beside it."""
    shown = [each for each in series if any(each.values)]
    marks = ticks(max((_total(shown, number) or 0 for number in range(len(days))), default=0), least=1)
    names = _names(shown)
    left, right = width_of(map(tick_text, marks)) + GAP, width - (width_of(names) + 3 * GAP if names else 0)
    plot = _Plot(days, marks, left, right)
    content = [
        *_frame(plot, [tick_text(each) for each in marks]),
        *_stacks(plot, shown),
        *(_named(plot, shown, names) if names else [_empty(plot)]),
        *_hovered(plot, [_told(day, shown, number) for number, day in enumerate(days)]),
    ]
    last = _last(shown)
    desc = f"{_span(days)}; on {day_text(days[last])}: {', '.join(names)}." if names else NOTHING
    return svg("chart-stacked", title, desc, (width, HEIGHT), content)


def shares(title: str, days: Sequence[date], series: Series, limit: Limit | None = None, width: int = WIDTH) -> Markup:
    """Draw shares over days as bars, and the limit that they should keep; the newest one is written beside it."""
    known = [(number, value) for number, value in enumerate(series.values) if value is not None]
    top = max([value for _, value in known] + ([limit.value * 1.2] if limit else []), default=0)
    marks = ticks(top or 1)
    last = share_text(known[-1][1]) if known else ""
    left = width_of(map(share_text, marks)) + GAP
    plot = _Plot(days, marks, left, width - width_of([last]) - 2 * GAP)
    content = [
        *_frame(plot, [share_text(each) for each in marks]),
        *_stacks(plot, [series]),
        *(_limited(plot, limit) if limit else ()),
        text(last, plot.right + GAP, plot.y(known[-1][1]) + 4, class_=STRONG) if known else _empty(plot),
        *_hovered(plot, [_valued(day, value) for day, value in zip(days, series.values, strict=True)]),
    ]
    said = f"{_span(days)}; on {day_text(days[known[-1][0]])}: {last}." if known else NOTHING
    return svg("chart-shares", title, said, (width, HEIGHT), content)


def bars(title: str, rows: Sequence[Bar], width: int = WIDTH) -> Markup:
    """Draw a list of level bars, each with its name before it and its number behind it."""
    most = max((row.count for row in rows), default=0)
    numbers = [f"{row.count:,}" for row in rows]
    left = width_of(_short(row.label) for row in rows) + GAP
    room = max(0.0, width - left - width_of(numbers) - GAP)
    content = []
    for place, (row, number) in enumerate(zip(rows, numbers, strict=True)):
        middle = (place + 0.5) * _ROW
        long = max(_VISIBLE, room * row.count / most) if row.count else 0.0
        content.append(text(_short(row.label), left - GAP, middle + 4, "end"))
        if long:
            content.append(_bar(left, middle, long, row))
        content.append(text(number, left + long + (GAP * 0.75 if long else 0), middle + 4, class_=STRONG))
    desc = "; ".join(f"{row.label}: {number}" for row, number in zip(rows, numbers, strict=True)) or NOTHING
    if not rows:
        content.append(text(NOTHING, width / 2, _ROW / 2 + 4, "middle"))
    return svg("chart-bars", title, desc, (width, max(1, len(rows)) * _ROW), content)


def _last(shown: Sequence[Series]) -> int:
    """Return the number of the last day on which anything is known."""
    return max((n for each in shown for n, value in enumerate(each.values) if value is not None), default=0)


def _total(shown: Sequence[Series], number: int) -> float | None:
    known = [value for each in shown if (value := each.values[number]) is not None]
    return sum(known) if known else None


def _names(shown: Sequence[Series]) -> list[str]:
    last = _last(shown)
    return [f"{each.name} {count_text(each.values[last] or 0)}" for each in shown]


def _told(day: date, shown: Sequence[Series], number: int) -> str:
    total = _total(shown, number)
    if total is None:
        return f"{day_text(day)}: not counted"
    parts = [f"{each.name} {value:,.0f}" for each in reversed(shown) if (value := each.values[number])]
    return f"{day_text(day)}: {total:,.0f} in all" + "".join(f"; {part}" for part in parts)


def _valued(day: date, value: float | None) -> str:
    return f"{day_text(day)}: {'not known' if value is None else share_text(value)}"


def _span(days: Sequence[date]) -> str:
    return day_text(days[0]) if len(days) == 1 else f"{len(days)} days, {day_text(days[0])} to {day_text(days[-1])}"


def _frame(plot: _Plot, labels: Sequence[str]) -> Iterator[Markup]:
    """Draw the lines of round values with their labels, and the days below."""
    for value, label in zip(plot.ticks, labels, strict=True):
        y = plot.y(value)
        yield rule(plot.left, plot.right, y, "chart-grid" if value else "chart-axis")
        yield text(label, plot.left - GAP, y + 4, "end")
    fitting = max(1, int((plot.right - plot.left) / (width_of(map(day_text, plot.days)) + GAP)))
    every = max(1, -(-len(plot.days) // fitting))
    for number in range(len(plot.days) - 1, -1, -every):
        yield text(day_text(plot.days[number]), plot.x(number), HEIGHT - 6, "middle")


def _stacks(plot: _Plot, shown: Sequence[Series]) -> Iterator[Markup]:
    """Draw each series as one shape of all its parts."""
    wide = min(_WIDEST_BAR, plot.step * 0.78)
    below = [0.0] * len(plot.days)
    for each in shown:
        parts = []
        for number, value in enumerate(each.values):
            if value:
                x, y, y2 = plot.x(number) - wide / 2, plot.y(below[number] + value), plot.y(below[number])
                parts.append(path((x, y2), (x, y), (x + wide, y), (x + wide, y2)) + "Z")
                below[number] += value
        yield tag("path", d="".join(parts), fill="currentColor", class_=f"chart-mark {each.css}")


def _named(plot: _Plot, shown: Sequence[Series], names: Sequence[str]) -> Iterator[Markup]:
    """Name the parts of the last day, each as near to it as the others leave room."""
    last, below, middles = _last(shown), 0.0, []
    for each in shown:
        value = each.values[last] or 0
        middles.append(plot.y(below + value / 2))
        below += value
    places = reversed(spread(middles[::-1], _LINE, BASE))
    for each, name, place in zip(shown, names, places, strict=True):
        yield dot((plot.right + GAP * 1.25, place), 4, each.css)
        yield text(name, plot.right + GAP * 2.25, place + 4)


def _hovered(plot: _Plot, words: Sequence[str]) -> Iterator[Markup]:
    """Lay over each day what a pointer that rests on it is told."""
    for number, each in enumerate(words):
        x, told, tall = plot.x(number) - plot.step / 2, [tag("title", [each])], BASE - TOP
        yield tag("rect", told, x=x, y=TOP, width=plot.step, height=tall, fill="none", pointer_events="all")


def _empty(plot: _Plot) -> Markup:
    return text(NOTHING, (plot.left + plot.right) / 2, (TOP + BASE) / 2 + 4, "middle")


def _limited(plot: _Plot, limit: Limit) -> Iterator[Markup]:
    y = plot.y(limit.value)
    line_ = path((plot.left, y), (plot.right, y))
    yield tag("path", d=line_, stroke="currentColor", stroke_dasharray="4 4", fill="none", class_="chart-limit")
    yield text(limit.label, plot.left + 4, y - 5, class_="chart-label chart-limit")


def _bar(x: float, middle: float, long: float, row: Bar) -> Markup:
    y, rounded = middle - _THICK / 2, min(3.0, long / 2)
    css = f"chart-mark {row.css}"
    return tag("rect", x=x, y=y, width=long, height=_THICK, rx=rounded, fill="currentColor", class_=css)


def _short(label: str) -> str:
    return label if len(label) <= _LONGEST_LABEL else label[: _LONGEST_LABEL - 1].rstrip() + "\u2026"
