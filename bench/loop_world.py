"""The history that bench/loop.py simulates: rows of the corpus as they arrive, some labelled wrongly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from classifier.heard import Heard
from classifier.likeness import groups, near_duplicates
from classifier.verdict import ReplyClass

WRONG = 0.05
"""The share of rows that carry a wrong label."""
OLD_STYLE = {
    *("en", "en-letters", "en-office", "en-more", "en-long", "de", "de-more", "es", "es-more", "fr", "fr-more"),
    *("pt", "pt-lar", "pt-rua"),
}
NEW_STYLE = {"en-talk", "en-terse", "en-work", "de-house", "es-casa", "fr-house", "pt-house"}
"""What is in neither is spread over both halves: batches of one class, and languages of one writer."""


@dataclass(frozen=True)
class World:
    """The rows in the order of their arrival, their given labels in `row.label`, and what is kept apart."""

    arrived: list[Heard]
    truth: list[ReplyClass]
    turn: int
    """The place of the first row of the new style."""
    apart: list[Heard]


def world(seed: int, everything: Sequence[tuple[str, Heard]]) -> World:
    random = np.random.default_rng(seed)
    rows = [each for _, each in everything]
    parts = np.array(groups(len(rows), near_duplicates([each.document for each in rows])))
    apart = np.isin(parts, random.permutation(np.unique(parts))[: len(rows) // 5])
    late = np.array([0 if b in OLD_STYLE else 1 if b in NEW_STYLE else random.integers(2) for b, _ in everything])
    order = np.concatenate([random.permutation(np.flatnonzero(~apart & (late == half))) for half in (0, 1)])
    arrived = [rows[at] for at in order]
    truth = [each.row.label for each in arrived]
    for at in random.permutation(len(arrived))[: int(WRONG * len(arrived))].tolist():
        others = [label for label in ReplyClass if label is not truth[at]]
        arrived[at] = relabelled(arrived[at], others[random.integers(len(others))])
    turn = int((~apart & (late == 0)).sum())
    return World(arrived, truth, turn, [rows[at] for at in np.flatnonzero(apart)])


def relabelled(heard: Heard, label: ReplyClass) -> Heard:
    return replace(heard, row=replace(heard.row, label=label))
