"""A shadow run: what would another artifact have said of the replies that came in lately? It changes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from classifier.context import ReplyJudge
from classifier.verdict import NAMES, Reply, ReplyClass
from worker.chunks import chunks
from worker.learning.recent import Answer
from worker.writing.stored import load_verdict

KINDS = (NAMES[Reply],)
"""Of the rest rules decided, alone or (which automatic answer is an absence) together with the artifact."""
_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class Difference:
    """One reply that would be decided otherwise; `confidence` is that of each decision."""

    answer: Answer
    was: str
    was_confidence: float
    would_be: str
    would_be_confidence: float


def differences(replies: Sequence[Answer], candidate: ReplyJudge) -> Iterator[Difference]:
    """Yield the replies that the candidate decides otherwise than they were decided when they came in."""
    for chunk in chunks(replies, _AT_ONCE):
        asked = [(each.subject, each.text, each.details.get("language")) for each in chunk]
        for answer, after in zip(chunk, candidate.judge_many(asked), strict=True):
            before = load_verdict(answer.kind, answer.details)
            if isinstance(before, Reply) and decision(before) != decision(after):
                yield Difference(answer, decision(before), before.confidence, decision(after), after.confidence)


def decision(reply: Reply) -> str:
    """Return what follows from a reply's verdict, in words."""
    if reply.hold:
        return "held as a possible opt-out"
    if not reply.sure:
        return f"{ReplyClass.ENGAGED}, to be reviewed"
    return str(reply.reply_class)
