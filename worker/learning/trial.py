"""May an artifact be promoted? It stands trial on all labelled replies, and on parts that could be outvoted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from classifier.artifact import Artifact, short_key
from classifier.gate import FEWEST, Check, compare
from classifier.heard import Heard
from classifier.labelled import LabelledReply
from classifier.meaning import encoder_here
from classifier.train import hear_all


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
    given, shipped = hear_all(own), hear_all(corpus)
    asked = compare(_first(given, shipped), "replies in all", now, candidate, floor=floor, encode=encoder_here())
    if not asked:
        yield Check(
            what="replies to measure by", on="the corpus and the labels given here", before=FEWEST,
            after=len(given) + len(shipped), limit=FEWEST, passed=False,
        )  # fmt: skip
    yield from asked
    # No floor below: the opt-outs that rules recognise are missing in one part, and the other may have few.
    shown = set(now.held_out.shown.tolist())
    known = [each for each in _first(shipped, given) if short_key(each.document) in shown]
    yield from compare(known, f"replies that {now.version} learnt from", now, candidate, encode=encoder_here())
    yield from compare(given, "labels given here", now, candidate, encode=encoder_here())


def _first(some: Sequence[Heard], others: Sequence[Heard]) -> list[Heard]:
    """Return the rows of both; of a text in both only the first's."""
    texts = {each.document for each in some}
    return [*some, *(each for each in others if each.document not in texts)]
