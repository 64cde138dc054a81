"""Reads what a fold needs: recipients, their events and sends, and the DNE entries around them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from sqlalchemy import Row, and_, select
from sqlalchemy.orm import Session, aliased

from models.automation import Automation, Standing
from models.events import DneReason, Event, EventKind
from models.outcome import Folded
from models.outside import AutomationRule
from models.tables import Campaign, Contact, DneEntry, Recipient, RecipientEvent, SecondAddress, SentMessage
from worker.chunks import chunks

# The campaign of sends that were learnt from a Sent folder begins so; nobody knows the real one.
LEARNT = "learnt:"


LONGEST_DOMAIN = 253
"""Octets of a name in DNS (RFC 1035 2.3.4 without the last dot); what is longer has no parents to look for."""


def covering(address: str) -> list[str]:
    """Return the targets of Do Not Email entries that cover an address: itself, its domain and those above."""
    domain = address.rpartition("@")[2]
    if len(domain) > LONGEST_DOMAIN:
        return [address]
    labels = domain.split(".")
    return [address, *(".".join(labels[i:]) for i in range(len(labels)))]


@dataclass(slots=True)
class Person:
    """One recipient with everything its fold needs."""

    row: Any
    """Columns of the recipient, its contact and campaign."""
    events: list[Event] = field(default_factory=list)
    stored: dict[str, Row[Any]] = field(default_factory=dict)
    retracted: set[str] = field(default_factory=set)
    merged: set[str] = field(default_factory=set)
    """Addresses that people said are the same person's."""
    alone: Folded | None = None
    """What the fold gives without rules and without the entries of others, once it was asked for."""
    ruled: Folded | None = None
    """What it gives with rules, and with the entries of others that no rule made."""

    def is_left_over(self) -> bool:
        """Say whether an import took over every send that was learnt for it, so that it stands for nothing."""
        return self.row.campaign.startswith(LEARNT) and all(each.kind is not EventKind.SENT for each in self.events)

    def targets(self) -> list[str]:
        """Return what covers the contact: the address, its domain and the domains above."""
        return covering(self.row.address)


@dataclass(slots=True)
class Book:
    """Everything the fold of some contacts of one team needs, read in a few statements."""

    people: list[Person]
    entries: dict[tuple[str, DneReason, str], dict[str, Any]]
    by_target: dict[str, list[dict[str, Any]]]
    by_recipient: dict[int | None, list[dict[str, Any]]]
    rules: dict[int, list[Standing]]
    """Campaign -> its automations, also those that stand no longer."""

    def covered_by(self, person: Person) -> str | None:
        """Return what keeps the contact from being mailed now, if anything does."""
        live = (
            entry["target"]
            for target in person.targets()
            for entry in self.by_target[target]
            if entry["lifted_at"] is None and entry["withdrawn_at"] is None
        )
        return next(live, None)

    def add(self, entry: dict[str, Any]) -> None:
        """Take in one Do Not Email entry."""
        self.entries[entry["target"], entry["reason"], entry["source"]] = entry
        self.by_target[entry["target"]].append(entry)
        self.by_recipient[entry["recipient_id"]].append(entry)


def read(session: Session, contact_ids: Sequence[int]) -> Book:
    """Read recipients, events, sends and entries of the contacts of one team."""
    query = (
        select(
            Recipient.id,
            Recipient.status,
            Recipient.removed_by_person,
            Recipient.sequence,
            Recipient.sequence_until,
            Recipient.sequence_reason,
            Recipient.next_change_at,
            Recipient.decided_by,
            Recipient.listed,
            Contact.team_id,
            Contact.address,
            Contact.domain,
            Recipient.contact_id,
            Recipient.campaign_id,
            Campaign.key.label("campaign"),
        )
        .join(Contact, Contact.id == Recipient.contact_id)
        .join(Campaign, Campaign.id == Recipient.campaign_id)
        .where(Recipient.contact_id.in_(contact_ids))
        .order_by(Recipient.id)
    )
    people = {row.id: Person(row) for row in session.execute(query)}
    for event in _rows(session, RecipientEvent, people):
        _add_event(people[event.recipient_id], event)
    for send in _rows(session, SentMessage, people):
        people[send.recipient_id].events.append(
            Event(kind=EventKind.SENT, happened_at=send.sent_at, key=send.send_id, send_id=send.send_id)
        )
    merged = _merged(session, contact_ids)
    for person in people.values():
        person.merged = merged[person.row.contact_id] - {person.row.address}
    rules = read_rules(session, {person.row.campaign_id for person in people.values()})
    book = Book(list(people.values()), {}, defaultdict(list), defaultdict(list), rules)
    for row in _entry_rows(session, book.people):
        book.add(row._asdict())
    return book


def _merged(session: Session, contact_ids: Sequence[int]) -> dict[int, set[str]]:
    """Return contact -> all addresses that people said are the same person's, whichever of them it is."""
    first = aliased(Contact)
    said = SecondAddress.actor.is_not(None)
    firsts = (
        select(Contact.id, first.id, first.address)
        .join(SecondAddress, SecondAddress.address == Contact.address)
        .join(first, and_(first.id == SecondAddress.contact_id, first.team_id == Contact.team_id))
        .where(said, Contact.id.in_(contact_ids))
    )
    heads: dict[int, set[int]] = {contact_id: {contact_id} for contact_id in contact_ids}
    found: dict[int, set[str]] = {contact_id: set() for contact_id in contact_ids}
    for contact_id, head, address in session.execute(firsts):
        heads[contact_id].add(head)
        found[contact_id].add(address)
    of_head: dict[int, set[str]] = defaultdict(set)
    for chunk in chunks({head for several in heads.values() for head in several}):
        seconds = select(SecondAddress.contact_id, SecondAddress.address).where(said)
        for head, address in session.execute(seconds.where(SecondAddress.contact_id.in_(chunk))):
            of_head[head].add(address)
    return {each: addresses.union(*(of_head[head] for head in heads[each])) for each, addresses in found.items()}


def read_rules(session: Session, campaign_ids: Collection[int]) -> dict[int, list[Standing]]:
    """Return campaign -> its automations, the oldest first, also those that stand no longer."""
    rules: dict[int, list[Standing]] = defaultdict(list)
    for chunk in chunks(campaign_ids):
        query = select(AutomationRule).where(AutomationRule.campaign_id.in_(chunk)).order_by(AutomationRule.id)
        for row in session.scalars(query):
            automation = Automation.model_validate(row.definition)
            rules[row.campaign_id].append(Standing(row.id, automation, row.since, row.until))
    return rules


def _rows(session: Session, table: type[Any], recipient_ids: Collection[int]) -> Iterator[Row[Any]]:
    columns = table.__table__
    for chunk in chunks(recipient_ids):
        yield from session.execute(select(columns).where(columns.c.recipient_id.in_(chunk)))


_EVENT_FIELDS = tuple(each.name for each in fields(Event))


def _add_event(person: Person, row: Row[Any]) -> None:
    if row.retracted_at is not None:
        person.retracted.add(row.key)
        return
    person.stored[row.key] = row
    person.events.append(Event(**{name: getattr(row, name) for name in _EVENT_FIELDS}))


def _entry_rows(session: Session, people: Sequence[Person]) -> Iterator[Row[Any]]:
    if not people:
        return
    table = DneEntry.__table__
    targets = {target for person in people for target in person.targets()}
    seen: set[int] = set()
    for column, values in ((table.c.target, sorted(targets)), (table.c.recipient_id, [p.row.id for p in people])):
        for chunk in chunks(values):
            for row in session.execute(
                select(table).where(table.c.team_id == people[0].row.team_id, column.in_(chunk))
            ):
                if row.id not in seen:
                    seen.add(row.id)
                    yield row
