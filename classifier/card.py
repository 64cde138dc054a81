"""The model card: what a person wants to know of an artifact before it is put into service, in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from classifier.artifact import LABELS, Artifact, Thresholds
from classifier.thresholds import MISSED_OPT_OUT, OTHER_ERROR, REVIEW, WRONG_OPT_OUT


def model_card(artifact: Artifact) -> str:
    """Return the card of an artifact whose metrics come from `classifier.train`."""
    return "\n\n".join(_sections(artifact)) + "\n"


def _sections(artifact: Artifact) -> Iterable[str]:
    yield f"# Reply classifier {artifact.version}"
    yield (
        "Says which of six classes a person's reply belongs to, where no rule decides. Its word bans nobody unless it "
        "is nearly certain; what it is unsure of waits for a person."
    )
    yield from _learnt_from(artifact.data, artifact.metrics)
    yield from _does(artifact.metrics)
    yield from _is_sure(artifact.thresholds)
    yield "## Limits"
    yield (
        "Mail of other people is told worse than these figures say, and with more confidence than it deserves: look at "
        "the accuracy on the replies that you review. Of languages that are not in the table it knows nothing."
    )
    yield "## Made with"
    yield _table(("library", "version"), sorted(artifact.libraries.items()))


def _learnt_from(data: dict[str, Any], metrics: dict[str, Any]) -> Iterable[str]:
    yield "## What it learnt from"
    yield (
        f"{data['rows']} labelled replies (SHA-256 `{data['sha256'][:16]}`). Rules decide {metrics['by_rules']} of "
        "them, which it was not shown."
    )
    yield _table(("class", "replies"), data["classes"].items())
    yield _table(("language", "replies", "macro-F1"), _languages(data["languages"], metrics["languages"]))


def _does(metrics: dict[str, Any]) -> Iterable[str]:
    yield "## How well it does"
    yield "Every figure is of replies it had not seen; near-duplicates and translations stay on one side of each split."
    yield _table(("figure", "value"), _figures(metrics))
    yield _table(("class", "precision", "recall", "F1"), _classes(metrics["classes"]))
    yield "True class in the rows, given class in the columns:"
    yield _table(("", *LABELS), _confusion(metrics["confusion"]))


def _is_sure(thresholds: Thresholds) -> Iterable[str]:
    yield "## When it is sure"
    yield _table(("class", "from a probability of"), ((label, thresholds.sure[label]) for label in LABELS))
    yield (
        f"A reply is held for a person when Unsubscribed is as likely as {thresholds.hold}. These thresholds "
        f"are the cheapest for a missed opt-out at {MISSED_OPT_OUT:g}, a wrong one at {WRONG_OPT_OUT:g}, any other "
        f"error at {OTHER_ERROR:g} and a review at {REVIEW:g}."
    )


def _figures(metrics: dict[str, Any]) -> Iterable[tuple[str, object]]:
    yield "macro-F1, rules and learner together", metrics["macro_f1"]
    yield "macro-F1 of the learner, where no rule decides", metrics["learner_macro_f1"]
    yield "opt-outs recognised or held", metrics["opt_outs_kept"]
    yield "share that waits for a person", metrics["reviewed"]
    yield "cost of a reply", metrics["cost"]
    yield "Brier score of the learner (0 to 2)", metrics["brier"]
    yield "calibration error of the learner", metrics["calibration_error"]
    if metrics["hard_accuracy"] is not None:
        yield "share of the hard rows told right", metrics["hard_accuracy"]


def _languages(rows: dict[str, int], scores: dict[str, float]) -> Iterable[tuple[str, int, object]]:
    return ((language, count, scores.get(language, "")) for language, count in rows.items())


def _classes(classes: dict[str, dict[str, float]]) -> Iterable[tuple[object, ...]]:
    return ((label, *(classes[label][name] for name in ("precision", "recall", "f1"))) for label in LABELS)


def _confusion(counts: dict[str, dict[str, int]]) -> Iterable[tuple[object, ...]]:
    return ((label, *(counts[label][given] for given in LABELS)) for label in LABELS)


def _table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(str(cell) for cell in line)} |" for line in lines)
