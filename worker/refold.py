"""From events to rows: folds every recipient of some contacts and writes what changed.

The caller holds the contacts' locks (`lock`), so no other writer folds them at the same time.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from models.events import DneDraft, DneReason, EndReason, Folded, Interval, Lifts, SequenceState, Status
from models.session import insert_new, lock_contacts
from models.status import fold
from models.tables import Contact, DneEntry, Recipient, ReviewItem, SecondAddress, StatusChange
from worker.book import Book, Person, read
from worker.chunks import chunks

EntryKey = tuple[str, DneReason, str]
"""Target, reason, source: with the team what an entry is unique on."""

BOUNCE_REASONS = frozenset({DneReason.HARD_BOUNCE, DneReason.SOFT_BOUNCE_LIMIT})


@dataclass(frozen=True, slots=True)
class Change:
    """One change of a recipient, for reports and the history."""

    campaign: str
    address: str
    before: Status
    after: Status
    sequence_before: SequenceState
    sequence_after: SequenceState
    because: tuple[str, ...] = ()


def lock(session: Session, contact_ids: Iterable[int]) -> list[int]:
    """Lock the contacts, and those whose address is a second one of theirs, in id order; return all their ids."""
    ids = set(contact_ids)
    for chunk in chunks(sorted(ids)):
        query = (
            select(SecondAddress.address, Contact.team_id)
            .join(Contact, Contact.id == SecondAddress.contact_id)
            .where(SecondAddress.contact_id.in_(chunk))
        )
        for address, team_id in session.execute(query).all():
            ids.update(
                session.scalars(select(Contact.id).where(Contact.team_id == team_id, Contact.address == address))
            )
    locked = sorted(ids)
    lock_contacts(session, locked)
    return locked


def refold(session: Session, contact_ids: Iterable[int], now: datetime) -> list[Change]:
    """Fold every recipient of the (locked) contacts of one team; write statuses, sequences, DNE entries, reviews."""
    parts = list(chunks(sorted(set(contact_ids)), 500))
    books = [read(session, part) for part in parts]
    for book in books:
        _write_entries(session, book, now)
    if len(parts) > 1:
        # An entry that a later part wrote may cover somebody of an earlier one.
        books = [read(session, part) for part in parts]
    changes: list[Change] = []
    for book in books:
        folded = {
            one.row.id: fold(one.events, now, intervals=_elsewhere(one, book, now), lifts=_lifts(one, book))
            for one in book.people
        }
        changes += _write_recipients(session, book, folded, now)
        _write_reviews(session, folded, now)
    return changes


def _lifts(person: Person, book: Book) -> Lifts:
    lifts = Lifts()
    for entry in book.by_target[person.row.address]:
        if entry["recipient_id"] == person.row.id:
            lifts.by_entry[entry["reason"], entry["source"]] = entry["lifted_at"]
        if entry["lifted_at"]:
            lifts.newest[entry["reason"]] = max(
                lifts.newest.get(entry["reason"], entry["lifted_at"]), entry["lifted_at"]
            )
    return lifts


def _elsewhere(person: Person, book: Book, now: datetime) -> list[Interval]:
    """Return when entries covered the contact that do not follow from the recipient's events as they are now."""
    own = _wanted(person, book, now)
    return [
        Interval(entry["since"], entry["lifted_at"])
        for target in person.targets()
        for entry in book.by_target[target]
        if entry["withdrawn_at"] is None and not (entry["recipient_id"] == person.row.id and _key(entry) in own)
    ]


def _wanted(person: Person, book: Book, now: datetime) -> dict[EntryKey, DneDraft]:
    """Return the entries that the recipient's events make, whatever other entries there are."""
    return {
        (target, draft.reason, draft.source): draft
        for draft in fold(person.events, now, lifts=_lifts(person, book)).dne
        for target in (person.row.address, draft.other_address)
        if target
    }


def _key(entry: dict[str, Any]) -> EntryKey:
    return entry["target"], entry["reason"], entry["source"]


def _write_entries(session: Session, book: Book, now: datetime) -> None:
    """Bring the entries that events make in line with the events: add, withdraw, or take a withdrawal back."""
    new: list[dict[str, Any]] = []
    moved: list[dict[str, Any]] = []
    dropped: list[tuple[dict[str, Any], Person]] = []
    for person in book.people:
        lifts = _lifts(person, book)
        wanted = _wanted(person, book, now)
        for key, draft in wanted.items():
            entry = book.entries.get(key)
            if entry is None:
                entry = _entry(person, key[0], draft, lifts, now)
                new.append(entry)
                book.add(entry)
            elif entry["withdrawn_at"] is not None or entry["since"] != draft.since:
                if entry["lifted_at"] == entry["since"]:
                    entry["lifted_at"] = draft.since
                entry |= {"withdrawn_at": None, "since": draft.since}
                moved.append(entry)
        dropped += [
            (entry, person)
            for entry in book.by_recipient[person.row.id]
            if entry["withdrawn_at"] is None and _key(entry) not in wanted
        ]
    gone = [entry for entry, person in dropped if _may_go(entry, person, book)]
    for entry in gone:
        entry["withdrawn_at"] = now
    insert_new(session, DneEntry, new)
    if moved or gone:
        columns = ("id", "withdrawn_at", "since", "lifted_at")
        session.execute(update(DneEntry), [{name: entry[name] for name in columns} for entry in (*moved, *gone)])


def _may_go(entry: dict[str, Any], person: Person, book: Book) -> bool:
    """Say whether an entry that its events no longer make may be withdrawn.

    A bounce's may. An opt-out or complaint is never taken back, but where its mail turned out to belong to another
    recipient, that one's entry for the same address stands in its place.
    """
    if entry["reason"] in BOUNCE_REASONS:
        return True
    return entry["source"] in person.retracted and any(
        other["reason"] == entry["reason"] and other is not entry and other["withdrawn_at"] is None
        for other in book.by_target[entry["target"]]
        if other["recipient_id"] != person.row.id
    )


def _entry(person: Person, target: str, draft: DneDraft, lifts: Lifts, now: datetime) -> dict[str, Any]:
    cause = person.stored.get(draft.source)
    return {
        "team_id": person.row.team_id,
        "target": target,
        "reason": draft.reason,
        "source": draft.source,
        "recipient_id": person.row.id,
        "since": draft.since,
        "actor": cause.actor if cause else None,
        "note": "; ".join(cause.because) if cause else None,
        # Known only after a lift of its reason that came later: it never acts, and never did.
        "lifted_at": draft.since if draft.born_lifted else lifts.lifted_at(draft.reason, draft.source, draft.since),
        "withdrawn_at": None,
        "recorded_at": now,
    }


def _write_recipients(session: Session, book: Book, folded: dict[int, Folded], now: datetime) -> list[Change]:
    rows, history, changes = [], [], []
    for person in book.people:
        after = _columns(folded[person.row.id])
        after["listed"] = after["listed"] and not person.is_left_over()
        before = {name: getattr(person.row, name) for name in after}
        if before == after:
            continue
        rows.append({"id": person.row.id, **after})
        if (before["status"], before["sequence"]) == (after["status"], after["sequence"]):
            continue
        change = _change(person, after, folded[person.row.id])
        changes.append(change)
        history.append(_history(person, change, after["decided_by"], now))
    if rows:
        session.execute(update(Recipient), rows)
    insert_new(session, StatusChange, history)
    return changes


def _columns(one: Folded) -> dict[str, Any]:
    return {
        "status": one.status,
        "removed_by_person": one.removed_by_person,
        "sequence": one.sequence.state,
        "sequence_until": one.sequence.until,
        "sequence_reason": one.sequence.reason,
        "next_change_at": one.next_change_at,
        "decided_by": one.decided_by,
        "listed": one.listed,
    }


def _because(person: Person, after: dict[str, Any], folded: Folded) -> tuple[str, ...]:
    """Say why the recipient stands where it stands now."""
    if after["sequence"] is SequenceState.HELD:
        return tuple(f"held for review: {item.kind.value}" for item in folded.reviews if item.holds)
    cause = person.stored.get(after["decided_by"])
    if cause is not None:
        return tuple(cause.because)
    if after["status"] is Status.REMOVED or after["sequence_reason"] is EndReason.DNE:
        return ("Do Not Email arose elsewhere in the team",)
    return ("a pause ended",) if person.row.sequence is SequenceState.PAUSED else ("what held it no longer counts",)


def _change(person: Person, after: dict[str, Any], folded: Folded) -> Change:
    return Change(
        person.row.campaign,
        person.row.address,
        person.row.status,
        after["status"],
        person.row.sequence,
        after["sequence"],
        _because(person, after, folded),
    )


def _history(person: Person, change: Change, event_key: str | None, now: datetime) -> dict[str, Any]:
    cause = person.stored.get(event_key) if event_key else None
    return {
        "recipient_id": person.row.id,
        "from_status": change.before,
        "to_status": change.after,
        "from_sequence": change.sequence_before,
        "to_sequence": change.sequence_after,
        "event_key": event_key,
        "because": list(change.because),
        "artifact": cause.artifact if cause else None,
        "confidence": cause.confidence if cause else None,
        "actor": cause.actor if cause else None,
        "recorded_at": now,
    }


def _write_reviews(session: Session, folded: dict[int, Folded], now: datetime) -> None:
    table = ReviewItem.__table__
    stored = {
        (row.recipient_id, row.event_key, row.kind): row
        for chunk in chunks(folded)
        for row in session.execute(select(table).where(table.c.recipient_id.in_(chunk)))
    }
    wanted = {
        (recipient_id, item.event_key, item.kind): item for recipient_id, one in folded.items() for item in one.reviews
    }
    insert_new(
        session,
        ReviewItem,
        [
            {"recipient_id": r, "event_key": e, "kind": k, "holds": item.holds, "opened_at": now}
            for (r, e, k), item in wanted.items()
            if (r, e, k) not in stored
        ],
    )
    moved = [
        {"id": row.id, "closed_at": None if key in wanted else now}
        for key, row in stored.items()
        if (key in wanted) != (row.closed_at is None)
    ]
    if moved:
        session.execute(update(ReviewItem), moved)


def contacts_covered(session: Session, team_id: int, target: str) -> list[int]:
    """Return the contacts an address or a domain (with its subdomains) covers."""
    if "@" in target:
        condition = Contact.address == target
    else:
        condition = or_(Contact.domain == target, Contact.domain.endswith("." + target, autoescape=True))
    return list(session.scalars(select(Contact.id).where(Contact.team_id == team_id, condition)))
