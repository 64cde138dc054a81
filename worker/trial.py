"""May an artifact be promoted? It stands trial on all labelled replies, and on parts that could be outvoted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from classifier.artifact import Artifact, short_key
from classifier.gate import Check, compare
from classifier.heard import Heard
from classifier.labelled import LabelledReply, merge
from classifier.meaning import meanings
from classifier.train import hear_all

FEWEST = 100
"""Replies that it takes, in all and for a part of them: fewer say more about chance than about an artifact."""


def trial(
    corpus: Sequence[LabelledReply], own: Sequence[LabelledReply], now: Artifact, candidate: Artifact, *, floor: float
) -> Iterator[Check]:
    """Yield what the gate asks, and how the candidate did.

    It is asked on everything; on what the artifact in service learnt from, as the corpus labels it, so that many new
    labels that are wrong cannot prove each other right; and on the labels given here, so that the corpus does not
    outvote them.

    Args:
        corpus: the shipped one.
        own: the labels given here; of a text in both they stand.
        now: the artifact in service.
        candidate: the one that is to take its place.
        floor: least share of the opt-outs that must be recognised or held.
    """
    everything, known, given = hear_all(merge(own, corpus)), _learnt_by(now, merge(corpus, own)), hear_all(own)
    asked = compare(everything, "replies in all", now, candidate, floor=floor, encode=meanings)
    if len(everything) < FEWEST or not asked:
        yield Check(
            what="replies to measure by", on="what both can be asked about", before=FEWEST, after=len(everything),
            limit=FEWEST, passed=False,
        )  # fmt: skip
    yield from asked
    for name, rows in ((f"replies that {now.version} learnt from", known), ("labels given here", given)):
        if len(rows) >= FEWEST:
            # No floor here: the opt-outs that rules recognise are missing in one part, and the other may have few.
            yield from compare(rows, name, now, candidate, encode=meanings)


def _learnt_by(artifact: Artifact, rows: Sequence[LabelledReply]) -> list[Heard]:
    shown = set(artifact.held_out.shown.tolist())
    return [each for each in hear_all(rows) if short_key(each.document) in shown]
