"""The pictures of an evaluation, as SVG that can stand in a page beside others."""
# ruff: noqa: E402 - matplotlib talks while it is imported

from __future__ import annotations

import io
import logging
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from html import escape
from itertools import product

# Where its folder of settings cannot be written, which does no harm here, matplotlib warns of that in two long lines.
logging.getLogger("matplotlib").setLevel(logging.ERROR)

from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import NullLocator, PercentFormatter

from classifier.evaluation import Evaluation, Held
from classifier.figures import Report

# The pictures are drawn in the colours of the light page; each stands in them as a variable, so that a dark page
# changes them too.
LIGHT = {
    "paper": "#fdfdfc",
    "ink": "#1f2933",
    "muted": "#5d6873",
    "rule": "#cbd2d9",
    "accent": "#2a6f97",
    "warm": "#b5541c",
}
DARK = {
    "paper": "#15191e",
    "ink": "#e4e8eb",
    "muted": "#9aa5ae",
    "rule": "#3a444d",
    "accent": "#7ab8e0",
    "warm": "#f0a067",
}
_STYLE: dict[str, object] = {
    # Letters stay letters: small, searchable, and in the reader's own font, which is hardly ever wider than the one
    # that matplotlib brings along and measures with.
    "svg.fonttype": "none",
    # The names inside a picture come from its content and this salt, not from chance.
    "svg.hashsalt": "inbox-worker",
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9,
    "axes.labelsize": 9,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "legend.fontsize": 8.5,
    "legend.frameon": False,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": LIGHT["muted"],
    "axes.labelcolor": LIGHT["muted"],
    "xtick.color": LIGHT["muted"],
    "ytick.color": LIGHT["muted"],
    "text.color": LIGHT["ink"],
    "grid.color": LIGHT["rule"],
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
}
_WIDTH = 4.9
"""In inches of 72 units: on a phone a unit is about a pixel, so that 9 units can still be read."""
_STRONGEST = 0.5
"""The most opaque a cell becomes: ink can be read on it, on a light page and on a dark one."""
_MIDDLE = 0.1
"""Right of it what is written beside the threshold in use stands to its left, so that it stays in the picture."""


def confusion(report: Report) -> str:
    """Return a matrix of how often each class was called which."""
    with _canvas(3.7) as canvas:
        axes, labels = canvas.subplots(), list(report.confusion)
        places = range(len(labels))
        for row, column in product(places, places):
            counts = report.confusion[labels[row]]
            count = counts[labels[column]]
            share = count / max(1, sum(counts.values()))
            # Drawn as a shape: matplotlib's own image of a matrix would be a bitmap.
            cell = Rectangle((column - 0.47, row - 0.47), 0.94, 0.94, facecolor=LIGHT["accent"], linewidth=0)
            cell.set_alpha(_STRONGEST * share)
            axes.add_patch(cell)
            axes.text(column, row, f"{count:,}", ha="center", va="center_baseline", fontsize=8.5)
        axes.set_xlim(-0.5, len(labels) - 0.5)
        axes.set_ylim(len(labels) - 0.5, -0.5)
        axes.set_xticks(places, labels, rotation=30, ha="left", rotation_mode="anchor")
        axes.set_yticks(places, labels)
        axes.xaxis.set_label_position("top")
        axes.tick_params(length=0, labelcolor=LIGHT["ink"], top=False, labeltop=True, labelbottom=False)
        axes.spines[:].set_visible(False)
        axes.set_xlabel("called", loc="left")
        axes.set_ylabel("true class", loc="top", labelpad=8)
        return _svg(canvas, "confusion", "Confusion matrix")


def reliability(report: Report) -> str:
    """Return a curve of how often the learner was right where it was how sure, and bars of how many replies that is."""
    with _canvas(4.0) as canvas:
        curve, bars = canvas.subplots(2, 1, sharex=True, height_ratios=(4, 1))
        sure = [each.confidence for each in report.bins]
        right = [each.accuracy for each in report.bins]
        counts = [each.rows for each in report.bins]
        curve.plot((0, 1), (0, 1), linestyle="--", linewidth=1, color=LIGHT["muted"], label="as right as sure")
        curve.plot(sure, right, marker="o", markersize=4, color=LIGHT["accent"], label="the learner")
        curve.set_ylim(0, 1.02)
        curve.yaxis.set_major_formatter(PercentFormatter(1))
        curve.set_ylabel("told right")
        curve.grid()
        _legend(curve)
        bars.bar(sure, counts, width=0.05, color=LIGHT["accent"])
        for place, count in zip(sure, counts, strict=True):
            _value(bars, (place, count), f"{count:,}")
        bars.set_ylim(0, 1.6 * max(counts, default=1))
        bars.set_yticks([])
        bars.spines["left"].set_visible(False)
        bars.set_ylabel("replies")
        bars.set_xlim(0, 1.02)
        bars.xaxis.set_major_formatter(PercentFormatter(1))
        bars.set_xlabel("how sure the learner was")
        return _svg(canvas, "reliability", "Reliability curve")


def learning(steps: Sequence[tuple[int, float]]) -> str:
    """Return a curve of macro-F1 by the number of replies the learner was shown."""
    with _canvas(2.6) as canvas:
        axes = canvas.subplots()
        shown = [count for count, _ in steps]
        axes.plot(shown, [score for _, score in steps], marker="o", markersize=4, color=LIGHT["accent"])
        for count, score in steps:
            _value(axes, (count, score), f"{score:.3f}")
        axes.set_xscale("log")
        axes.xaxis.set_minor_locator(NullLocator())
        axes.set_xticks(shown, [f"{count:,}" for count in shown])
        axes.margins(x=0.08, y=0.25)
        axes.grid(axis="y")
        axes.set_xlabel("replies it was shown")
        axes.set_ylabel("macro-F1")
        return _svg(canvas, "learning", "Learning curve")


def threshold(evaluation: Evaluation) -> str:
    """Return curves of what is kept, what is read and what it costs, by the threshold from which a reply is held."""
    with _canvas(4.0) as canvas:
        shares, cost = canvas.subplots(2, 1, sharex=True, height_ratios=(2, 1))
        chosen = evaluation.report.thresholds.hold
        _shares(shares, evaluation.thresholds)
        _costs(cost, evaluation.thresholds)
        for axes in (shares, cost):
            axes.grid()
            axes.axvline(chosen, linestyle="--", linewidth=1, color=LIGHT["muted"])
        side, towards = (5, "left") if chosen < _MIDDLE else (-5, "right")
        shares.annotate(
            f"in use: {chosen:g}", (chosen, 0.6), xytext=(side, 0), textcoords="offset points", va="center", ha=towards
        )
        return _svg(canvas, "threshold", "Threshold curve")


def _shares(axes: Axes, found: Sequence[Held]) -> None:
    holds = [each.hold for each in found]
    kept, reviewed = [each.kept for each in found], [each.reviewed for each in found]
    axes.plot(holds, kept, marker="o", markersize=3, color=LIGHT["accent"], label="opt-outs kept")
    axes.plot(holds, reviewed, marker="s", markersize=3, color=LIGHT["warm"], label="read by a person")
    axes.set_ylim(0, 1.02)
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.set_ylabel("share")
    _legend(axes)


def _costs(axes: Axes, found: Sequence[Held]) -> None:
    holds = [each.hold for each in found]
    axes.plot(holds, [each.cost for each in found], marker="o", markersize=3, color=LIGHT["ink"])
    axes.margins(y=0.2)
    axes.set_ylabel("cost of a reply")
    axes.set_xscale("log")
    axes.xaxis.set_minor_locator(NullLocator())
    ticks = [hold for hold in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5) if hold <= max(holds, default=1)]
    axes.set_xticks(ticks, [f"{hold:g}" for hold in ticks])
    axes.set_xlabel("held from this probability of Unsubscribed")


def _legend(axes: Axes) -> None:
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, borderaxespad=0.2, borderpad=0)


def _value(axes: Axes, place: tuple[float, float], text: str) -> None:
    axes.annotate(text, place, xytext=(0, 4), textcoords="offset points", ha="center", va="bottom", fontsize=8)


@contextmanager
def _canvas(height: float) -> Iterator[Figure]:
    # What a matplotlibrc file of the user says counts for nothing here, and for them nothing changes.
    with style.context(_STYLE, after_reset=True):
        yield Figure(figsize=(_WIDTH, height), layout="constrained")


def _svg(canvas: Figure, name: str, label: str) -> str:
    written = io.StringIO()
    canvas.savefig(written, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    box, drawing = _inside(written.getvalue(), name)
    return f'<svg role="img" aria-label="{escape(label)}" viewBox="{box}">{drawing}</svg>'


def _inside(svg: str, name: str) -> tuple[str, str]:
    """Return the viewBox of a picture and what is in it, fit to stand in a page beside others."""
    ((box, drawing),) = re.findall(r'<svg [^>]*viewBox="([^"]*)"[^>]*>(.*)</svg>', svg, re.DOTALL)
    # A style sheet inside would be one for the whole page.
    drawing = re.sub(r"<style.*?</style>", "", drawing, flags=re.DOTALL)
    # Nothing refers to a group, and every picture would have the same ones; what is referred to gets a name of its own.
    drawing = re.sub(r'<g id="[^"]*"', "<g", drawing)
    drawing = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{name}-", drawing)
    drawing = re.sub(r"font-family: [^;\"]*(; )?", "", drawing)
    drawing = re.sub(r"\s*\n\s*", "\n", drawing)
    for variable, colour in LIGHT.items():
        drawing = drawing.replace(colour, f"var(--{variable})")
    # A text without a colour would be black.
    return box, drawing.replace('<text style="font-size', '<text style="fill: var(--ink); font-size')
