"""Puts targets on the Do Not Email list, however many: in a few statements over whole sets, with flat memory."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    CursorResult,
    Insert,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    case,
    exists,
    func,
    insert,
    literal,
    select,
    text,
    type_coerce,
)
from sqlalchemy.orm import Session

from models.events import DneReason
from models.rows import bulk_insert
from models.tables.mailing import Contact
from models.tables.outside import EventType, OutboxEvent
from models.tables.standing import DneEntry
from worker.act import Act
from worker.chunks import chunks
from worker.secrets.pseudonyms import pseudonyms
from worker.writing.locks import lock, lock_team
from worker.writing.refold import Change, refold
from worker.writing.stored import storable
from worker.writing.suppression import LIVE, all_erased, contacts_below

MOST_CHANGES = 1_000
"""So many changes of recipients are kept to be shown; the others are counted."""

WAITING = Table(
    "dne_waiting",
    MetaData(),
    Column("row", Integer, nullable=False),
    Column("target", String, nullable=False),
    Column("note", Text),
    prefixes=["TEMPORARY"],
)
"""The rows of one import, in their order."""


@dataclass(slots=True)
class Banned:
    """How many entries are new, how many targets were given again or known, and what that changed."""

    new: int = 0
    known: int = 0
    changed: int = 0
    changes: list[Change] = field(default_factory=list)
    """The first of them."""


def ban(
    session: Session, team_id: int, targets: Iterable[tuple[str, str | None]], reason: DneReason, act: Act
) -> Banned:
    """Add an entry for each target; what a person or an import added before and is live stays as it is.

    Contacts that are covered now are folded at once, and the outbox hears of every new entry.

    Args:
        session: inside a write transaction, which holds everything or nothing.
        team_id: whose list.
        targets: each as `dne_target` of `worker.acts.do_not_email` gives it, with its note; the first of a kind counts.
        reason: of the addresses; an entry of a domain says that it is one.
        act: who, when and why; the note of those that have none.
    """
    # A contact that an import of sends brings at this moment would not be seen, and so not be folded.
    lock_team(session, team_id, exclusive=True)
    connection = session.connection()
    WAITING.create(connection)
    named = _known_by_name(session, team_id, targets)
    rows = ((number, target, storable(note or act.why)) for number, (target, note) in enumerate(named))
    bulk_insert(session, WAITING, ("row", "target", "note"), rows)
    given = session.scalar(select(func.count()).select_from(WAITING)) or 0
    fresh = _Fresh(team_id, uuid.uuid4().hex, session.scalar(select(func.max(DneEntry.id))) or 0)
    banned = Banned(new=_count(session, fresh.entries(reason, act)))
    banned.known = given - banned.new
    WAITING.drop(connection)
    session.execute(fresh.told(act, connection.dialect.name))
    for chunk in chunks(lock(session, fresh.covered(session))):
        changes = refold(session, chunk, act.at)
        banned.changed += len(changes)
        banned.changes += changes[: MOST_CHANGES - len(banned.changes)]
    return banned


def _known_by_name(
    session: Session, team_id: int, targets: Iterable[tuple[str, str | None]]
) -> Iterator[tuple[str, str | None]]:
    """Return the targets with the name in place of the address of whoever was erased, which has a live entry."""
    names, banned = pseudonyms(session), all_erased(session, team_id)
    return (
        (name, None) if names and banned and (name := names.of(target)) in banned else (target, note)
        for target, note in targets
    )


@dataclass(frozen=True, slots=True)
class _Fresh:
    """The entries of one act: all have its source, and ids above those that were there before."""

    team_id: int
    source: str
    above: int

    def entries(self, reason: DneReason, act: Act) -> Insert:
        """Return the statement that makes them, in the order of the index that they go into."""
        # One sort by target finds the first of each and gives the order.
        place = func.row_number().over(partition_by=WAITING.c.target, order_by=WAITING.c.row)
        waiting = select(WAITING.c.target, WAITING.c.note, place.label("place")).subquery()
        target = waiting.c.target
        live = exists().where(
            DneEntry.team_id == self.team_id, DneEntry.target == target, DneEntry.recipient_id.is_(None), *LIVE
        )
        columns: dict[str, ColumnElement[Any]] = {
            "team_id": literal(self.team_id),
            "target": target,
            "reason": case((target.contains("@"), _value("reason", reason)), else_=_value("reason", DneReason.DOMAIN)),
            "source": literal(self.source),
            "since": _value("since", act.at),
            "actor": literal(act.by),
            "note": waiting.c.note,
            "recorded_at": _value("recorded_at", act.at),
        }
        query = select(*columns.values()).where(waiting.c.place == 1, ~live).order_by(target)
        return insert(DneEntry).from_select(list(columns), query)

    def told(self, act: Act, dialect: str) -> Insert:
        """Return the statement that tells other systems of each."""
        build = func.json_build_object if dialect == "postgresql" else func.json_object
        payload = build(
            text("'target'"), DneEntry.target,
            text("'reason'"), type_coerce(DneEntry.reason, String),
            text("'since'"), literal(act.at.isoformat(), String),
            text("'by'"), DneEntry.actor,
            text("'note'"), DneEntry.note,
        )  # fmt: skip
        columns: dict[str, ColumnElement[Any]] = {
            "team_id": literal(self.team_id),
            "type": literal(EventType.DNE_ADDED, OutboxEvent.__table__.c.type.type),
            "subject": DneEntry.__table__.c.target,
            "payload": payload,
            "recorded_at": _value("recorded_at", act.at),
        }
        query = select(*columns.values()).where(*self._those()).order_by(DneEntry.id)
        return insert(OutboxEvent).from_select(list(columns), query)

    def covered(self, session: Session) -> set[int]:
        """Return the contacts that any of them covers."""
        addresses = (
            select(Contact.id)
            .join(DneEntry, (DneEntry.team_id == Contact.team_id) & (DneEntry.target == Contact.address))
            .where(*self._those())
        )
        domains = select(DneEntry.target).where(*self._those(), ~DneEntry.target.contains("@"))
        return {
            *session.scalars(addresses),
            *contacts_below(session, self.team_id, set(session.scalars(domains))),
        }

    def _those(self) -> tuple[ColumnElement[bool], ...]:
        return DneEntry.id > self.above, DneEntry.team_id == self.team_id, DneEntry.source == self.source


def _value(column: str, value: Any) -> ColumnElement[Any]:
    return literal(value, DneEntry.__table__.c[column].type)


def _count(session: Session, statement: Insert) -> int:
    result = session.execute(statement, execution_options={"preserve_rowcount": True})
    assert isinstance(result, CursorResult)  # noqa: S101 - tells the type checker what an INSERT gives
    return result.rowcount
