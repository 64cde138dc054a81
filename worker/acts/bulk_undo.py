"""Takes back an act on many: only what nobody has changed since, and the rest is counted with the reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from models.events import EventKind, Status
from models.session import Writer
from models.tables.mailing import Contact, Recipient
from models.tables.outside import EventType
from models.tables.people import BulkAct
from models.tables.standing import DneEntry, RecipientEvent
from worker.act import Act
from worker.acts.bulk_deed import PART
from worker.acts.do_not_email import covered, withdraw
from worker.acts.undo import newest_act, take_back
from worker.chunks import chunks
from worker.errors import InputError, NotFoundError
from worker.rules import Rules
from worker.writing.book import covering
from worker.writing.locks import lock, lock_team
from worker.writing.outbox import Told, entry_payload, tell
from worker.writing.refold import refold

LATER = "a person has acted on it since"
GONE = "it was taken back already"
LIFTED = "the entry was lifted since"
ACTIVE = "a person made it Active since"


@dataclass(frozen=True, slots=True)
class Undone:
    """How much of an act on many was taken back, and why how much was left alone."""

    done: int
    left: dict[str, int]


def undo_bulk(writer: Writer, rules: Rules, bulk_id: int, act: Act) -> Undone:
    """Take back what an act on many did, as far as no person has acted there since.

    Of an act that still runs also what it does meanwhile is taken back; its next part finds that and stops.

    Args:
        writer: opens a write transaction; this takes several, and after a crash may be started again.
        rules: the team and its settings.
        bulk_id: which act.
        act: who, when and why.

    Raises:
        InputError: the team has no such act, or it was taken back already.
    """
    with writer() as session:
        bulk = _open(session, rules.team_id, bulk_id)
    came: Counter[str | None] = Counter()
    targets = bulk.targets
    while targets:
        for some in chunks(targets, PART):
            with writer() as session:
                lock_team(session, rules.team_id, exclusive=True)
                came.update(_WAYS[bulk.kind](session, bulk, some, act))
        targets = _further(writer, bulk, came.total(), act)
    done = came.pop(None, 0)
    return Undone(done, {why: number for why, number in came.items() if why})


def _further(writer: Writer, bulk: BulkAct, dealt_with: int, act: Act) -> list[str]:
    """Return what the act did meanwhile; nothing: note that it was taken back."""
    with writer() as session:
        bulk = _open(session, bulk.team_id, bulk.id)
        if not (further := bulk.targets[dealt_with:]):
            bulk.undone_at, bulk.undone_by = act.at, act.by
    return further


def _open(session: Session, team_id: int, bulk_id: int) -> BulkAct:
    query = select(BulkAct).where(BulkAct.team_id == team_id, BulkAct.id == bulk_id)
    bulk = session.scalar(query.with_for_update())
    if bulk is None:
        raise NotFoundError(f"no act on many {bulk_id} in this team; look for it among the recent ones")
    if bulk.undone_at is not None:
        raise InputError(f"{bulk.undone_by} took this back already ({bulk.says}), on {bulk.undone_at:%Y-%m-%d}")
    return bulk


Came = Iterable[str | None]
"""For each target why it was left alone; None: it was taken back."""


def _undo_status(session: Session, bulk: BulkAct, targets: Sequence[str], act: Act) -> Came:
    ids = [int(target) for target in targets]
    of_team = Recipient.team_id == bulk.team_id, Recipient.id.in_(ids)
    locked = lock(session, session.scalars(select(Recipient.contact_id).where(*of_team)))
    came = [_undo_one(session, bulk, recipient_id, act) for recipient_id in ids]
    refold(session, locked, act.at)
    return came


def _undo_one(session: Session, bulk: BulkAct, recipient_id: int, act: Act) -> str | None:
    newest = newest_act(session, recipient_id)
    if newest is None or newest.recorded_at < bulk.recorded_at:
        return GONE
    if (newest.kind, newest.actor, newest.recorded_at) != (EventKind.MANUAL, bulk.actor, bulk.recorded_at):
        return LATER
    take_back(session, bulk.team_id, newest, act)
    return None


def _undo_add(session: Session, bulk: BulkAct, targets: Sequence[str], act: Act) -> Came:
    made = DneEntry.recipient_id.is_(None), DneEntry.actor == bulk.actor, DneEntry.recorded_at == bulk.recorded_at
    entries = _entries(session, bulk, targets, *made)
    locked = lock(session, covered(session, bulk.team_id, targets))
    live = [entry for entry in entries if entry.lifted_at is None]
    withdraw(session, bulk.team_id, live, act)
    refold(session, locked, act.at)
    withdrawn, lifted = ({entry.target for entry in each} for each in (live, entries))
    return [None if target in withdrawn else LIFTED if target in lifted else GONE for target in targets]


def _undo_lift(session: Session, bulk: BulkAct, targets: Sequence[str], act: Act) -> Came:
    entries = _entries(session, bulk, targets, DneEntry.lifted_by == bulk.actor, DneEntry.lifted_at == bulk.recorded_at)
    locked = lock(session, covered(session, bulk.team_id, targets))
    active = _made_active(session, bulk, locked)
    again = [entry for entry in entries if entry.target not in active]
    for entry in again:
        entry.lifted_at = entry.lifted_by = entry.lifted_why = None
    session.flush()
    told = [
        Told(EventType.DNE_ADDED, e.target, entry_payload(e.target, e.reason, e.since, e.actor, e.note)) for e in again
    ]
    tell(session, bulk.team_id, told, act.at)
    refold(session, locked, act.at)
    live = {entry.target for entry in again}
    return [None if target in live else ACTIVE if target in active else GONE for target in targets]


def _entries(
    session: Session, bulk: BulkAct, targets: Sequence[str], *which: ColumnElement[bool]
) -> Sequence[DneEntry]:
    """Return the entries of an act on these targets that were not withdrawn."""
    of_act = DneEntry.team_id == bulk.team_id, DneEntry.target.in_(targets), DneEntry.withdrawn_at.is_(None)
    return session.scalars(select(DneEntry).where(*of_act, *which).order_by(DneEntry.id)).all()


def _made_active(session: Session, bulk: BulkAct, contact_ids: Sequence[int]) -> set[str]:
    """Return what covers the contacts that a person made Active since the act: they may be mailed on purpose."""
    query = (
        select(RecipientEvent.key, RecipientEvent.recipient_id, Contact.address)
        .join(Recipient, Recipient.id == RecipientEvent.recipient_id)
        .join(Contact, Contact.id == Recipient.contact_id)
        .where(
            RecipientEvent.kind == EventKind.MANUAL,
            RecipientEvent.status == Status.ACTIVE,
            RecipientEvent.recorded_at > bulk.recorded_at,
        )
    )
    targets: set[str] = set()
    for some in chunks(contact_ids):
        for row in session.execute(query.where(Contact.id.in_(some))):
            newest = newest_act(session, row.recipient_id)
            if newest is not None and newest.key == row.key:
                targets.update(covering(row.address))
    return targets


_WAYS: dict[str, Callable[[Session, BulkAct, Sequence[str], Act], Came]] = {
    "status": _undo_status,
    "dne add": _undo_add,
    "dne lift": _undo_lift,
}
