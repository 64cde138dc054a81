"""One person with several addresses: a person says so, or takes it back."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from classifier.decode import normal_address
from models.events import OF_THE_PERSON
from models.session import insert_new
from models.tables.mailing import Contact, Recipient, SecondAddress
from models.tables.outside import EventType
from models.tables.standing import DneEntry, RecipientEvent
from worker.act import Act
from worker.acts.do_not_email import dne_target, withdraw
from worker.errors import InputError, NotFoundError
from worker.rules import Rules
from worker.tie import rematch
from worker.writing.locks import lock, lock_team
from worker.writing.outbox import Told, entry_payload, tell
from worker.writing.refold import Change, refold
from worker.writing.stored import storable
from worker.writing.suppression import LIVE, erased


def merge(session: Session, rules: Rules, address: str, second: str, act: Act) -> list[Change]:
    """Note that `second` is another address of the same person, and let what bans one ban the other.

    Mail from the second address counts for the contact from now on. Where the second address is a contact itself, its
    recipients stay what they are.

    Args:
        session: inside a write transaction.
        rules: the team and its settings.
        address: of a contact of the team.
        second: the other address.
        act: who, when and why.

    Raises:
        InputError: no such contact, the same address twice, or it is said already, of this or another contact.
    """
    lock_team(session, rules.team_id, exclusive=True)
    pair = _pair(session, rules.team_id, address, second)
    known = _refuse_taken(session, rules.team_id, pair)
    locked = lock(session, pair.contacts)
    if known is None:
        known = SecondAddress(contact_id=pair.contact.id, address=pair.second)
        session.add(known)
    known.actor, known.why, known.recorded_at = act.by, storable(act.why), act.at
    session.flush()
    _extend(session, pair, act)
    changes = refold(session, locked, act.at)
    return changes + rematch(session, rules, {pair.second}, act.at)


def split(session: Session, rules: Rules, address: str, second: str, act: Act) -> list[Change]:
    """Take back that `second` is another address of the same person, with the bans that only this made.

    Raises:
        InputError: nobody said so, or an opt-out would no longer count for one of the two and no reason is given.
    """
    lock_team(session, rules.team_id, exclusive=True)
    pair = _pair(session, rules.team_id, address, second)
    said = session.get(SecondAddress, (pair.contact.id, pair.second))
    if said is None or said.actor is None or said.recorded_at is None:
        why = "a reply to our own mail came from it" if said else "nobody said so"
        raise InputError(f"{pair.second} cannot be split from {pair.contact.address}: {why}")
    locked = lock(session, pair.contacts)
    made = [*_copies(session, pair, said.recorded_at), *_followed(session, pair, locked)]
    withdraw(session, rules.team_id, made, act)
    session.delete(said)
    session.flush()
    changes = refold(session, locked, act.at)
    return changes + rematch(session, rules, {pair.second}, act.at)


class _Pair(NamedTuple):
    """A contact, another address, and the contacts that these two are."""

    contact: Contact
    second: str
    contacts: tuple[int, ...]


def _pair(session: Session, team_id: int, address: str, second: str) -> _Pair:
    first, second = normal_address(address), dne_target(second)
    if "@" not in second:
        raise InputError(f"{second!r} is no address")
    if first == second:
        raise InputError(f"{first} and {second} are the same address")
    if gone := erased(session, team_id, (first, second)):
        raise InputError(f"{next(iter(gone))} was erased on request; only that it may not be mailed is kept")
    query = select(Contact).where(Contact.team_id == team_id, Contact.address.in_((first, second)))
    contacts = {contact.address: contact for contact in session.scalars(query)}
    if first not in contacts:
        raise NotFoundError(f"{first} is no contact of this team; inbox-worker recipients list --all shows them")
    return _Pair(contacts[first], second, tuple(contact.id for contact in contacts.values()))


def _refuse_taken(session: Session, team_id: int, pair: _Pair) -> SecondAddress | None:
    """Return what is known of the pair from a reply; refuse what a person said, or what contradicts it."""
    query = (
        select(SecondAddress, Contact.address)
        .join(Contact, Contact.id == SecondAddress.contact_id)
        .where(Contact.team_id == team_id, SecondAddress.address.in_((pair.second, pair.contact.address)))
    )
    known: SecondAddress | None = None
    for row, owner in session.execute(query):
        if row.contact_id != pair.contact.id:
            if row.actor is None:
                # Somebody answered for two people; that says nothing against what a person knows.
                continue
            raise InputError(f"{row.address} is another address of {owner} already; inbox-worker contacts split first")
        if row.actor is not None:
            raise InputError(f"{row.address} is known as another address of {owner} already")
        known = row
    return known


def _followed(session: Session, pair: _Pair, contacts: Collection[int]) -> Sequence[DneEntry]:
    """Return the entries that ban the second address for what others of the person said, or these for what it said."""
    query = (
        select(DneEntry)
        .join(Recipient, Recipient.id == DneEntry.recipient_id)
        .join(Contact, Contact.id == Recipient.contact_id)
        .join(
            RecipientEvent,
            and_(RecipientEvent.recipient_id == Recipient.id, RecipientEvent.key == DneEntry.source),
        )
        .where(
            Contact.id.in_(contacts),
            DneEntry.target != Contact.address,
            or_(DneEntry.target == pair.second, Contact.address == pair.second),
            or_(RecipientEvent.other_address.is_(None), RecipientEvent.other_address != DneEntry.target),
        )
    )
    return session.scalars(query).all()


def _extend(session: Session, pair: _Pair, act: Act) -> None:
    """Give each of the two addresses an entry of its own for what people said of the other.

    What events say of the other follows by itself, now and later (`worker.writing.entries`).
    """
    both, team_id = (pair.contact.address, pair.second), pair.contact.team_id
    entries = session.scalars(
        select(DneEntry)
        .where(DneEntry.team_id == team_id, DneEntry.target.in_(both), DneEntry.recipient_id.is_(None), *LIVE)
        .where(DneEntry.reason.in_(OF_THE_PERSON))
        .order_by(DneEntry.id)
    ).all()
    rows = [_copy(entry, other, act) for entry in entries for other in both if other != entry.target]
    insert_new(session, DneEntry, rows)
    told = [
        Told(
            EventType.DNE_ADDED,
            row["target"],
            entry_payload(row["target"], row["reason"], row["since"], row["actor"], row["note"]),
        )
        for row in rows
    ]
    tell(session, team_id, told, act.at)


def _copy(entry: DneEntry, target: str, act: Act) -> dict[str, Any]:
    return {
        "team_id": entry.team_id,
        "target": target,
        "reason": entry.reason,
        "source": _source(entry, act.at),
        "since": act.at,
        "actor": act.by,
        "note": f"same person as {entry.target}",
        "recorded_at": act.at,
    }


def _copies(session: Session, pair: _Pair, merged_at: datetime) -> Sequence[DneEntry]:
    """Return the entries that the merge of these two made of what people had said of one of them."""
    both = DneEntry.team_id == pair.contact.team_id, DneEntry.target.in_((pair.contact.address, pair.second))
    entries = session.scalars(select(DneEntry).where(*both)).all()
    made = {_source(entry, merged_at) for entry in entries}
    return [entry for entry in entries if entry.source in made]


def _source(entry: DneEntry, merged_at: datetime) -> str:
    """Return what a copy of an entry is known by: the same for the same merge, another one after a split."""
    return hashlib.sha256(f"{entry.id}\0{merged_at.astimezone(UTC).isoformat()}".encode()).hexdigest()[:40]
