"""Reads what a fold needs: recipients, their events and sends, and the DNE entries around them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from sqlalchemy import BindParameter, Row, and_, bindparam, null, select, union_all
from sqlalchemy.orm import Session

from models.among import among, unindexed
from models.automation import Automation, Standing
from models.events import DneReason, Event, EventKind
from models.outcome import Folded
from models.tables.mailing import Campaign, Contact, Recipient, SecondAddress, SentMessage
from models.tables.outside import AutomationRule
from models.tables.standing import DneEntry, RecipientEvent

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
    targets: list[str] = field(init=False)
    """What covers the contact: the address, its domain and the domains above."""
    alone: Folded | None = None
    """What the fold gives without rules and without the entries of others, once it was asked for."""
    ruled: Folded | None = None
    """What it gives with rules, and with the entries of others that no rule made."""

    def is_left_over(self) -> bool:
        """Say whether an import took over every send that was learnt for it, so that it stands for nothing."""
        return self.row.campaign.startswith(LEARNT) and all(each.kind is not EventKind.SENT for each in self.events)

    def __post_init__(self) -> None:
        """Ask once what is asked many times."""
        self.targets = covering(self.row.address)


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
            for target in person.targets
            for entry in self.by_target[target]
            if entry["lifted_at"] is None and entry["withdrawn_at"] is None
        )
        return next(live, None)

    def add(self, entry: dict[str, Any]) -> None:
        """Take in one Do Not Email entry."""
        self.entries[entry["target"], entry["reason"], entry["source"]] = entry
        self.by_target[entry["target"]].append(entry)
        self.by_recipient[entry["recipient_id"]].append(entry)


_RECIPIENT, _CONTACT, _CAMPAIGN = Recipient.__table__.c, Contact.__table__.c, Campaign.__table__.c
_EVENT, _SENT, _ENTRY, _RULE = (
    model.__table__.c for model in (RecipientEvent, SentMessage, DneEntry, AutomationRule)
)  # fmt: skip
_PEOPLE = (
    select(
        _RECIPIENT.id,
        _RECIPIENT.status,
        _RECIPIENT.removed_by_person,
        _RECIPIENT.sequence,
        _RECIPIENT.sequence_until,
        _RECIPIENT.sequence_reason,
        _RECIPIENT.next_change_at,
        _RECIPIENT.decided_by,
        _RECIPIENT.listed,
        _CONTACT.team_id,
        _CONTACT.address,
        _CONTACT.domain,
        _RECIPIENT.contact_id,
        _RECIPIENT.campaign_id,
        _CAMPAIGN.key.label("campaign"),
    )
    .join_from(Recipient.__table__, Contact.__table__, _CONTACT.id == _RECIPIENT.contact_id)
    .join(Campaign.__table__, _CAMPAIGN.id == _RECIPIENT.campaign_id)
    .where(among(_RECIPIENT.contact_id, "contacts"))
    .order_by(_RECIPIENT.id)
)
_EVENT_FIELDS = tuple(each.name for each in fields(Event))
_EVENTS = select(
    *(_EVENT[name] for name in _EVENT_FIELDS),
    _EVENT.recipient_id,
    _EVENT.because,
    _EVENT.artifact,
    _EVENT.actor,
    _EVENT.retracted_at,
).where(among(_EVENT.recipient_id, "recipients"))
_SENDS = select(_SENT.recipient_id, _SENT.sent_at, _SENT.send_id).where(among(_SENT.recipient_id, "recipients"))


def read(session: Session, contact_ids: Sequence[int]) -> Book:
    """Read recipients, events, sends and entries of the contacts of one team."""
    people = {row.id: Person(row) for row in session.execute(_PEOPLE, {"contacts": contact_ids}).all()}
    of_people = {"recipients": list(people)}
    for event in session.execute(_EVENTS, of_people).all():
        _add_event(people[event.recipient_id], event)
    for recipient_id, sent_at, send_id in session.execute(_SENDS, of_people).all():
        send = Event(kind=EventKind.SENT, happened_at=sent_at, key=send_id, send_id=send_id)
        people[recipient_id].events.append(send)
    merged = _merged(session, contact_ids)
    for person in people.values():
        person.merged = merged[person.row.contact_id] - {person.row.address}
    rules = read_rules(session, {person.row.campaign_id for person in people.values()})
    book = Book(list(people.values()), {}, defaultdict(list), defaultdict(list), rules)
    for row in _entry_rows(session, book.people):
        book.add(row._asdict())
    return book


_ME, _FIRST, _OTHER = Contact.__table__.alias(), Contact.__table__.alias(), SecondAddress.__table__.alias()
_SAID = _OTHER.c.actor.is_not(None)
_OF_HEADS = select(_OTHER.c.contact_id, _OTHER.c.address).where(_SAID, among(_OTHER.c.contact_id, "contacts"))
_MERGED = union_all(
    _OF_HEADS.add_columns(null().label("head")),
    select(_ME.c.id, _FIRST.c.address, _FIRST.c.id)
    .join_from(_ME, _OTHER, _OTHER.c.address == _ME.c.address)
    .join(_FIRST, and_(_FIRST.c.id == _OTHER.c.contact_id, unindexed(_FIRST.c.team_id) == _ME.c.team_id))
    .where(_SAID, among(_ME.c.id, "contacts")),
)
"""The second addresses of contacts, and the contacts (heads) whose second addresses they are themselves."""


def _merged(session: Session, contact_ids: Sequence[int]) -> dict[int, set[str]]:
    """Return contact -> all addresses that people said are the same person's, whichever of them it is."""
    found: dict[int, set[str]] = {contact_id: set() for contact_id in contact_ids}
    heads: list[tuple[int, int]] = []
    for contact_id, address, head in session.execute(_MERGED, {"contacts": contact_ids}):
        found[contact_id].add(address)
        if head is not None:
            heads.append((contact_id, head))
    if heads:
        of_head: dict[int, set[str]] = defaultdict(set)
        for head, address in session.execute(_OF_HEADS, {"contacts": {head for _, head in heads}}):
            of_head[head].add(address)
        for contact_id, head in heads:
            found[contact_id] |= of_head[head]
    return found


_RULES = (
    select(_RULE.campaign_id, _RULE.id, _RULE.definition, _RULE.since, _RULE.until)
    .where(among(_RULE.campaign_id, "campaigns"))
    .order_by(_RULE.id)
)


def read_rules(session: Session, campaign_ids: Collection[int]) -> dict[int, list[Standing]]:
    """Return campaign -> its automations, the oldest first, also those that stand no longer."""
    rules: dict[int, list[Standing]] = defaultdict(list)
    for row in session.execute(_RULES, {"campaigns": campaign_ids}) if campaign_ids else ():
        automation = Automation.model_validate(row.definition)
        rules[row.campaign_id].append(Standing(row.id, automation, row.since, row.until))
    return rules


def _add_event(person: Person, row: Any) -> None:
    if row.retracted_at is not None:
        person.retracted.add(row.key)
        return
    person.stored[row.key] = row
    person.events.append(Event(**dict(zip(_EVENT_FIELDS, row, strict=False))))


_TEAM: BindParameter[int] = bindparam("team_id")
_ENTRIES = union_all(
    select(DneEntry.__table__).where(_ENTRY.team_id == _TEAM, among(_ENTRY.target, "targets")),
    select(DneEntry.__table__).where(unindexed(_ENTRY.team_id) == _TEAM, among(_ENTRY.recipient_id, "recipients")),
)


def _entry_rows(session: Session, people: Sequence[Person]) -> Iterable[Row[Any]]:
    if not people:
        return ()
    named = {
        "team_id": people[0].row.team_id,
        "targets": {target for person in people for target in person.targets},
        "recipients": [person.row.id for person in people],
    }
    return {row.id: row for row in session.execute(_ENTRIES, named).all()}.values()
