"""From events to rows: folds every recipient of some contacts and writes what changed.

The caller holds the contacts' locks (`lock`), so no other writer folds them at the same time.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session, aliased

from models.outcome import Folded
from models.session import lock_contacts
from models.status import fold
from models.tables import Contact, SecondAddress
from worker.book import Book, Person, read
from worker.chunks import chunks
from worker.commands import run_commands
from worker.entries import alone, elsewhere, lifts_of, write_entries, write_ruled_entries
from worker.standing import Change, write_reviews, write_standing

__all__ = ["Change", "contacts_covered", "lock", "refold"]

PART = 500


def lock(session: Session, contact_ids: Iterable[int]) -> list[int]:
    """Lock the contacts, and those of the same persons, in id order; return all their ids."""
    ids: set[int] = set()
    new = set(contact_ids)
    while new:
        ids |= new
        found: set[int] = set()
        for chunk in chunks(sorted(new)):
            found.update(session.scalars(_SECONDS.where(SecondAddress.contact_id.in_(chunk))))
            found.update(session.scalars(_FIRSTS.where(_SECOND.id.in_(chunk))))
        new = found - ids
    locked = sorted(ids)
    lock_contacts(session, locked)
    return locked


_FIRST, _SECOND = aliased(Contact), aliased(Contact)
_FIRSTS = (
    select(_FIRST.id)
    .join(SecondAddress, SecondAddress.contact_id == _FIRST.id)
    .join(_SECOND, and_(_SECOND.address == SecondAddress.address, _SECOND.team_id == _FIRST.team_id))
)
_SECONDS = _FIRSTS.with_only_columns(_SECOND.id)
"""Contacts, and the contacts that their second addresses are."""


def refold(session: Session, contact_ids: Iterable[int], now: datetime) -> list[Change]:
    """Fold every recipient of the (locked) contacts of one team, write what follows, and tell the outbox."""
    parts = list(chunks(sorted(set(contact_ids)), PART))
    books = [read(session, part) for part in parts]
    for book in books:
        write_entries(session, book, now)
    if len(parts) > 1:
        # An entry that a later part wrote may cover somebody of an earlier one.
        books = [read(session, part) for part in parts]
    for book in books:
        write_ruled_entries(session, book, now)
    if len(parts) > 1 and any(rules for book in books for rules in book.rules.values()):
        books = [read(session, part) for part in parts]
    changes: list[Change] = []
    joined: set[int] = set()
    for book in books:
        folded = {one.row.id: _fold(one, book, now) for one in book.people}
        changes += write_standing(session, book, folded, now)
        write_reviews(session, book, folded, now)
        joined |= run_commands(session, book, folded, now)
    # Whoever an automation brought into another campaign stands there from now on.
    return changes + (refold(session, joined, now) if joined else [])


def _fold(person: Person, book: Book, now: datetime) -> Folded:
    intervals = elsewhere(person, book, now)
    rules = book.rules[person.row.campaign_id]
    if not intervals and not rules:
        return alone(person, book, now)
    return fold(person.events, now, intervals=intervals, lifts=lifts_of(person, book), rules=rules)


def contacts_covered(session: Session, team_id: int, target: str) -> list[int]:
    """Return the contacts an address or a domain (with its subdomains) covers."""
    if "@" in target:
        condition = Contact.address == target
    else:
        condition = or_(Contact.domain == target, Contact.domain.endswith("." + target, autoescape=True))
    return list(session.scalars(select(Contact.id).where(Contact.team_id == team_id, condition)))
