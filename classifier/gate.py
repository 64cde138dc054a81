"""The gate: may an artifact take the place of another? Both are measured on the same replies, unseen by either."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import compress

import numpy as np
from numpy.typing import NDArray

from classifier import thresholds
from classifier.artifact import LABELS, Artifact, Thresholds
from classifier.figures import decided, truth_of
from classifier.heard import Heard
from classifier.meaning import Encode
from classifier.unseen import known, unseen
from classifier.verdict import ReplyClass

FEWEST = 100
"""Replies below which a comparison says more about chance than about an artifact."""
FEWEST_OPT_OUTS = 20
"""Opt-outs below which their share says nothing."""
_NOISE = 1.64
"""Standard errors of a difference that chance alone exceeds once in twenty."""
_DRAWS = 200
"""Samples from which it is learnt how far a figure differs by chance."""
_UNSUBSCRIBED = LABELS.index(ReplyClass.UNSUBSCRIBED)

Matrix = NDArray[np.float64]
Indices = NDArray[np.intp]


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing the gate asks for, and how it came out; it prints as a sentence."""

    what: str
    on: str
    """Which replies, and how many."""
    before: float
    after: float
    limit: float
    """`after` must not lie beyond this."""
    passed: bool

    def __str__(self) -> str:
        """Say what was found."""
        against = f"now {self.before:.3f}, limit {self.limit:.3f}"
        return f"{'passes' if self.passed else 'FAILS '}  {self.what} {self.after:.3f} ({against}) on {self.on}"


@dataclass(frozen=True, slots=True)
class Opinion:
    """What one artifact says of the replies: probabilities (n, classes), and what is sure and held by them."""

    shares: Matrix
    thresholds: Thresholds


def compare(
    rows: Sequence[Heard],
    on: str,
    now: Artifact,
    candidate: Artifact,
    *,
    floor: float | None = None,
    encode: Encode | None = None,
) -> list[Check]:
    """Hold a candidate against the artifact in service.

    Macro-F1 may not be lower and the cost of a reply not higher than now, by more than is seen by chance one time in
    twenty; the share of opt-outs that are recognised or held must reach the floor, or within the same noise what it is
    now, where there are enough.

    Args:
        rows: replies whose class is known; those are left out that either learnt from without a test, and of fewer than
            `FEWEST` nothing is said.
        on: what the replies are called.
        now: the artifact in service.
        candidate: the one that is to take its place.
        floor: least share of the opt-outs; None: not asked.
        encode: the encoder for the second stage.
    """
    old, new = (unseen(artifact, rows, encode) for artifact in (now, candidate))
    told = known(old) & known(new)
    kept = list(compress(rows, told))
    if len(kept) < FEWEST:
        return []
    before, after = (
        Opinion(decided(kept, shares[told]), artifact.thresholds) for shares, artifact in ((old, now), (new, candidate))
    )
    return list(_checks(truth_of(kept), before, after, f"{len(kept)} {on}", floor))


def _checks(truth: Indices, before: Opinion, after: Opinion, on: str, floor: float | None) -> Iterator[Check]:
    scores, noise = _macro_f1(truth, before, after)
    limit = scores[0] - _NOISE * noise
    yield Check(what="macro-F1", on=on, before=scores[0], after=scores[1], limit=limit, passed=scores[1] >= limit)
    asked = truth == _UNSUBSCRIBED
    if floor is not None and asked.sum() >= FEWEST_OPT_OUTS:
        old_kept, kept = (
            thresholds.kept(each.shares, each.thresholds)[asked].astype(float) for each in (before, after)
        )
        old_share, share = float(old_kept.mean()), float(kept.mean())
        # Where what serves does not reach the floor either, to refuse what does no worse would help nobody.
        limit = min(floor, old_share - _NOISE * float((kept - old_kept).std() / np.sqrt(asked.sum())))
        opt_outs = f"the {int(asked.sum())} opt-outs of {on}"
        yield Check(
            what="opt-outs recognised or held", on=opt_outs, before=old_share, after=share, limit=limit,
            passed=share >= limit,
        )  # fmt: skip
    old, new = (thresholds.costs(each.shares, truth, each.thresholds) for each in (before, after))
    limit = float(old.mean() + _NOISE * (new - old).std() / np.sqrt(len(truth)))
    yield Check(
        what="cost of a reply", on=on, before=float(old.mean()), after=float(new.mean()), limit=limit,
        passed=float(new.mean()) <= limit,
    )  # fmt: skip


def _macro_f1(truth: Indices, before: Opinion, after: Opinion) -> tuple[tuple[float, float], float]:
    """Return both macro-F1s and the standard error of their difference, from samples of the same replies."""
    random = np.random.default_rng(0)
    said = [thresholds.name(each.shares) for each in (before, after)]
    even = np.ones(len(truth))
    old, new = (_f1(truth, each, even) for each in said)
    differences = []
    for _ in range(_DRAWS):
        draw = random.multinomial(len(truth), even / len(truth)).astype(np.float64)
        differences.append(_f1(truth, said[1], draw) - _f1(truth, said[0], draw))
    return (old, new), float(np.std(differences))


def _f1(truth: Indices, said: Indices, weights: Matrix) -> float:
    """Return the mean F1 of the classes that occur, each reply counted as often as its weight says."""
    size = len(LABELS)
    counts = np.bincount(truth * size + said, weights=weights, minlength=size * size).reshape(size, size)
    present = counts.sum(axis=1) > 0
    both = counts.sum(axis=0) + counts.sum(axis=1)
    return float((2 * np.diag(counts)[present] / both[present]).mean())
