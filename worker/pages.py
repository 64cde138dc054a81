"""Long lists in pages: recipients by their newest change, contacts by address; reads only, fast among millions.

A page begins behind the last row of the one before it, so deep pages cost no more than the first.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, exists, literal, or_, select, true, tuple_
from sqlalchemy import Row as RowOf
from sqlalchemy.orm import Session

from models.events import SequenceState, Status
from models.tables import Campaign, Contact, DneEntry, Recipient
from worker.chunks import CHUNK
from worker.errors import InputError
from worker.places import contact_place, place, recipient_place
from worker.story import Row, live_targets, standing_row
from worker.suppression import LIVE, Covering, domains_below, suppressed
from worker.words import begins_words, words_of

LIMIT = 50
WINDOW = 3_000
"""So many of the next rows are looked at for words before the index of words is asked, which knows no order."""
SPARSE = 24
"""Of so many contacts one at least is under Do Not Email, in most teams."""


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows of a list, and the cursor of the page after it; None: this is the last one."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactFilter:
    """Which contacts are asked for; None: any. `do_not_email`: a live entry covers the address, or none does."""

    words: str | None = None
    do_not_email: bool | None = None


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
    ids = _newest(session, conditions, words_of(wanted.words or ""), limit + 1)
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
    return _newest(session, _standing(session, team_id, wanted), words, limit)


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
        raise InputError(f"no campaign {key!r} in this team; inbox-worker campaigns list shows the keys")
    return found


def _newest(session: Session, conditions: Sequence[ColumnElement[bool]], words: list[str], limit: int) -> Sequence[int]:
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
    every = select(Recipient.id, Recipient.changed_at).join(Contact, Contact.id == Recipient.contact_id)
    every = every.where(*conditions, *begins_words(session, words, Contact.address)).offset(0)
    return session.scalars(_in_order(every, limit)).all()


def _in_order(query: Select[int, datetime], limit: int) -> Select[int]:
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
    found = find_contacts(session, team_id, wanted, address, limit + 1)
    shown = found[:limit]
    stand = _statuses(session, [contact.id for contact in shown])
    rows = [_contact(contact, stand.get(contact.id, [])) for contact in shown]
    return Page(rows, place(shown[-1].address) if len(found) > limit else None)


@dataclass(frozen=True, slots=True)
class CoveredContact:
    """A contact with what covers it."""

    id: int
    address: str
    covers: Sequence[Covering]


def find_contacts(
    session: Session, team_id: int, wanted: ContactFilter, after: str | None, limit: int
) -> Sequence[CoveredContact]:
    """Return the next contacts that are wanted, by address."""
    words = words_of(wanted.words or "")
    if wanted.do_not_email is None:
        return _covered(session, team_id, _by_address(session, _after(team_id, after), words, limit))
    kept: list[CoveredContact] = []
    seen, size = 0, min(limit * SPARSE, max(limit, WINDOW)) if wanted.do_not_email else limit
    while True:
        base = _after(team_id, after)
        if wanted.do_not_email and seen >= WINDOW:
            base = base.where(_may_be_banned(session, team_id))
        batch = _covered(session, team_id, _by_address(session, base, words, size))
        kept += [each for each in batch if bool(each.covers) is wanted.do_not_email]
        if len(batch) < size or len(kept) >= limit:
            return kept[:limit]
        seen, after = seen + size, batch[-1].address
        # As many as will do, going by the share of those seen that were wanted.
        size = min(WINDOW, limit + (limit - len(kept)) * seen // (len(kept) or 1))


def _after(team_id: int, address: str | None) -> Select[int, str]:
    query = select(Contact.id, Contact.address).where(Contact.team_id == team_id)
    return query if address is None else query.where(Contact.address > address)


def _by_address(session: Session, base: Select[int, str], words: list[str], limit: int) -> Sequence[RowOf[int, str]]:
    """Return the next contacts by address; for the two ways see `_newest`."""
    near = base.order_by(Contact.address).limit(WINDOW if words else limit).subquery()
    found = select(near.c.id, near.c.address).where(*begins_words(session, words, near.c.address))
    rows = session.execute(found.order_by(near.c.address).limit(limit)).all()
    if not words or len(rows) == limit or session.scalar(select(near.c.id).offset(WINDOW - 1)) is None:
        return rows
    every = base.where(*begins_words(session, words, Contact.address)).offset(0).subquery()
    return session.execute(select(every.c.id, every.c.address).order_by(every.c.address).limit(limit)).all()


def _covered(session: Session, team_id: int, rows: Sequence[RowOf[int, str]]) -> list[CoveredContact]:
    covers = suppressed(session, team_id, [address for _, address in rows])
    return [CoveredContact(contact_id, address, covers.get(address, ())) for contact_id, address in rows]


def _may_be_banned(session: Session, team_id: int) -> ColumnElement[bool]:
    """Return a condition that leaves out contacts that no entry covers, for where hardly any is covered."""
    live = DneEntry.team_id == team_id, *LIVE
    named = exists().where(DneEntry.target == Contact.address, *live)
    targets = session.scalars(select(DneEntry.target).where(*live, ~DneEntry.target.contains("@")))
    domains = domains_below(session, team_id, set(targets))
    return or_(named, Contact.domain.in_(domains)) if len(domains) <= CHUNK else true()


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
