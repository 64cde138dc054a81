"""The answers that came in lately, as they were judged; what they are like, and whether that has changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from classifier.drift import FEWEST, Drift, TooFewError, drift
from classifier.features import document, has_words
from classifier.verdict import NAMES, Absence, AutoResponse, OptOut, Reply
from models.tables.mail import VERDICT_OF_MESSAGE, InboundMessage, VerdictRow
from worker.chunks import chunks

ANSWERS = tuple(NAMES[kind] for kind in (Reply, OptOut, Absence, AutoResponse))
MOST = 20_000
"""Answers that are looked back at; more tell no more."""
REFERENCE = 2_000
"""Answers that newer ones are compared with."""
BLOCK = 500
"""Answers of which it is asked at once whether they have changed."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One recorded answer; `details` are those of its verdict."""

    arrived_at: datetime
    sender: str | None
    subject: str
    kind: str
    details: dict[str, Any]

    @property
    def text(self) -> str:
        """The sender's own words."""
        return str(self.details.get("visible_text") or "")


def answers(session: Session, since: datetime, kinds: Sequence[str] = ANSWERS, most: int = MOST) -> list[Answer]:
    """Return the newest answers since a moment, of all teams, the oldest of them first."""
    query = (
        select(
            InboundMessage.arrived_at,
            InboundMessage.from_address,
            InboundMessage.subject,
            VerdictRow.kind,
            VerdictRow.details,
        )
        .join(VerdictRow, VERDICT_OF_MESSAGE)
        .where(VerdictRow.kind.in_(kinds), InboundMessage.arrived_at >= since)
        .order_by(InboundMessage.arrived_at.desc(), InboundMessage.id.desc())
        .limit(most)
    )
    return [Answer(*row) for row in session.execute(query)][::-1]


@dataclass(frozen=True, slots=True)
class Block:
    """Some answers in a row, and how well they can be told from the reference."""

    first: datetime
    last: datetime
    drift: Drift


def changes(found: Sequence[Answer], trained_at: datetime | None = None) -> Iterator[Block]:
    """Yield for every block of answers whether it still looks like those before.

    The reference are the answers from before the artifact in service was trained, at most the newest `REFERENCE` of
    them; where these are too few, the older half of all.

    Raises:
        TooFewError: there is too little mail to compare.
    """
    spoken = [each for each in found if has_words(document(each.subject, each.text))]
    before = sum(trained_at is not None and each.arrived_at < trained_at for each in spoken)
    if before < FEWEST or len(spoken) - before < FEWEST:
        before = min(REFERENCE, len(spoken) // 2)
    reference = _documents(spoken[max(0, before - REFERENCE) : before])
    for block in _blocks(spoken[before:]):
        yield Block(block[0].arrived_at, block[-1].arrived_at, drift(reference, _documents(block)))


def _blocks(later: Sequence[Answer]) -> list[list[Answer]]:
    """Return blocks of `BLOCK` answers; what is left over joins the last one."""
    blocks = [list(chunk) for chunk in chunks(later, BLOCK)]
    if not blocks:
        raise TooFewError(f"no answer to compare; {2 * FEWEST} are needed")
    if len(blocks) > 1 and len(blocks[-1]) < BLOCK:
        blocks[-2:] = [blocks[-2] + blocks[-1]]
    return blocks


def _documents(some: Sequence[Answer]) -> list[str]:
    return [document(each.subject, each.text) for each in some]
