"""What another artifact would have decided: only what follows from a verdict counts, not how sure it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from classifier.verdict import NAMES, Reply, ReplyClass
from worker.learning.recent import Answer
from worker.learning.shadow import decision, differences
from worker.writing.stored import dump

SURE = Reply(reply_class=ReplyClass.INTERESTED, confidence=0.9, sure=True, visible_text="Tell me more")
UNSURE = replace(SURE, confidence=0.4, sure=False)
HELD = replace(UNSURE, hold=True)


class Candidate:
    """Says the same of every reply, and remembers what it was asked."""

    def __init__(self, verdict: Reply) -> None:
        self.verdict = verdict
        self.asked: list[tuple[str, str, str | None]] = []

    def judge(self, *asked: str | None) -> Reply:
        raise NotImplementedError

    def judge_many(self, replies: Sequence[tuple[str, str, str | None]]) -> list[Reply]:
        self.asked += replies
        return [self.verdict for _ in replies]


def recorded(verdict: Reply) -> Answer:
    return Answer(datetime(2026, 5, 4, tzinfo=UTC), "anna@client.example", "Re: Offer", NAMES[Reply], dump(verdict))


@pytest.mark.parametrize(
    ("verdict", "said"),
    [
        (SURE, "Interested"),
        (UNSURE, "Engaged, to be reviewed"),
        (HELD, "held as a possible opt-out"),
        (replace(HELD, sure=True), "held as a possible opt-out"),
    ],
)
def test_a_decision_says_what_follows(verdict: Reply, said: str) -> None:
    assert decision(verdict) == said


def test_only_what_would_be_decided_otherwise_is_told() -> None:
    candidate = Candidate(replace(UNSURE, reply_class=ReplyClass.NOT_INTERESTED, confidence=0.3))
    (only,) = differences([recorded(UNSURE), recorded(HELD)], candidate)
    assert (only.was, only.was_confidence) == ("held as a possible opt-out", 0.4)
    assert (only.would_be, only.would_be_confidence) == ("Engaged, to be reviewed", 0.3)
    assert candidate.asked == [("Re: Offer", "Tell me more", None)] * 2
