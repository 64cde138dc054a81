"""The Do Not Email entries that follow from recipients' events, and what the fold must know of all others."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from models.automation import AddDne
from models.events import OF_THE_PERSON, DneDraft, DneReason, Interval, Lifts
from models.outcome import Folded
from models.rows import insert_new, update_rows
from models.status import fold
from models.tables.outside import EventType
from models.tables.standing import DneEntry
from worker.writing.book import Book, Person
from worker.writing.outbox import Told, entry_payload, tell

Entry = dict[str, Any]
"""The columns of an entry."""
EntryKey = tuple[str, DneReason, str]
"""Target, reason, source: with the team what an entry is unique on."""

TAKEN_BACK = frozenset({DneReason.HARD_BOUNCE, DneReason.SOFT_BOUNCE_LIMIT, DneReason.AUTOMATION})
"""Reasons of entries that go when mail that came late takes away what they follow from."""


def lifts_of(person: Person, book: Book) -> Lifts:
    """Return what people lifted of the entries that name the contact's own address."""
    lifts = Lifts()
    for entry in book.by_target[person.row.address]:
        if entry["recipient_id"] == person.row.id:
            lifts.by_entry[entry["reason"], entry["source"]] = entry["lifted_at"]
        if entry["lifted_at"]:
            lifts.newest[entry["reason"]] = max(
                lifts.newest.get(entry["reason"], entry["lifted_at"]), entry["lifted_at"]
            )
    return lifts


def elsewhere(person: Person, book: Book, now: datetime) -> list[Interval]:
    """Return when entries covered the contact that do not follow from the recipient's events as they are now."""
    own = _drafts(person, alone(person, book, now).dne) | _drafts(person, _ruled(person, book, now))
    return _intervals(person, book, own, ruled=True)


def _intervals(person: Person, book: Book, own: Collection[EntryKey], *, ruled: bool) -> list[Interval]:
    return [
        Interval(entry["since"], entry["lifted_at"])
        for target in person.targets
        for entry in book.by_target[target]
        if entry["withdrawn_at"] is None
        and not (entry["recipient_id"] == person.row.id and _key(entry) in own)
        and (ruled or entry["reason"] is not DneReason.AUTOMATION)
    ]


def alone(person: Person, book: Book, now: datetime) -> Folded:
    """Return the fold of a recipient without rules and without the entries of others; asked again it is the same."""
    if person.alone is None:
        person.alone = fold(person.events, now, lifts=lifts_of(person, book))
    return person.alone


def _ruled(person: Person, book: Book, now: datetime) -> tuple[DneDraft, ...]:
    """Return the entries that the rules of the campaign make.

    They depend on all entries but those that rules made, so two rules that ban the same contact do not undo each other.
    """
    rules = book.rules[person.row.campaign_id]
    if not any(isinstance(action, AddDne) for rule in rules for action in rule.automation.actions()):
        return ()
    if person.ruled is None:
        own = _drafts(person, alone(person, book, now).dne)
        intervals = _intervals(person, book, own, ruled=False)
        person.ruled = fold(person.events, now, intervals=intervals, lifts=lifts_of(person, book), rules=rules)
    return tuple(draft for draft in person.ruled.dne if draft.reason is DneReason.AUTOMATION)


def _drafts(person: Person, drafts: Iterable[DneDraft]) -> dict[EntryKey, DneDraft]:
    return {
        (target, draft.reason, draft.source): draft
        for draft in drafts
        for target in (person.row.address, draft.other_address, *_same(person, draft))
        if target
    }


def _same(person: Person, draft: DneDraft) -> set[str]:
    """Return the other addresses that what was said bans too, because they are the same person's."""
    return person.merged if draft.reason in OF_THE_PERSON else set()


def _key(entry: Entry) -> EntryKey:
    return entry["target"], entry["reason"], entry["source"]


def write_entries(session: Session, book: Book, now: datetime) -> None:
    """Bring the entries that events make in line with the events: add, withdraw, or take a withdrawal back."""
    wanted = {person.row.id: _drafts(person, alone(person, book, now).dne) for person in book.people}
    _write(session, book, now, wanted, ruled=False)


def write_ruled_entries(session: Session, book: Book, now: datetime) -> None:
    """Do the same for the entries that rules make, once all others are written."""
    made = (entry["reason"] is DneReason.AUTOMATION for entry in book.entries.values())
    if not any(book.rules.values()) and not any(made):
        return
    wanted = {person.row.id: _drafts(person, _ruled(person, book, now)) for person in book.people}
    _write(session, book, now, wanted, ruled=True)


Wanted = Mapping[int, Mapping[EntryKey, DneDraft]]
"""Recipient -> the entries that its events, or its rules, make."""


@dataclass(slots=True)
class _Changes:
    """Entries that begin, that begin again, whose beginning moved (those that begin again too), and that are gone."""

    new: list[Entry] = field(default_factory=list)
    again: list[Entry] = field(default_factory=list)
    moved: list[Entry] = field(default_factory=list)
    gone: list[Entry] = field(default_factory=list)


def _write(session: Session, book: Book, now: datetime, all_wanted: Wanted, *, ruled: bool) -> None:
    changes = _Changes()
    dropped: list[tuple[Entry, Person]] = []
    for person in book.people:
        wanted = all_wanted[person.row.id]
        for key, draft in wanted.items():
            _bring_in_line(changes, book, person, (key, draft), now)
        dropped += [
            (entry, person)
            for entry in book.by_recipient[person.row.id]
            if entry["withdrawn_at"] is None
            and _key(entry) not in wanted
            and (entry["reason"] is DneReason.AUTOMATION) is ruled
        ]
    # Asked once every entry that may stand in the place of another is there.
    changes.gone = [entry for entry, person in dropped if _may_go(entry, person, book)]
    for entry in changes.gone:
        entry["withdrawn_at"] = now
    _store(session, book, changes, now)


def _bring_in_line(
    changes: _Changes, book: Book, person: Person, wanted: tuple[EntryKey, DneDraft], now: datetime
) -> None:
    key, draft = wanted
    entry = book.entries.get(key)
    if entry is None:
        entry = _entry(person, key[0], draft, lifts_of(person, book), now) | _said(person, key)
        changes.new.append(entry)
        book.add(entry)
    elif entry["withdrawn_at"] is not None or entry["since"] != draft.since:
        if entry["lifted_at"] == entry["since"]:
            # It never acted, and does not begin to.
            entry["lifted_at"] = draft.since
        changes.again += [entry] if entry["withdrawn_at"] is not None else []
        entry |= {"withdrawn_at": None, "since": draft.since}
        changes.moved.append(entry)


def _store(session: Session, book: Book, changes: _Changes, now: datetime) -> None:
    insert_new(session, DneEntry, changes.new)
    columns = ("id", "withdrawn_at", "since", "lifted_at")
    rows = [{name: entry[name] for name in columns} for entry in (*changes.moved, *changes.gone)]
    update_rows(session, DneEntry, rows)
    # Who hears of it knows a lifted entry as gone already.
    told = [_told(EventType.DNE_ADDED, each) for each in (*changes.new, *changes.again) if each["lifted_at"] is None]
    told += [_told(EventType.DNE_WITHDRAWN, each) for each in changes.gone if each["lifted_at"] is None]
    if told:
        tell(session, book.people[0].row.team_id, told, now)


def _told(kind: EventType, entry: Entry) -> Told:
    payload = entry_payload(entry["target"], entry["reason"], entry["since"], entry["actor"], entry["note"])
    return Told(kind, entry["target"], payload)


def _may_go(entry: Entry, person: Person, book: Book) -> bool:
    """Say whether an entry that its events no longer make may be withdrawn.

    A bounce's or a rule's may. An opt-out or complaint is never taken back, but where its mail turned out to belong
    to another recipient, that one's entry for the same address stands in its place; and it may have banned an address
    that turned out to be another contact's, and no second one of this person.
    """
    if entry["reason"] in TAKEN_BACK:
        return True
    cause = person.stored.get(entry["source"])
    if cause is not None and entry["target"] not in {person.row.address, cause.other_address, *person.merged}:
        return True
    return entry["source"] in person.retracted and any(
        other["reason"] == entry["reason"] and other is not entry and other["withdrawn_at"] is None
        for other in book.by_target[entry["target"]]
        if other["recipient_id"] != person.row.id
    )


def _entry(person: Person, target: str, draft: DneDraft, lifts: Lifts, now: datetime) -> Entry:
    return {
        "team_id": person.row.team_id,
        "target": target,
        "reason": draft.reason,
        "source": draft.source,
        "recipient_id": person.row.id,
        "since": draft.since,
        # Known only after a lift of its reason that came later: it never acts, and never did.
        "lifted_at": draft.since if draft.born_lifted else lifts.lifted_at(draft.reason, draft.source, draft.since),
        "withdrawn_at": None,
        "recorded_at": now,
    }


def _said(person: Person, key: EntryKey) -> dict[str, Any]:
    """Return who made an entry and why."""
    target, _, source = key
    fired = {each.key: each for each in person.ruled.fired} if person.ruled else {}
    if source in fired:
        return {"actor": f"automation {fired[source].rule}", "note": fired[source].because}
    cause = person.stored.get(source)
    same = [f"same person as {person.row.address}"] if target != person.row.address else []
    return {"actor": cause.actor if cause else None, "note": "; ".join([*same, *(cause.because if cause else ())])}
