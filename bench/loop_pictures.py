"""The pictures of docs/train.md: what came out of the simulated histories of bench/loop.py."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

PICTURES = Path(__file__).parent.parent / "docs"
COLOURS = ("#0b6e99", "#c8553d")


def draw(found: Sequence[dict]) -> None:
    """Four pictures for docs/train.md."""
    mpl.rcParams |= {"svg.hashsalt": "loop", "font.size": 10, "axes.spines.top": False, "axes.spines.right": False}
    draw_curves(found)
    draw_doubtful(found)
    draw_drift(found)
    draw_gate(found)


def picture(name: str, title: str, across: str, up: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(6.4, 3.6), layout="constrained", facecolor="white")
    axes = figure.add_subplot()
    axes.set(title=title, xlabel=across, ylabel=up)
    axes.grid(alpha=0.25)
    figure.set_gid(name)
    return figure, axes


def save(figure: Figure, name: str) -> None:
    figure.savefig(PICTURES / f"loop-{name}.svg", metadata={"Date": None})


def draw_curves(found: Sequence[dict]) -> None:
    figure, axes = picture(
        "curve", "What a person's hundred labels a step bring", "labels", "macro-F1 on rows kept apart"
    )
    for (name, what), colour in zip({"queue": "the review list", "random": "any"}.items(), COLOURS, strict=True):
        scores = np.array([[step["macro_f1"] for step in each["curves"][name]] for each in found])
        labels = [step["labelled"] for step in found[0]["curves"][name]]
        axes.plot(
            labels,
            scores.mean(axis=0),
            color=colour,
            label=f"chosen by {what}" if name == "queue" else "chosen at random",
        )
        axes.fill_between(labels, scores.min(axis=0), scores.max(axis=0), color=colour, alpha=0.15, linewidth=0)
    steps = found[0]["curves"]["queue"]
    revealed, labelled = ([step[name] for step in steps] for name in ("revealed", "labelled"))
    turn = np.interp(np.mean([each["turn"] for each in found]), revealed, labelled)
    axes.axvline(turn, color="grey", linestyle=":", label="the writers change")
    axes.legend(loc="lower right", frameon=False)
    save(figure, "curve")


def draw_doubtful(found: Sequence[dict]) -> None:
    figure, axes = picture(
        "doubtful",
        "Wrong labels among the most doubtful",
        "share of the rows that is read",
        "share of the wrong labels",
    )
    last = [each["doubtful"][-1] for each in found]
    names = [name for name in last[0] if name.startswith("in ")]
    read = [0.0, *(float(name.removeprefix("in ").rstrip("%")) / 100 for name in names)]
    for each in last:
        axes.plot(read, [0.0, *(each[name] for name in names)], color=COLOURS[0], marker="o", markersize=3)
    axes.plot([0, 0.5], [0, 0.5], color="grey", linestyle=":", label="by chance")
    axes.axvline(0.1, color=COLOURS[1], linewidth=1)
    axes.axhline(0.8, color=COLOURS[1], linewidth=1, label="0.8 in the worst tenth")
    axes.set(ylim=(0, 1.02), xlim=(0, 0.5))
    axes.legend(loc="lower right", frameon=False)
    save(figure, "doubtful")


def draw_drift(found: Sequence[dict]) -> None:
    figure, axes = picture(
        "drift", "Can newer mail be told from the first 2,000?", "replies that came in", "AUC of the domain classifier"
    )
    for each, label in zip(found, ["each history", *[None] * len(found)], strict=False):
        axes.plot([b["revealed"] for b in each["drift"]], [b["auc"] for b in each["drift"]], color=COLOURS[0],
                  marker="o", markersize=3, label=label)  # fmt: skip
    axes.axhline(found[0]["drift"][0]["limit"], color=COLOURS[1], label="limit")
    axes.axvline(np.mean([each["turn"] for each in found]), color="grey", linestyle=":", label="the writers change")
    axes.set_ylim(0.45, 0.7)
    axes.legend(loc="upper left", frameon=False)
    save(figure, "drift")


def draw_gate(found: Sequence[dict]) -> None:
    figure, axes = picture(
        "gate", "Candidates at the gate", "by how much macro-F1 is truly better", "as the gate measured it"
    )
    tried = [each for one in found for each in one["gate"]]
    for passed, colour, label in ((True, COLOURS[0], "let through"), (False, COLOURS[1], "refused")):
        some = [each for each in tried if each["passed"] is passed]
        axes.scatter([e["better"] for e in some], [e["measured"] for e in some], s=16, color=colour, label=label)
    axes.axvline(0, color="grey", linewidth=1)
    axes.axhline(0, color="grey", linewidth=1)
    axes.legend(loc="upper left", frameon=False)
    save(figure, "gate")
