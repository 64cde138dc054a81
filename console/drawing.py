"""The pieces that charts are made of: SVG elements, scales with round numbers, and how numbers and days are written."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from math import ceil, floor, log10

from markupsafe import Markup, escape

LETTER = 6.6
"""How wide a letter is at most on average, in the units of a drawing, at the size in which labels are written."""
FONT_SIZE = 12
LABEL, STRONG = "chart-label", "chart-label chart-label-strong"
_STEPS = (1, 2, 5, 10)
_ROUNDING = 1e-9
_UNITS = ((1e9, "B"), (1e6, "M"), (1e3, "k"))


def tag(name: str, content: Iterable[Markup | str] = (), **attributes: object) -> Markup:
    """Return an element; an underscore in the name of an attribute stands for a hyphen, one at its end for nothing."""
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_value(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    inside = Markup().join(content)
    # Names are ours, values are escaped.
    return Markup(f"<{name}{written}>{inside}</{name}>" if inside else f"<{name}{written}/>")  # noqa: S704


def svg(kind: str, title: str, desc: str, size: tuple[float, float], content: Iterable[Markup]) -> Markup:
    """Return a drawing that scales to its place, and says to those who do not see it what it shows."""
    width, height = size
    return tag(
        "svg",
        [tag("title", [title]), tag("desc", [desc]), *content],
        class_=f"chart {kind}",
        role="img",
        viewBox=f"0 0 {_value(width)} {_value(height)}",
        font_size=FONT_SIZE,
    )


def text(words: str, x: float, y: float, anchor: str | None = None, class_: str = LABEL, **more: object) -> Markup:
    """Return a label; without an anchor it begins at `x`."""
    return tag("text", [words], x=x, y=y, text_anchor=anchor, fill="currentColor", class_=class_, **more)


def rule(x1: float, x2: float, y: float, class_: str = "chart-grid") -> Markup:
    """Return a thin level line."""
    return tag("path", d=path((x1, y), (x2, y)), stroke="currentColor", stroke_width=1, fill="none", class_=class_)


def stroke(points: Sequence[tuple[float, float]], css: str, width: float) -> Markup:
    """Return a line through points in the colour of a series."""
    return tag(
        "path",
        d=path(*points),
        stroke="currentColor",
        stroke_width=width,
        stroke_linejoin="round",
        stroke_linecap="round",
        fill="none",
        class_=f"chart-line {css}",
    )


def dot(place: tuple[float, float], radius: float, css: str, told: str | None = None) -> Markup:
    """Return a dot in the colour of a series, and what a pointer that rests on it is told."""
    (x, y), title = place, [tag("title", [told])] if told else []
    return tag("circle", title, cx=x, cy=y, r=radius, fill="currentColor", class_=f"chart-mark {css}")


def path(*points: tuple[float, float]) -> str:
    """Return the commands that draw a line through points."""
    return "M" + "L".join(f"{_value(x)} {_value(y)}" for x, y in points)


def width_of(words: Iterable[str]) -> float:
    """Return how much room the longest of some labels needs."""
    return max((len(each) for each in words), default=0) * LETTER


def ticks(top: float, about: int = 5, least: float = 0) -> list[float]:
    """Return round numbers from 0 to the first that is not below `top`, some `about` of them and `least` apart."""
    if top <= 0:
        top = least or 1
    rough = top / about
    size = 10.0 ** floor(log10(rough))
    step = max(least, next(each * size for each in _STEPS if each * size >= rough * (1 - _ROUNDING)))
    # Multiplied and not added up, so that no error adds up either.
    return [number * step for number in range(ceil(top / step - _ROUNDING) + 1)]


def count_text(number: float, most: int = 9_999) -> str:
    """Write a count so that it takes little room: in full up to `most`, else three digits of it."""
    rounded = float(f"{number:.3g}")
    for size, unit in _UNITS:
        if rounded >= size and number > most:
            return f"{_value(rounded / size)}{unit}"
    return f"{number:,.0f}"


def tick_text(number: float) -> str:
    """Write a round count at its line."""
    return count_text(number, 999)


def share_text(share: float) -> str:
    """Write a share as a percentage, with as many digits as it needs to tell something."""
    percent = 100 * share
    return f"{percent:.0f}%" if percent >= 10 or not percent else f"{percent:.2g}%"  # noqa: PLR2004 - two digits


def day_text(day: date) -> str:
    """Write a day without its year."""
    return f"{day.day} {day:%b}"


def spread(wanted: Sequence[float], apart: float, lowest: float) -> list[float]:
    """Return places near those wanted (rising), at least `apart`, none beyond `lowest`, the last place there is."""
    places: list[float] = []
    for place in wanted:
        places.append(max(place, places[-1] + apart) if places else place)
    limit = lowest
    for number in reversed(range(len(places))):
        places[number] = min(places[number], limit)
        limit = places[number] - apart
    return places


def _value(value: object) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
