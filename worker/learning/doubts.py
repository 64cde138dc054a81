"""Which labels are likely wrong: those that rules and classifier would hardly have given, the most doubtful first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from classifier.artifact import LABELS, Artifact
from classifier.heard import Heard, verdict_of
from classifier.labelled import LabelledReply
from classifier.meaning import encoder_here
from classifier.replies import TrainedJudge
from classifier.verdict import Evidence, ReplyClass


@dataclass(frozen=True, slots=True)
class Doubt:
    """A label, and what rules and classifier say of its text."""

    row: LabelledReply
    instead: ReplyClass
    """What they would call it; it may be the same, where even that is hardly likely."""
    confidence: float
    """How likely they find the class that it has."""
    probabilities: dict[str, float]
    by_rule: bool
    """A rule decides it, so that each probability is one or nought."""


@dataclass(frozen=True, slots=True)
class Doubts:
    """The most doubtful labels, and of how many nothing honest can be said."""

    first: list[Doubt]
    left_out: int
    """The artifact learnt from these and was never tested on them."""


def doubt(artifact: Artifact, rows: Sequence[LabelledReply], most: int) -> Doubts:
    """Return the most doubtful of some rows; of what the artifact learnt from, by what it said while it was held out.

    It takes seconds for some thousand rows.
    """
    # These load the training library: only who asks for doubts waits for that.
    from classifier.figures import decided  # noqa: PLC0415
    from classifier.train import hear_all  # noqa: PLC0415
    from classifier.unseen import known, self_confidence, unseen  # noqa: PLC0415

    heard = hear_all(rows)
    shares = unseen(artifact, heard, encoder_here())
    told = known(shares)
    kept = [each for each, honest in zip(heard, told.tolist(), strict=True) if honest]
    found = decided(kept, shares[told])
    confidence = self_confidence(kept, found).tolist()
    order = sorted(range(len(kept)), key=lambda at: (confidence[at], kept[at].row.id))[:most]
    first = [_doubt(kept[at], found[at].tolist(), confidence[at]) for at in order]
    return Doubts(first, len(heard) - len(kept))


def _doubt(heard: Heard, shares: Sequence[float], confidence: float) -> Doubt:
    probabilities = dict(zip(LABELS, shares, strict=True))
    best = max(probabilities, key=lambda label: probabilities[label])
    return Doubt(heard.row, ReplyClass(best), confidence, probabilities, heard.by_rule is not None)


def reasons(artifact: Artifact, rows: Iterable[LabelledReply]) -> Iterator[tuple[Evidence, ...]]:
    """Yield for each row what decides it: the rule that knows it, or what speaks to the classifier most."""
    judge = TrainedJudge(artifact, encoder_here())
    for row in rows:
        by_rule = verdict_of(row)
        yield (by_rule or judge.judge(row.subject, row.text, row.language)).evidence
