"""Writes what the fold says of recipients: their standing, its history, and the open questions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.among import among
from models.events import EndReason, ReviewDraft, ReviewKind, SequenceState, Status
from models.outcome import Folded
from models.rows import insert_new, update_rows
from models.tables.mailing import Recipient
from models.tables.outside import EventType
from models.tables.standing import ReviewItem, StatusChange
from worker.secrets.pseudonyms import is_pseudonym
from worker.writing.book import Book, Person
from worker.writing.outbox import Told, tell
from worker.writing.urgency import lesson, urgency


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


_TOLD = ("status", "sequence", "sequence_until")
"""What the sending side acts on; a change of anything else is noted and not told."""


def write_standing(session: Session, book: Book, folded: dict[int, Folded], now: datetime) -> list[Change]:
    """Write how recipients stand now and the questions that the fold asks, and tell what changed."""
    changes, told = _write_recipients(session, book, folded, now)
    told += _write_reviews(session, book, folded, now)
    if told:
        tell(session, book.people[0].row.team_id, told, now)
    return changes


def _write_recipients(
    session: Session, book: Book, folded: dict[int, Folded], now: datetime
) -> tuple[list[Change], list[Told]]:
    rows: list[dict[str, Any]] = []
    history: list[dict[str, Any]] = []
    changes: list[Change] = []
    told: list[Told] = []
    for person in book.people:
        after = _columns(folded[person.row.id])
        after["listed"] = after["listed"] and not person.is_left_over()
        if _STANDING(person.row) == tuple(after.values()):
            continue
        rows.append({"id": person.row.id, "changed_at": now, **after})
        if all(getattr(person.row, name) == after[name] for name in _TOLD):
            continue
        change = _change(person, after, folded[person.row.id])
        changes.append(change)
        history.append(_history(person, change, after["decided_by"], now))
        told.append(_told(change, after, history[-1]))
    update_rows(session, Recipient, rows)
    insert_new(session, StatusChange, history)
    return changes, told


def _told(change: Change, after: dict[str, Any], row: dict[str, Any]) -> Told:
    until, reason = after["sequence_until"], after["sequence_reason"]
    payload = {
        "address": change.address,
        "campaign": change.campaign,
        "from": change.before.value,
        "to": change.after.value,
        "sequence": {
            "from": change.sequence_before.value,
            "to": change.sequence_after.value,
            "until": until.isoformat() if until else None,
            "reason": reason.value if reason else None,
        },
        "because": list(change.because),
        "event": row["event_key"],
        "confidence": row["confidence"],
        "artifact": row["artifact"],
        "by": row["actor"],
    }
    return Told(EventType.STATUS_CHANGED, change.address, payload)


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


_STANDING = attrgetter(
    "status",
    "removed_by_person",
    "sequence",
    "sequence_until",
    "sequence_reason",
    "next_change_at",
    "decided_by",
    "listed",
)
"""What stands now, in the order of `_columns`."""
FREED = "nothing holds it any more"
_PASSED = {SequenceState.PAUSED: "a pause ended", SequenceState.HELD: FREED}


def _because(person: Person, after: dict[str, Any], folded: Folded) -> tuple[str, ...]:
    """Say why the recipient stands where it stands now."""
    if after["sequence"] is SequenceState.HELD:
        return tuple(f"held for review: {item.kind.value}" for item in folded.reviews if item.holds)
    ended_now = person.row.sequence_reason is None and after["sequence_reason"] is not None
    stopped = ended_now and after["sequence_reason"] is EndReason.AUTOMATION
    fired = [each for each in folded.fired if each.key == after["decided_by"]] or (folded.fired[-1:] if stopped else ())
    if fired:
        return (fired[0].because,)
    if person.row.sequence is SequenceState.HELD and (after["status"], ended_now) == (person.row.status, False):
        return (FREED,)
    cause = person.stored.get(after["decided_by"])
    if cause is not None:
        return tuple(cause.because)
    if after["status"] is Status.REMOVED or after["sequence_reason"] is EndReason.DNE:
        return ("Do Not Email arose elsewhere in the team",)
    return (_PASSED.get(person.row.sequence, "what gave it no longer counts"),)


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


_REVIEW = ReviewItem.__table__.c
_STORED = select(_REVIEW.recipient_id, _REVIEW.event_key, _REVIEW.kind, _REVIEW.id, _REVIEW.closed_at).where(
    among(_REVIEW.recipient_id, "recipients")
)


def _write_reviews(session: Session, book: Book, folded: dict[int, Folded], now: datetime) -> list[Told]:
    """Open the questions that the fold asks, and close those it asks no more; return what is to be told of it."""
    found = session.execute(_STORED, {"recipients": list(folded)}) if folded else ()
    stored = {(row.recipient_id, row.event_key, row.kind): row for row in found}
    people = {person.row.id: person for person in book.people}
    wanted = {
        (recipient_id, item.event_key, item.kind): item
        for recipient_id, one in folded.items()
        # Nobody can answer about mail whose words are gone, and what its sender wants is obeyed already.
        if not is_pseudonym(people[recipient_id].row.address)
        for item in one.reviews
    }
    opened = [key for key in wanted if key not in stored or stored[key].closed_at is not None]
    closed = [key for key, row in stored.items() if key not in wanted and row.closed_at is None]
    new = [key for key in opened if key not in stored]
    insert_new(session, ReviewItem, [_asked(people[key[0]], wanted[key], now) for key in new])
    moved = [{"id": stored[key].id, "closed_at": None} for key in opened if key in stored]
    moved += [{"id": stored[key].id, "closed_at": now} for key in closed]
    update_rows(session, ReviewItem, moved)
    return _told_reviews(book, opened, closed)


def _asked(person: Person, item: ReviewDraft, now: datetime) -> dict[str, Any]:
    about = person.stored.get(item.event_key)
    return {
        "team_id": person.row.team_id,
        "campaign_id": person.row.campaign_id,
        "recipient_id": person.row.id,
        "event_key": item.event_key,
        "kind": item.kind,
        "holds": item.holds,
        "urgency": urgency(item.kind, about, holds=item.holds),
        "lesson": lesson(about),
        "opened_at": now,
    }


ReviewKey = tuple[int, str, ReviewKind]


def _told_reviews(book: Book, opened: Sequence[ReviewKey], closed: Sequence[ReviewKey]) -> list[Told]:
    people = {person.row.id: person.row for person in book.people}
    return [
        Told(
            kind,
            people[recipient_id].address,
            {
                "address": people[recipient_id].address,
                "campaign": people[recipient_id].campaign,
                "kind": review.value,
                "event": event_key,
            },
        )
        for kind, keys in ((EventType.REVIEW_OPENED, opened), (EventType.REVIEW_CLOSED, closed))
        for recipient_id, event_key, review in keys
    ]
