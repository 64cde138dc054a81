"""How varied are labelled replies? Lengths, openings, words and near-duplicates, so that monotony shows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from classifier.features import document, tokens
from classifier.labelled import LabelledReply
from classifier.likeness import near_duplicates


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What a batch of labelled replies looks like."""

    rows: int
    classes: dict[str, int]
    hard: int
    shortest: int
    """Words; of the middle row and of the longest below."""
    middle: int
    longest: int
    words: int
    """Different words."""
    only_once: float
    """Their share that occurs once."""
    openings: float
    """The share of rows that begin with two words no other row begins with."""
    common_opening: str
    """The most frequent first two words, and how often."""
    near_duplicates: tuple[tuple[str, str], ...]
    """The ids of rows that say nearly the same."""


def survey(rows: Sequence[LabelledReply]) -> Survey:
    """Describe a batch of at least one row."""
    documents = [document(row.subject, row.text) for row in rows]
    said = [tokens(each) for each in documents]
    lengths = sorted(map(len, said))
    often = Counter(word for words in said for word in words)
    openings = Counter(" ".join(words[:2]) for words in said)
    opening, count = openings.most_common(1)[0]
    return Survey(
        rows=len(rows),
        classes=dict(sorted(Counter(str(row.label) for row in rows).items())),
        hard=sum(row.hard for row in rows),
        shortest=lengths[0],
        middle=int(median(lengths)),
        longest=lengths[-1],
        words=len(often),
        only_once=round(sum(times == 1 for times in often.values()) / max(1, len(often)), 3),
        openings=round(sum(times == 1 for times in openings.values()) / len(rows), 3),
        common_opening=f"{opening} ({count})",
        near_duplicates=tuple((rows[one].id, rows[other].id) for one, other in near_duplicates(documents)),
    )


def new_words(rows: Sequence[LabelledReply], step: int = 100) -> list[int]:
    """Return how many words each `step` rows bring that none before them had; a falling end means repetition."""
    known: list[set[str]] = [set()]
    for start in range(0, len(rows), step):
        said = (tokens(document(row.subject, row.text)) for row in rows[start : start + step])
        known.append(known[-1].union(*said))
    return [len(after) - len(before) for before, after in pairwise(known)]
