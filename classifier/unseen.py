"""What does an artifact say of replies it has not seen? Of what it learnt from: what was said while it was held out.

So two artifacts that learnt from much the same replies can be compared on all of them, and every figure stays honest.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from classifier.artifact import LABELS, Artifact, short_key
from classifier.figures import decided, truth_of
from classifier.heard import Heard, possible
from classifier.meaning import Encode
from classifier.replies import TrainedJudge

Shares = NDArray[np.float64]


def unseen(artifact: Artifact, rows: Sequence[Heard], encode: Encode | None = None) -> Shares:
    """Return the probabilities (n, classes) that nobody gave who had seen the reply.

    Args:
        artifact: which.
        rows: the replies; of those that a rule decides nothing is asked, and each class is as likely as any other.
        encode: the encoder for the second stage; without it the first stage decides alone.

    Returns:
        NaN for a row that the artifact learnt from and that was never held out.
    """
    keys = [short_key(each.document) for each in rows]
    held_out = artifact.held_out
    tested = {key: at for at, key in enumerate(held_out.shown[: len(held_out.shares)].tolist())}
    learnt = set(held_out.shown[len(held_out.shares) :].tolist())
    found = np.full((len(rows), len(LABELS)), np.nan)
    new = []
    for at, (key, each) in enumerate(zip(keys, rows, strict=True)):
        if each.by_rule is not None:
            found[at] = 1 / len(LABELS)
        elif key in tested:
            found[at] = held_out.shares[tested[key]]
        elif key not in learnt:
            new.append(at)
    found[new] = TrainedJudge(artifact, encode).shares([rows[at].document for at in new])
    return possible(rows, found)


def known(shares: Shares) -> NDArray[np.bool_]:
    """Return for each row whether anything honest is known of it."""
    return np.isfinite(shares[:, 0])


def self_confidence(rows: Sequence[Heard], shares: Shares) -> Shares:
    """Return how likely (n,) the class is that each row was given, as rules and learner see it: low is doubtful.

    Ranking by it finds label errors (confident learning, Northcutt, Jiang and Chuang 2021).
    """
    found: Shares = decided(rows, shares)[np.arange(len(rows)), truth_of(rows)]
    return found
