"""Alarms: opens one for everything that is wrong, closes those that are over, and tells other systems of both."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import CursorResult, Engine, select, update
from sqlalchemy.orm import Session

from models.session import insert_new, reading, transaction
from models.tables.outside import Alarm, AlarmKind, EventType
from worker.watch.sign import Limits, Sign
from worker.watch.signs import signs
from worker.writing.outbox import Told, tell

Key = tuple[int, AlarmKind, str]


@dataclass(frozen=True, slots=True)
class Looked:
    """How many alarms a look opened and closed."""

    opened: int = 0
    closed: int = 0


def look(engine: Engine, limits: Limits, now: datetime) -> Looked:
    """Look what is wrong now and bring the alarms of every team in line with it.

    Reading takes no lock; only where something differs is anything written.
    """
    with reading(engine) as session:
        found = list(signs(session, limits, now))
        stands = {_key(alarm): alarm.says for alarm in _open(session)}
    if stands == {_key(sign): sign.says for sign in found}:
        return Looked()
    with transaction(engine) as session:
        return note(session, found, now)


def note(session: Session, found: Collection[Sign], now: datetime) -> Looked:
    """Open, word anew and close alarms so that just what was found stands; of two at it each change is made once."""
    wrong = {_key(sign): sign for sign in found}
    stands = {_key(alarm): alarm for alarm in _open(session)}
    opened = sum(_opens(session, sign, now) for key, sign in sorted(wrong.items()) if key not in stands)
    closed = sum(_closes(session, alarm, now) for key, alarm in sorted(stands.items()) if key not in wrong)
    for key in wrong.keys() & stands.keys():
        stands[key].says = wrong[key].says
    return Looked(opened, closed)


def list_alarms(session: Session, team_id: int, *, also_closed: bool, limit: int) -> list[dict[str, Any]]:
    """Return the team's alarms, the newest first; those that are over only where asked for."""
    query = select(Alarm).where(Alarm.team_id == team_id).order_by(Alarm.opened_at.desc(), Alarm.id.desc())
    if not also_closed:
        query = query.where(Alarm.closed_at.is_(None))
    names = ("id", "subject", "says", "opened_at", "closed_at")
    return [
        {"kind": alarm.kind.value} | {name: getattr(alarm, name) for name in names}
        for alarm in session.scalars(query.limit(limit))
    ]


def _open(session: Session) -> Sequence[Alarm]:
    return session.scalars(select(Alarm).where(Alarm.closed_at.is_(None))).all()


def _key(one: Alarm | Sign) -> Key:
    return one.team_id, one.kind, one.subject


def _opens(session: Session, sign: Sign, now: datetime) -> bool:
    row = {"team_id": sign.team_id, "kind": sign.kind, "subject": sign.subject, "says": sign.says, "opened_at": now}
    if not insert_new(session, Alarm, [row | {"closed_at": None}]):
        return False  # Another process was first, and told it.
    _tell(session, sign, EventType.ALARM_OPENED, now, opened_at=now, closed_at=None)
    return True


def _closes(session: Session, alarm: Alarm, now: datetime) -> bool:
    over = update(Alarm).where(Alarm.id == alarm.id, Alarm.closed_at.is_(None)).values(closed_at=now)
    result = session.execute(over.execution_options(synchronize_session=False))
    assert isinstance(result, CursorResult)  # noqa: S101 - tells the type checker what an UPDATE gives
    if not result.rowcount:
        return False
    _tell(session, alarm, EventType.ALARM_CLOSED, now, opened_at=alarm.opened_at, closed_at=now)
    return True


def _tell(session: Session, one: Alarm | Sign, kind: EventType, now: datetime, **times: datetime | None) -> None:
    payload: dict[str, Any] = {"kind": one.kind.value, "subject": one.subject, "says": one.says}
    payload |= {name: at.isoformat() if at else None for name, at in times.items()}
    tell(session, one.team_id, [Told(kind, one.subject, payload)], now)
