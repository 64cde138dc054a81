"""Long lists in pages: recipients by their newest change, contacts by address; reads only, fast among millions.

A page begins behind the last row of the one before it, so deep pages cost no more than the first.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, literal, select, tuple_
from sqlalchemy.orm import Session

from models.events import SequenceState, Status
from models.tables.mailing import Campaign, Contact, Recipient
from worker.errors import NotFoundError
from worker.queries.contact_search import WINDOW, ContactFilter, CoveredContact, find_contacts
from worker.queries.places import contact_place, place, recipient_place
from worker.queries.plans import looked_up
from worker.queries.story import Row, live_targets, standing_row
from worker.queries.words import begins_words, words_of

LIMIT = 50


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows of a list, and the cursor of the page after it; None: this is the last one.

    Where those that a filter wants are rare, a page may hold fewer rows than asked for, or none, and still go on.
    """

    rows: list[Row]
    next: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipientFilter:
    """Which recipients are asked for; None: any. `campaign` is a key, `words` is what was typed to search for."""

    campaign: str | None = None
    status: Status | None = None
    sequence: SequenceState | None = None
    words: str | None = None
    unlisted: bool = False
    """Also those that left the campaign's list."""


def recipients_page(
    session: Session, team_id: int, wanted: RecipientFilter, after: str | None = None, limit: int = LIMIT
) -> Page:
    """Return recipients, the newest change first, each with the Do Not Email targets that cover its address.

    Raises:
        InputError: a damaged cursor, no such campaign, or too many words.
    """
    conditions = _standing(session, team_id, wanted)
    if after is not None:
        at, recipient_id = recipient_place(after)
        last = tuple_(literal(at, Recipient.changed_at.type), literal(recipient_id, Recipient.id.type))
        conditions.append(tuple_(Recipient.changed_at, Recipient.id) < last)
    ids = _newest(session, team_id, conditions, words_of(wanted.words or ""), limit + 1)
    query = (
        select(Recipient, Contact.address, Campaign.key, Campaign.name)
        .join(Contact, Contact.id == Recipient.contact_id)
        .join(Campaign, Campaign.id == Recipient.campaign_id)
        .where(Recipient.id.in_(ids[:limit]))
        .order_by(*_NEWEST)
    )
    found = session.execute(query).all()
    banned = live_targets(session, team_id, {row.address for row in found})
    rows = [row_of(*row, banned.get(row.address, [])) for row in found]
    more = len(ids) > limit
    return Page(rows, place(rows[-1]["changed_at"].isoformat(), rows[-1]["id"]) if more else None)


def matching_recipients(session: Session, team_id: int, wanted: RecipientFilter, limit: int) -> Sequence[int]:
    """Return the ids of at most so many recipients that a filter matches, the newest change first.

    Raises:
        InputError: no such campaign, or too many words.
    """
    words = words_of(wanted.words or "")
    return _newest(session, team_id, _standing(session, team_id, wanted), words, limit)


_NEWEST = (Recipient.changed_at.desc(), Recipient.id.desc())


def _standing(session: Session, team_id: int, wanted: RecipientFilter) -> list[ColumnElement[bool]]:
    """Return what a filter asks of recipients, without its words.

    Raises:
        InputError: the team has no such campaign.
    """
    conditions = [Recipient.team_id == team_id]
    if wanted.campaign is not None:
        conditions.append(Recipient.campaign_id == _campaign(session, team_id, wanted.campaign))
    if wanted.status is not None:
        conditions.append(Recipient.status == wanted.status)
    if wanted.sequence is not None:
        conditions.append(Recipient.sequence == wanted.sequence)
    if not wanted.unlisted:
        conditions.append(Recipient.listed.is_(True))
    return conditions


def _campaign(session: Session, team_id: int, key: str) -> int:
    found = session.scalar(select(Campaign.id).where(Campaign.team_id == team_id, Campaign.key == key))
    if found is None:
        raise NotFoundError(f"no campaign {key!r} in this team; inbox-worker campaigns list shows the keys")
    return found


def _newest(
    session: Session, team_id: int, conditions: Sequence[ColumnElement[bool]], words: list[str], limit: int
) -> Sequence[int]:
    """Return ids of recipients, the newest change first.

    Common words are soon found among the newest changes; where that fails the words are rare, and it is quick to find
    all who have them and to order these. No single plan is quick for both, and a planner guesses badly which it is.
    """
    newest = select(Recipient.id, Recipient.changed_at, Recipient.contact_id).where(*conditions).order_by(*_NEWEST)
    if not words:
        return session.scalars(newest.limit(limit)).all()
    near = newest.limit(WINDOW).subquery()
    # The offset of nothing keeps PostgreSQL from asking the index of words here, and from the order further down.
    named = select(near.c.id, near.c.changed_at, Contact.address).join(Contact, Contact.id == near.c.contact_id)
    looked_at = named.order_by(near.c.changed_at.desc(), near.c.id.desc()).offset(0).subquery()
    found = select(looked_at.c.id, looked_at.c.changed_at).where(*begins_words(session, words, looked_at.c.address))
    ids = session.scalars(_in_order(found, limit)).all()
    if len(ids) == limit or session.scalar(select(near.c.id).offset(WINDOW - 1)) is None:
        return ids
    has_words = begins_words(session, words, Contact.address)
    who = select(Contact.id).where(Contact.team_id == team_id, *has_words).offset(0).subquery()
    theirs = select(Recipient.id, Recipient.changed_at).where(Recipient.contact_id == who.c.id, *conditions)
    return session.scalars(_in_order(looked_up(session, who, theirs), limit)).all()


def _in_order(query: Select[*tuple[Any, ...]], limit: int) -> Select[int]:
    found = query.subquery()
    return select(found.c.id).order_by(found.c.changed_at.desc(), found.c.id.desc()).limit(limit)


def row_of(recipient: Recipient, address: str, key: str, name: str, banned: list[str]) -> Row:
    """Return a recipient with the key and name of its campaign and what covers its address."""
    return {
        "id": recipient.id,
        "address": address,
        "campaign": key,
        "campaign_name": name,
        **standing_row(recipient),
        "changed_at": recipient.changed_at,
        "do_not_email": banned,
    }


def contacts_page(
    session: Session, team_id: int, wanted: ContactFilter, after: str | None = None, limit: int = LIMIT
) -> Page:
    """Return contacts by address, each with the live Do Not Email entries that cover it and where it stands.

    Raises:
        InputError: a damaged cursor, or too many words.
    """
    address = contact_place(after) if after is not None else None
    found = find_contacts(session, team_id, wanted, address, limit)
    stand = _statuses(session, [contact.id for contact in found.contacts])
    rows = [_contact(contact, stand.get(contact.id, [])) for contact in found.contacts]
    return Page(rows, place(found.next) if found.next is not None else None)


def _statuses(session: Session, contact_ids: Sequence[int]) -> dict[int, list[Status]]:
    """Return contact -> its status in each campaign on whose list it stands."""
    found: dict[int, list[Status]] = defaultdict(list)
    query = select(Recipient.contact_id, Recipient.status).where(
        Recipient.contact_id.in_(contact_ids), Recipient.listed.is_(True)
    )
    for contact_id, status in session.execute(query):
        found[contact_id].append(status)
    return found


def _contact(contact: CoveredContact, statuses: Sequence[Status]) -> Row:
    return {
        "id": contact.id,
        "address": contact.address,
        "do_not_email": [{"target": each.target, "reason": each.reason.value} for each in contact.covers],
        "campaigns": len(statuses),
        "statuses": sorted({status.value for status in statuses}),
    }


def campaign_choices(session: Session, team_id: int) -> list[Row]:
    """Return key and name of the team's campaigns, by name, for a menu."""
    query = select(Campaign.key, Campaign.name).where(Campaign.team_id == team_id)
    return [{"key": key, "name": name} for key, name in session.execute(query.order_by(Campaign.name, Campaign.key))]
