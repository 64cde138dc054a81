"""Which documents are held out while others are learnt from? Always the same, so that artifacts can be compared."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold

from classifier.features import key

_ENOUGH = 30
"""Groups of every class with which chance alone spreads the class over all folds."""

Indices = NDArray[np.intp]


def folds(
    documents: Sequence[str], truth: Indices, groups: Indices, count: int, seed: int
) -> Iterator[tuple[Indices, Indices]]:
    """Yield what is seen and what is held out in each fold; a group stays on one side.

    Where every class has enough groups, the fold of a group hangs on its texts alone: learnt from again together with
    others, it is held out with the same ones.

    Args:
        documents: n normalised documents.
        truth: the class of each, as a number.
        groups: the group of each, as a number.
        count: of folds.
        seed: of the split where there are few.
    """
    if _fewest_groups(truth, groups) < _ENOUGH:
        few = StratifiedGroupKFold(count, shuffle=True, random_state=seed)
        yield from few.split(np.arange(len(documents)), truth, groups)
        return
    fold = buckets(documents, groups, count)
    for number in range(count):
        yield np.flatnonzero(fold != number), np.flatnonzero(fold == number)


def buckets(documents: Sequence[str], groups: Indices, count: int) -> Indices:
    """Return for each document one of so many numbers, by its texts alone: that of the group's smallest key."""
    smallest: dict[int, str] = {}
    for group, name in zip(groups.tolist(), map(key, documents), strict=True):
        smallest[group] = min(name, smallest.get(group, name))
    return np.array([int(smallest[group], 16) % count for group in groups.tolist()], dtype=np.intp)


def _fewest_groups(truth: Indices, groups: Indices) -> int:
    """Return how many different groups the class has that has fewest."""
    pairs = np.unique(np.stack((truth, groups)), axis=1)
    return int(np.bincount(pairs[0]).min())
