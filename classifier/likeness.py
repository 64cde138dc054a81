"""Which documents say nearly the same? None may be learnt from and tested with at once."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from math import ceil

import numpy as np
from numpy.typing import NDArray

from classifier.features import tokens

ALIKE = 0.7
"""Share of their distinct words that two documents have in common when they say nearly the same."""

_MARKS = frozenset("?!")
_BLOCK = 1_000
"""Meanings that are compared with all others at once."""


def groups(count: int, *pairs: Iterable[tuple[int, int]]) -> list[int]:
    """Return the group of each of `count` documents, named by its first member; pairs that are alike share one.

    Likeness is handed on: what is like a member belongs to the group.
    """
    first = list(range(count))

    def root(at: int) -> int:
        while first[at] != at:
            first[at] = at = first[first[at]]
        return at

    for one, other in chain.from_iterable(pairs):
        low, high = sorted((root(one), root(other)))
        first[high] = low
    return [root(at) for at in range(count)]


def same_words(documents: Iterable[str]) -> Iterator[tuple[int, int]]:
    """Yield the places (earlier, later) of documents of the same distinct words, in time that grows with them alone."""
    known: dict[str, int] = {}
    for at, document in enumerate(documents):
        key = " ".join(sorted(_bag(document)))
        if known.setdefault(key, at) != at:
            yield known[key], at


def near_duplicates(documents: Sequence[str], alike: float = ALIKE) -> Iterator[tuple[int, int]]:
    """Yield the places (earlier, later) of documents whose distinct words overlap by `alike` (Jaccard) or more.

    Only documents that share one of their rarest words are compared: two sets that overlap that much always do
    (prefix filtering of set-similarity joins). Documents without any words are like each other.
    """
    bags = [_bag(each) for each in documents]
    often = Counter(word for bag in bags for word in bag)
    sharing: dict[str, list[int]] = defaultdict(list)
    for at, bag in enumerate(bags):
        rarest = sorted(bag, key=lambda word: (often[word], word))[: len(bag) - ceil(alike * len(bag)) + 1]
        for earlier in sorted({earlier for word in rarest for earlier in sharing[word]}):
            both = len(bag & bags[earlier])
            if both >= alike * (len(bag) + len(bags[earlier]) - both):
                yield earlier, at
        for word in rarest:
            sharing[word].append(at)


def translations(meant: NDArray[np.float32], alike: float = 0.85) -> Iterator[tuple[int, int]]:
    """Yield the places (earlier, later) of texts that mean the same, in whatever language.

    Args:
        meant: (n, size), meanings of length one.
        alike: the least cosine between two of them.
    """
    for start in range(0, len(meant), _BLOCK):
        close = meant[start : start + _BLOCK] @ meant.T >= alike
        for one, other in np.argwhere(close):
            if start + one < other:
                yield int(start + one), int(other)


def _bag(document: str) -> set[str]:
    return set(tokens(document)) - _MARKS or {document}
