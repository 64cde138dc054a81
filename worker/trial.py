"""May an artifact be promoted? It stands trial on all labelled replies, and on parts that could be outvoted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from classifier.artifact import Artifact, short_key
from classifier.gate import Check, compare
from classifier.heard import Heard
from classifier.labelled import LabelledReply
from classifier.meaning import meanings
from classifier.train import hear_all
from worker.labels import together

FEWEST = 100
"""Replies from which on a part of them counts by itself: fewer say more about chance than about an artifact."""


def trial(
    corpus: Sequence[LabelledReply], own: Sequence[LabelledReply], now: Artifact, candidate: Artifact, *, floor: float
) -> Iterator[Check]:
    """Yield what the gate asks, and how the candidate did.

    It is asked on everything; on what the artifact in service learnt from, so that many new labels that are wrong
    cannot prove each other right; and on the labels given here, so that the corpus does not outvote them.

    Args:
        corpus: the shipped one, or nothing where it is of no interest.
        own: the labels given here.
        now: the artifact in service.
        candidate: the one that is to take its place.
        floor: least share of the opt-outs that must be recognised or held.
    """
    everything = hear_all(together(corpus, own))
    yield from compare(everything, "replies in all", now, candidate, floor=floor, encode=meanings)
    parts = {
        f"replies that {now.version} learnt from": _learnt_by(now, everything),
        "labels given here": hear_all(own),
    }
    for name, rows in parts.items():
        if FEWEST <= len(rows) < len(everything):
            # No floor here: the opt-outs that rules recognise are missing in one part, and the other may have few.
            yield from compare(rows, name, now, candidate, encode=meanings)


def _learnt_by(artifact: Artifact, rows: Sequence[Heard]) -> list[Heard]:
    shown = set(artifact.held_out.shown.tolist())
    return [each for each in rows if short_key(each.document) in shown]
