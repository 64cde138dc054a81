"""Empties and renames, table by table, what is held about one person; what happened stays, as facts without words.

Each step returns how many rows it touched. What every column of every table becomes is said once more in
`tests/worker/test_erasure_columns.py`, which fails for a column that nobody has thought about.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Text, cast, delete, or_, select
from sqlalchemy.orm import Session

from models.automation import Automation, Branch
from models.reaction import fired_key
from models.tables.handling import AsideMessage, MessageMove
from models.tables.learning import Label
from models.tables.mail import InboundMessage, MessageClue, MessageState, VerdictRow
from models.tables.mailing import Contact, Recipient, SecondAddress, SentMessage, SentMessageId
from models.tables.outside import AutomationCommand, Delivery, DeliveryState, EventType, IdempotencyKey, OutboxEvent
from models.tables.people import BulkAct
from models.tables.standing import DneEntry, RecipientEvent, ReviewItem, StatusChange
from worker.act import Act
from worker.matching.veil import tells
from worker.privacy.held import Held, holds, rows_of
from worker.secrets.pseudonyms import ERASED, Pseudonyms
from worker.writing.book import read_rules

GONE: dict[str, Any] = {"erased": True}
"""Stands in place of what was told, or answered, about the person."""


@dataclass(frozen=True, slots=True)
class Scrub:
    """One erasure while it is done: whose, the new names of their addresses and event keys, who does it and when."""

    held: Held
    names: Pseudonyms
    by: str
    at: datetime
    keys: dict[str, str] = field(default_factory=dict)
    """Old key of an event -> the new one: an old one is a hash by which an address could be tried out."""

    def named(self, address: str | None) -> str | None:
        """Return the name of an address, whoever's it is."""
        return self.names.of(address) if address else address

    def told(self, text: str | None) -> bool:
        """Say whether a text tells one of the person's addresses."""
        return tells(text, self.held.addresses)


def scrub(session: Session, held: Held, names: Pseudonyms, act: Act) -> dict[str, int]:
    """Leave nothing of a person but facts under another name, and return how many rows of each kind that took.

    The caller holds the team's and the contacts' locks, adds the ban and folds afterwards.
    """
    whose = Scrub(held, names, act.by, act.at)
    whose.keys.update(_new_keys(session, whose))
    counts = {what: do(session, whose) for what, do in _STEPS.items()}
    session.flush()
    return counts


def _messages(session: Session, whose: Scrub) -> int:
    rows = rows_of(session, InboundMessage, InboundMessage.id, whose.held.messages)
    for model in (VerdictRow, MessageClue, AsideMessage, MessageMove):
        for row in rows_of(session, model, model.message_id, whose.held.messages):
            session.delete(row)
    for row in rows:
        row.state, row.duplicate_of = MessageState.ERASED, None
        row.message_id = row.from_address = row.error = None
        row.subject, row.problems, row.clues = "", [], {}
    session.flush()
    return len(rows)


def _labels(session: Session, whose: Scrub) -> int:
    """Remove the labels of this mail, and what was imported with an address in it; nothing is learnt from it again."""
    rows = rows_of(session, InboundMessage, InboundMessage.id, whose.held.messages)
    hashes = {row.content_hash for row in rows}
    of_mail = or_(Label.message_id.in_(whose.held.messages), Label.key.in_(hashes))
    naming = or_(*(_naming(column, whose) for column in (Label.text, Label.subject, Label.note)))
    found = session.scalars(select(Label).where(Label.team_id == whose.held.team_id, or_(of_mail, naming))).all()
    for row in found:
        session.delete(row)
    return len(found)


def _events(session: Session, whose: Scrub) -> int:
    rows = rows_of(session, RecipientEvent, RecipientEvent.recipient_id, whose.held.recipients)
    asked = _links_asked_about(session, whose)
    for row in rows:
        row.key, row.about = whose.keys[row.key], whose.keys.get(row.about or "", row.about)
        row.other_address = whose.named(row.other_address)
        row.send_id = whose.names.hide(row.send_id) if row.send_id else row.send_id
        row.booking_id = whose.names.hide(row.booking_id) if row.booking_id else row.booking_id
        # A rule asks only whether its words are in the link.
        row.link = "\n".join(each for each in asked if each in row.link) or None if row.link else None
        row.because = []
    return len(rows)


def _sends(session: Session, whose: Scrub) -> int:
    rows = rows_of(session, SentMessage, SentMessage.recipient_id, whose.held.recipients)
    for row in rows:
        row.send_id, row.subject_key, row.token = whose.names.hide(row.send_id), "", None
    # The others stay: by them a reply is known, and they hold no words.
    for each in rows_of(session, SentMessageId, SentMessageId.sent_message_id, [row.id for row in rows]):
        if whose.told(each.message_id):
            session.delete(each)
    return len(rows)


def _changes(session: Session, whose: Scrub) -> int:
    rows = rows_of(session, StatusChange, StatusChange.recipient_id, whose.held.recipients)
    for row in rows:
        row.event_key, row.because = whose.keys.get(row.event_key or "", row.event_key), []
    return len(rows)


def _reviews(session: Session, whose: Scrub) -> int:
    """Rename the keys; that nothing is asked any more follows from the fold."""
    rows = rows_of(session, ReviewItem, ReviewItem.recipient_id, whose.held.recipients)
    for row in rows:
        row.event_key = whose.keys.get(row.event_key, row.event_key)
    return len(rows)


def _commands(session: Session, whose: Scrub) -> int:
    rows = rows_of(session, AutomationCommand, AutomationCommand.recipient_id, whose.held.recipients)
    for row in rows:
        row.event_key, row.outcome = whose.keys.get(row.event_key, row.event_key), ""
    return len(rows)


def _entries(session: Session, whose: Scrub) -> int:
    of_person = or_(DneEntry.target.in_(whose.held.addresses), DneEntry.recipient_id.in_(whose.held.recipients))
    rows = session.scalars(select(DneEntry).where(DneEntry.team_id == whose.held.team_id, of_person)).all()
    for row in rows:
        row.target = whose.names.of(row.target) if "@" in row.target else row.target
        row.source, row.note, row.lifted_why = whose.keys.get(row.source, row.source), None, None
    return len(rows)


def _second_addresses(session: Session, whose: Scrub) -> int:
    rows = rows_of(session, SecondAddress, SecondAddress.contact_id, whose.held.contacts)
    theirs = set(whose.held.addresses)
    kept = {(row.contact_id, row.address) for row in rows if row.address not in theirs}
    for row in rows:
        place = row.contact_id, whose.names.of(row.address)
        session.delete(row)
        # What a mail taught of another contact is no address of this person.
        if row.address in theirs and place not in kept:
            kept.add(place)
            session.add(_renamed(row, place[1]))
    session.flush()
    return len(rows)


def _renamed(row: SecondAddress, name: str) -> SecondAddress:
    return SecondAddress(contact_id=row.contact_id, address=name, actor=row.actor, recorded_at=row.recorded_at)


def _contacts(session: Session, whose: Scrub) -> int:
    rows = rows_of(session, Contact, Contact.id, whose.held.contacts)
    taken = select(Contact.id).where(Contact.team_id == whose.held.team_id)
    for row in rows:
        name = whose.names.of(row.address)
        # Somebody who came back after an erasure has a second contact.
        if name != row.address and session.scalar(taken.where(Contact.address == name)):
            # It is found again by the name of the first, as another address of the same person.
            session.add(SecondAddress(contact_id=row.id, address=name, actor=whose.by, recorded_at=whose.at))
            name = name.replace("@", f"-{row.id}@")
        row.address, row.domain = name, ERASED
        session.flush()
    return len(rows)


def _outbox(session: Session, whose: Scrub) -> int:
    """Empty what other systems were told about the person; what they were not told yet they need not hear any more."""
    about = or_(OutboxEvent.subject.in_(whose.held.addresses), _naming(cast(OutboxEvent.payload, Text), whose))
    query = select(OutboxEvent).where(
        OutboxEvent.team_id == whose.held.team_id, OutboxEvent.type != EventType.CONTACT_ERASED, about
    )
    rows = session.scalars(query).all()
    for row in rows:
        row.subject, row.payload = _subject(row.subject, whose), GONE
        row.dispatched_at = row.dispatched_at or whose.at
    ids = [row.id for row in rows]
    session.execute(
        delete(Delivery).where(Delivery.event_id.in_(ids), Delivery.state != DeliveryState.DELIVERED),
        execution_options={"synchronize_session": False},
    )
    for each in rows_of(session, Delivery, Delivery.event_id, ids):
        each.subject, each.last_error = _subject(each.subject, whose), None
    return len(rows)


def _subject(subject: str, whose: Scrub) -> str:
    return whose.names.of(subject) if subject in whose.held.addresses else subject


def _answers(session: Session, whose: Scrub) -> int:
    """Forget answers that name the person: who asks again is answered anew."""
    naming = _naming(cast(IdempotencyKey.answer, Text), whose)
    rows = session.scalars(select(IdempotencyKey).where(IdempotencyKey.team_id == whose.held.team_id, naming)).all()
    for row in rows:
        session.delete(row)
    return len(rows)


def _acts(session: Session, whose: Scrub) -> int:
    naming = _naming(cast(BulkAct.targets, Text), whose)
    rows = session.scalars(select(BulkAct).where(BulkAct.team_id == whose.held.team_id, naming)).all()
    for row in rows:
        row.targets = [_subject(each, whose) for each in row.targets]
    return len(rows)


_STEPS: Mapping[str, Callable[[Session, Scrub], int]] = {
    "labels": _labels,
    "messages": _messages,
    "events": _events,
    "sends": _sends,
    "status changes": _changes,
    "questions": _reviews,
    "what rules did": _commands,
    "Do Not Email entries": _entries,
    "second addresses": _second_addresses,
    "contacts": _contacts,
    "events for other systems": _outbox,
    "kept answers": _answers,
    "acts on many": _acts,
}


def _naming(column: Any, whose: Scrub) -> Any:
    return holds(column, whose.held.addresses)


def _new_keys(session: Session, whose: Scrub) -> dict[str, str]:
    """Return the new keys of all events and sends, and of what rules did because of them.

    They are ordered as the old ones are, since the key decides between events of the same instant.
    """
    events = rows_of(session, RecipientEvent, RecipientEvent.recipient_id, whose.held.recipients)
    old = sorted({row.key for row in events})
    # Each erasure has its own, so that no key is in the way of another while they are exchanged.
    fresh = sorted(whose.names.hide(f"{whose.at.isoformat()} {key}") for key in old)
    new = dict(zip(old, fresh, strict=True))
    sends = rows_of(session, SentMessage, SentMessage.recipient_id, whose.held.recipients)
    triggers = new | {row.send_id: whose.names.hide(row.send_id) for row in sends}
    rules = {rule.id for each in _rules(session, whose).values() for rule in each}
    return new | {
        fired_key(rule, trigger): fired_key(rule, renamed) for rule in rules for trigger, renamed in triggers.items()
    }


def _links_asked_about(session: Session, whose: Scrub) -> list[str]:
    rules = (rule.automation for each in _rules(session, whose).values() for rule in each)
    return sorted({link for rule in rules for link in _links(rule)})


def _links(rule: Automation) -> Iterable[str]:
    conditions = [rule.when]
    steps: list[Any] = [*rule.then]
    while steps:
        if isinstance(step := steps.pop(), Branch):
            conditions.append(step.condition)
            steps += [*step.then, *step.otherwise]
    return (each.link for each in conditions if each.link)


def _rules(session: Session, whose: Scrub) -> Any:
    rows = rows_of(session, Recipient, Recipient.id, whose.held.recipients)
    return read_rules(session, {row.campaign_id for row in rows})
