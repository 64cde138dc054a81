"""From events to rows: folds every recipient of some contacts and writes what changed.

The caller holds the contacts' locks (`worker.writing.locks.lock`), so no other writer folds them at the same time.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy.orm import Session

from models.outcome import Folded
from models.status import fold
from worker.chunks import chunks
from worker.tracing import step
from worker.writing.book import Book, Person, read
from worker.writing.commands import run_commands
from worker.writing.entries import alone, elsewhere, lifts_of, write_entries, write_ruled_entries
from worker.writing.standing import Change, write_standing

__all__ = ["Change", "refold"]

PART = 500


@step("fold")
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
        # A rule bans the contact's own address alone, so nobody of another part.
        write_ruled_entries(session, book, now)
    changes: list[Change] = []
    joined: set[int] = set()
    for book in books:
        folded = {one.row.id: _fold(one, book, now) for one in book.people}
        changes += write_standing(session, book, folded, now)
        joined |= run_commands(session, book, folded, now)
    # Whoever an automation brought into another campaign stands there from now on.
    return changes + (refold(session, joined, now) if joined else [])


def _fold(person: Person, book: Book, now: datetime) -> Folded:
    intervals = elsewhere(person, book, now)
    rules = book.rules[person.row.campaign_id]
    if not intervals and not rules:
        return alone(person, book, now)
    return fold(person.events, now, intervals=intervals, lifts=lifts_of(person, book), rules=rules)
