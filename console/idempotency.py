"""Requests that were answered: asking again under the same key gives the same answer and does nothing twice.

After draft-ietf-httpapi-idempotency-key-header: a key belongs to one request; while that is worked on, another one
under the same key is refused; only answers of success are kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, delete, update
from sqlalchemy.orm import Session

from models.session import insert_new
from models.tables.outside import IdempotencyKey

KEPT = timedelta(hours=48)
ABANDONED = timedelta(minutes=5)
"""A request that was begun so long ago and not answered died with its process; it may be begun again."""
IN_WORK = 0
"""Stands in for the status of the answer."""
LONGEST_KEY = 255


class Refused(StrEnum):
    """Why a request may not run under its key."""

    IN_WORK = "in work"
    OTHER_REQUEST = "other request"


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked for, under which key, and when it was begun."""

    team_id: int
    key: str
    request_hash: str
    begun_at: datetime


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered."""

    status_code: int
    body: dict[str, Any]


def begin(session: Session, request: Request) -> Answer | Refused | None:
    """Claim a key for a request; return the answer that is known, why it may not run, or None: it is to be done.

    Args:
        session: inside a write transaction of its own, so that others see the claim at once.
        request: what is asked for.
    """
    session.execute(delete(IdempotencyKey).where(IdempotencyKey.recorded_at < request.begun_at - KEPT))
    row = {
        "team_id": request.team_id,
        "key": request.key,
        "request_hash": request.request_hash,
        "status_code": IN_WORK,
        "answer": {},
        "recorded_at": request.begun_at,
    }
    if insert_new(session, IdempotencyKey, [row]):
        return None
    known = session.get(IdempotencyKey, (request.team_id, request.key))
    if known is None:
        return Refused.IN_WORK  # Given up by another at this moment; the next attempt finds it free.
    if known.request_hash != request.request_hash:
        return Refused.OTHER_REQUEST
    if known.status_code != IN_WORK:
        return Answer(known.status_code, known.answer)
    return None if _take_over(session, known, request) else Refused.IN_WORK


def finish(session: Session, request: Request, answer: Answer) -> None:
    """Keep the answer of a request that this caller began."""
    session.execute(
        update(IdempotencyKey).where(*_own(request)).values(status_code=answer.status_code, answer=answer.body)
    )


def give_up(session: Session, request: Request) -> None:
    """Free the key of a request that failed, so that it may be tried again."""
    session.execute(delete(IdempotencyKey).where(*_own(request)))


def _own(request: Request) -> tuple[ColumnElement[bool], ...]:
    """Name the row as this caller claimed it: whoever took it over meanwhile has another time in it."""
    return (
        IdempotencyKey.team_id == request.team_id,
        IdempotencyKey.key == request.key,
        IdempotencyKey.status_code == IN_WORK,
        IdempotencyKey.recorded_at == request.begun_at,
    )


def _take_over(session: Session, known: IdempotencyKey, request: Request) -> bool:
    if known.recorded_at > request.begun_at - ABANDONED:
        return False
    claimed = session.scalar(
        update(IdempotencyKey)
        .where(
            IdempotencyKey.team_id == request.team_id,
            IdempotencyKey.key == request.key,
            IdempotencyKey.status_code == IN_WORK,
            IdempotencyKey.recorded_at == known.recorded_at,
        )
        .values(recorded_at=request.begun_at)
        .returning(IdempotencyKey.key)
        .execution_options(synchronize_session=False)
    )
    return claimed is not None
