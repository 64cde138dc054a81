"""What is held about one person: every address that is theirs, and the rows that speak of them."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from models.tables.mail import InboundMessage, MessageClue
from models.tables.mailboxes import Mailbox
from models.tables.mailing import Contact, Recipient, SecondAddress
from models.tables.standing import RecipientEvent
from worker.chunks import chunks


@dataclass(frozen=True, slots=True)
class Held:
    """One person in one team: their addresses, and the ids of the rows that are theirs."""

    team_id: int
    addresses: tuple[str, ...]
    """The one that was asked for first; of somebody who was erased also the name that stands in its place."""
    contacts: tuple[int, ...]
    recipients: tuple[int, ...]
    messages: tuple[int, ...]
    """Mail from them, mail that caused something of them, mail that names them as the address it is about, and every
    further copy of it."""


def held(session: Session, team_id: int, address: str, *others: str) -> Held:
    """Find one person by an address of theirs, be it a contact's own or a second one, or known from mail alone.

    Args:
        session: any; to change what is found, inside a write transaction that holds the team's lock.
        team_id: whose contacts and mailboxes.
        address: in its normal form.
        others: further names of the same person.
    """
    addresses, contacts = person(session, team_id, (address, *others))
    recipients = _ids(session, Recipient.id, Recipient.contact_id, contacts)
    messages = _messages(session, team_id, addresses, recipients)
    return Held(team_id, tuple(addresses), tuple(sorted(contacts)), tuple(recipients), tuple(messages))


def rows_of(session: Session, model: Any, column: InstrumentedAttribute[Any], values: Collection[Any]) -> list[Any]:
    """Return the rows of a table whose column holds one of the values, by id where it has one."""
    order = model.id if hasattr(model, "id") else column
    return [
        row
        for some in chunks(sorted(values))
        for row in session.scalars(select(model).where(column.in_(some)).order_by(order))
    ]


def holds(column: Any, addresses: Collection[str]) -> Any:
    """Ask which texts hold one of some addresses; JSON writes what is not ASCII in its own way."""
    spelt = {form for each in addresses for form in (each, json.dumps(each)[1:-1])}
    return or_(*(func.lower(column).contains(each, autoescape=True) for each in sorted(spelt)))


def person(session: Session, team_id: int, given: Iterable[str]) -> tuple[list[str], set[int]]:
    """Return all addresses and the contacts of one person, following from some addresses until nothing is new."""
    addresses: dict[str, None] = dict.fromkeys(given)
    contacts: dict[int, str] = {}
    new, first = set(addresses), True
    while new:
        found = _contacts(session, team_id, new, by_mail=first)
        first = False
        fresh = {key: address for key, address in found.items() if key not in contacts}
        contacts |= fresh
        seconds = _seconds(session, team_id, fresh)
        new = {each for each in (*fresh.values(), *seconds) if each not in addresses}
        addresses |= dict.fromkeys(sorted(new))
    return list(addresses), set(contacts)


def _contacts(session: Session, team_id: int, addresses: Collection[str], *, by_mail: bool) -> dict[int, str]:
    """Return the contacts that are at these addresses, and those whose second addresses people said they are.

    What a mail taught counts for the address that was asked for alone: a colleague may have answered for somebody.
    """
    said = SecondAddress.address.in_(addresses)
    query = (
        select(Contact.id, Contact.address)
        .outerjoin(SecondAddress, SecondAddress.contact_id == Contact.id)
        .where(Contact.team_id == team_id)
        .where(or_(Contact.address.in_(addresses), said if by_mail else said & SecondAddress.actor.is_not(None)))
    )
    return {row.id: row.address for row in session.execute(query)}


def _seconds(session: Session, team_id: int, contacts: Collection[int]) -> list[str]:
    """Return the other addresses of contacts, without those that mail taught and that are contacts in their own right.

    A mail does not tell that two contacts are one person.
    """
    own = select(Contact.id).where(Contact.team_id == team_id, Contact.address == SecondAddress.address).exists()
    query = select(SecondAddress.address).where(
        SecondAddress.contact_id.in_(contacts), or_(SecondAddress.actor.is_not(None), ~own)
    )
    return list(session.scalars(query))


def _messages(session: Session, team_id: int, addresses: Collection[str], recipients: Collection[int]) -> list[int]:
    mailboxes = list(session.scalars(select(Mailbox.id).where(Mailbox.team_id == team_id)))
    of_team = InboundMessage.mailbox_id.in_(mailboxes)
    named = select(MessageClue.message_id).where(MessageClue.value.in_(addresses))
    found = {
        *session.scalars(select(InboundMessage.id).where(of_team, InboundMessage.from_address.in_(addresses))),
        *session.scalars(select(InboundMessage.id).where(of_team, InboundMessage.id.in_(named))),
        *_ids(session, RecipientEvent.message_id, RecipientEvent.recipient_id, recipients, _STANDS),
    }
    firsts = _ids(session, InboundMessage.duplicate_of, InboundMessage.id, found)
    found.update(each for each in firsts if each is not None)
    hashes = _ids(session, InboundMessage.content_hash, InboundMessage.id, found)
    return sorted(found | set(_ids(session, InboundMessage.id, InboundMessage.content_hash, hashes, of_team)))


_STANDS = RecipientEvent.retracted_at.is_(None) & RecipientEvent.message_id.is_not(None)
"""A mail that turned out to be somebody else's is theirs."""


def _ids(
    session: Session,
    wanted: InstrumentedAttribute[Any],
    column: InstrumentedAttribute[Any],
    values: Collection[Any],
    *where: ColumnElement[bool],
) -> list[Any]:
    query = select(wanted).where(*where)
    return sorted(
        {each for some in chunks(values) for each in session.scalars(query.where(column.in_(some)))},
        key=lambda each: (each is None, each),
    )
