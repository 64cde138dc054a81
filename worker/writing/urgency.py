"""Where a question for a person stands in the list: in the order of urgency, and of what teaches the most.

Both are single numbers, the least first, written when a question is opened: among hundreds of thousands of open ones
the first are then found by an index.
"""

from __future__ import annotations

from typing import Protocol

from models.events import ONLY_ASKED, ReviewKind

_BEHIND_THOSE_THAT_HOLD = 10.0
_DRAWN, _OTHER = 4.0, 2.0
_URGENCY = {
    ReviewKind.POSSIBLE_OPT_OUT: 0.0,
    ReviewKind.RANDOM_SAMPLE: _DRAWN,
    ReviewKind.NEAR_OPT_OUT: 6.0,
    ReviewKind.LOW_CONFIDENCE: 8.0,
}
"""The order of kinds of questions; those not named stand at `_OTHER`. How sure the classifier was is 1 at most."""


class About(Protocol):
    """What is read of the stored event that a question is about."""

    sampled: bool
    artifact: str | None
    confidence: float | None


def urgency(kind: ReviewKind, about: About | None, *, holds: bool) -> float:
    """Put what holds a sequence first, possible opt-outs before all; then contradictions; then what was drawn.

    A person who has time for some only would otherwise leave out what was drawn and is doubtful, and accuracy would
    look better than it is. Then what is close to a possible opt-out, then the rest. The oldest come first, but of the
    rest what the classifier is least sure of.
    """
    place = 0.0 if holds else _BEHIND_THOSE_THAT_HOLD
    if about is not None and about.sampled and kind in {*ONLY_ASKED, ReviewKind.LOW_CONFIDENCE}:
        return place + _DRAWN
    place += _URGENCY.get(kind, _OTHER)
    return place + (_sure(about) if kind is ReviewKind.LOW_CONFIDENCE else 0.0)


def lesson(about: About | None) -> float:
    """Put what was drawn at random first, then what the classifier was least sure of; then what it did not judge."""
    judged = 2.0 if about is not None and about.artifact is not None else 4.0
    return (0.0 if about is not None and about.sampled else judged) + _sure(about)


def _sure(about: About | None) -> float:
    return 1.0 if about is None or about.confidence is None else about.confidence
