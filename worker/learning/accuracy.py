"""How often the machine is right: people look at mail that is drawn at random, whatever the machine thinks of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from math import sqrt
from typing import Any

from sqlalchemy import func, literal, select
from sqlalchemy.orm import Session

from models.tables.learning import Label, LabelSource
from models.tables.standing import RecipientEvent

MONTHS = 12
BEGINNING = datetime.min.replace(tzinfo=UTC)
"""Before anybody said anything."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Mail drawn at random, and what people who looked at it said; it prints as a sentence."""

    drawn: int
    answered: int
    right: int

    def __str__(self) -> str:
        """Say how often the machine was right, and within which bounds that is known (Wilson 1927, 95 %)."""
        if not self.answered:
            return f"none of {self.drawn} mails drawn at random is answered yet"
        low, high = self.bounds()
        share = self.right / self.answered
        return (
            f"right in {self.right} of {self.answered} ({share:.0%}), so in {low:.0%} to {high:.0%}"
            f" of all; {self.answered} of {self.drawn} drawn are answered, whichever artifact judged them"
        )

    def bounds(self) -> tuple[float, float]:
        """Return between which shares the true one lies, 95 times in a hundred."""
        z, n = 1.96, self.answered
        share = self.right / n
        middle = (share + z * z / (2 * n)) / (1 + z * z / n)
        reach = z * sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
        return middle - reach, middle + reach


def random_sample(session: Session, since: datetime | None = None) -> Sample:
    """Return how the machine did on mail drawn at random, as far as people answered the question about it.

    Who sets a status speaks up where the machine is wrong, so that does not count as an answer.
    """
    since = since or BEGINNING
    drawn = select(func.count(RecipientEvent.message_id.distinct())).where(
        RecipientEvent.sampled.is_(True), RecipientEvent.recorded_at >= since
    )
    answered = (
        select(func.count())
        .select_from(Label)
        .where(Label.sampled.is_(True), Label.source == LabelSource.REVIEW, Label.recorded_at >= since)
    )
    right = answered.where(Label.label == Label.machine)
    return Sample(*(session.scalar(query) or 0 for query in (drawn, answered, right)))


@dataclass(frozen=True, slots=True)
class Accuracy:
    """How often the machine was right on mail that was drawn at random and looked at by a person."""

    begin: date
    answered: int
    right: int

    @property
    def share(self) -> float | None:
        """The share; None: nobody has answered."""
        return self.right / self.answered if self.answered else None

    @property
    def bounds(self) -> tuple[float, float] | None:
        """Between these lies the true share, 95 times in a hundred."""
        return Sample(self.answered, self.answered, self.right).bounds() if self.answered else None


def accuracy(session: Session, team_id: int, since: Sequence[datetime]) -> list[Accuracy]:
    """Return how often the machine was right from each of these moments, in their order, up to the next of them."""
    ends = [*since[1:], None]
    counts: list[Any] = []
    for begin, end in zip(since, ends, strict=True):
        span = Label.recorded_at >= begin if end is None else (Label.recorded_at >= begin) & (Label.recorded_at < end)
        counts += [func.count().filter(span), func.count().filter(span, Label.label == Label.machine)]
    query = select(*counts).where(
        Label.team_id == team_id,
        Label.sampled.is_(True),
        # Written out: only so PostgreSQL sees that the index of these rows has them all.
        Label.source == literal(LabelSource.REVIEW, Label.source.type, literal_execute=True),
        Label.recorded_at >= since[0],
    )
    row = session.execute(query).one()
    return [Accuracy(begin.date(), *row[2 * at : 2 * at + 2]) for at, begin in enumerate(since)]


def months(now: datetime) -> list[datetime]:
    """Return the beginnings of the last months (UTC), the oldest first."""
    first = now.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    begins = [first]
    while len(begins) < MONTHS:
        begins.append((begins[-1] - timedelta(days=1)).replace(day=1))
    return begins[::-1]
