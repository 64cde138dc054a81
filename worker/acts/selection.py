"""Whom a person means by a selection: ids that were ticked, or everything that a filter matches."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.tables.mailing import Contact, Recipient
from worker.chunks import chunks
from worker.errors import InputError, NotFoundError
from worker.queries.contact_search import ContactFilter, CoveredContact, find_contacts
from worker.queries.pages import RecipientFilter, matching_recipients

MOST = 10_000
"""Recipients or addresses of one act."""

LOOKS = 10
"""So often the next part of the contacts is looked through for those that a filter means."""

Selection = Collection[int] | RecipientFilter
"""Ids, or everything that a filter matches."""


def chosen(session: Session, team_id: int, selection: Selection) -> list[int]:
    """Return the ids of the recipients that are meant.

    Raises:
        InputError: too many at once, or the team has no such recipient.
    """
    if isinstance(selection, RecipientFilter):
        found = list(matching_recipients(session, team_id, selection, MOST + 1))
        refuse_too_many(found)
        return found
    ids = list(dict.fromkeys(selection))
    refuse_too_many(ids)
    known: set[int] = set()
    for some in chunks(ids):
        query = select(Recipient.id).where(Recipient.team_id == team_id, Recipient.id.in_(some))
        known.update(session.scalars(query))
    for recipient_id in ids:
        if recipient_id not in known:
            raise NotFoundError(f"no recipient {recipient_id} in this team; inbox-worker recipients list shows them")
    return ids


def addresses_of(session: Session, team_id: int, ids: Collection[int]) -> list[str]:
    """Return the addresses of recipients, each once, in order; ids of other teams have none."""
    query = select(Contact.address).join(Recipient, Recipient.contact_id == Contact.id)
    query = query.where(Contact.team_id == team_id)
    return sorted({each for some in chunks(ids) for each in session.scalars(query.where(Recipient.id.in_(some)))})


def chosen_contacts(session: Session, team_id: int, contacts: Collection[int] | ContactFilter) -> dict[int, str]:
    """Return id -> address of the contacts that are meant.

    Raises:
        InputError: too many at once, or the team has no such contact.
    """
    if isinstance(contacts, ContactFilter):
        return {each.id: each.address for each in _matching_contacts(session, team_id, contacts)}
    ids = list(dict.fromkeys(contacts))
    refuse_too_many(ids)
    query = select(Contact.id, Contact.address).where(Contact.team_id == team_id)
    rows = [row for some in chunks(ids) for row in session.execute(query.where(Contact.id.in_(some)))]
    addresses = {row.id: row.address for row in rows}
    for contact_id in ids:
        if contact_id not in addresses:
            raise NotFoundError(f"no contact {contact_id} in this team; look for it among the contacts")
    return {contact_id: addresses[contact_id] for contact_id in ids}


def _matching_contacts(session: Session, team_id: int, wanted: ContactFilter) -> list[CoveredContact]:
    """Return the contacts that a filter matches.

    Raises:
        InputError: too many, or too many to be looked through.
    """
    found: list[CoveredContact] = []
    after = None
    for _ in range(LOOKS):
        part = find_contacts(session, team_id, wanted, after, MOST + 1 - len(found))
        found += part.contacts
        refuse_too_many(found)
        if part.next is None:
            return found
        after = part.next
    raise InputError("there are too many contacts to look through; narrow the choice down with words of the address")


def refuse_too_many(chosen: Sequence[Any]) -> None:
    """See that an act on many stays small enough to be looked through.

    Raises:
        InputError: it is too large.
    """
    if len(chosen) > MOST:
        raise InputError(f"that is more than {MOST:,} at once; narrow the choice down, or do it in several steps")
