"""Finds contacts by words and by whether they may be mailed, in the order of their addresses; fast among millions."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row as RowOf
from sqlalchemy import Select, Subquery, Text, exists, func, literal, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from models.tables.mailing import Contact
from models.tables.standing import DneEntry
from worker.chunks import CHUNK
from worker.queries.plans import looked_up
from worker.queries.words import begins_words, has_words_of, words_of
from worker.writing.suppression import LIVE, Covering, domains_below, suppressed

WINDOW = 3_000
"""So many of the next contacts or entries are looked at in one step; for rare words then their index, which knows no
order."""
BATCHES = 5
"""So many steps are made for one page before it ends as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactFilter:
    """Which contacts are asked for; None: any. `do_not_email`: a live entry covers the address, or none does."""

    words: str | None = None
    do_not_email: bool | None = None


@dataclass(frozen=True, slots=True)
class CoveredContact:
    """A contact with what covers it."""

    id: int
    address: str
    covers: Sequence[Covering]


@dataclass(frozen=True, slots=True)
class Found:
    """Some contacts, and the address behind which the next ones are to be looked for; None: there are no more."""

    contacts: Sequence[CoveredContact]
    next: str | None


def find_contacts(session: Session, team_id: int, wanted: ContactFilter, after: str | None, limit: int) -> Found:
    """Return the next contacts that are wanted, by address: at most so many, and fewer where they are rare."""
    words = words_of(wanted.words or "")
    if wanted.do_not_email is None:
        rows = _by_address(session, _after(team_id, after), words, limit + 1)
        return _cut(_covered(session, team_id, rows), limit)
    if wanted.do_not_email and (domains := _banned_domains(session, team_id)) is not None:
        return _banned(session, _Banned(team_id, domains, words), after, limit)
    kept: list[CoveredContact] = []
    seen, size = 0, limit + 1
    for _ in range(BATCHES):
        batch = _covered(session, team_id, _by_address(session, _after(team_id, after), words, size))
        kept += [each for each in batch if bool(each.covers) is wanted.do_not_email]
        if len(batch) < size or len(kept) > limit:
            return _cut(kept, limit)
        seen, after = seen + size, batch[-1].address
        # As many as will do, going by the share of those seen that were wanted.
        size = min(WINDOW, limit + 1 + (limit + 1 - len(kept)) * seen // (len(kept) or 1))
    return Found(kept, after)


def _cut(found: Sequence[CoveredContact], limit: int, looked_to: str | None = None) -> Found:
    return Found(found[:limit], found[limit - 1].address) if len(found) > limit else Found(found, looked_to)


def _after(team_id: int, address: str | None) -> Select[int, str]:
    query = select(Contact.id, Contact.address).where(Contact.team_id == team_id)
    return query if address is None else query.where(Contact.address > address)


def _by_address(session: Session, base: Select[int, str], words: list[str], limit: int) -> Sequence[RowOf[int, str]]:
    """Return the next contacts by address: common words are soon found among these, rare ones by their index."""
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


@dataclass(frozen=True, slots=True)
class _Banned:
    """The contacts of a team that an entry of their own or of one of these domains covers, and that have all words."""

    team_id: int
    domains: Sequence[str]
    words: list[str]

    def own(self, session: Session, some: Subquery) -> Select[*tuple[Any, ...]]:
        """Return the query of those that some entries name."""
        theirs = select(Contact.id, Contact.address).where(
            Contact.team_id == self.team_id, Contact.address == some.c.target
        )
        return looked_up(session, some, theirs.where(*begins_words(session, self.words, Contact.address)))

    def below(self, session: Session, after: str | None, reach: str | None) -> Select[int, str]:
        """Return the query of those that a domain covers between two addresses, in their order."""
        theirs = _after(self.team_id, after).where(Contact.domain.in_(self.domains))
        if reach is None:
            return theirs.where(*begins_words(session, self.words, Contact.address)).order_by(Contact.address)
        # Few lie between two addresses; the index of words, which has very many of common ones, is not to be asked.
        some = theirs.where(Contact.address <= reach).offset(0).subquery()
        named = begins_words(session, self.words, some.c.address)
        return select(some.c.id, some.c.address).where(*named).order_by(some.c.address)


def _banned_domains(session: Session, team_id: int) -> Sequence[str] | None:
    """Return the contacts' domains that an entry covers; None: too many for one statement."""
    banned = select(DneEntry.target).where(DneEntry.team_id == team_id, *LIVE, ~DneEntry.target.contains("@"))
    known = set(session.scalars(banned))
    search = _domains_by_index if session.get_bind().dialect.name == "postgresql" else domains_below
    domains = search(session, team_id, known)
    return domains if len(domains) <= CHUNK else None


def _domains_by_index(session: Session, team_id: int, domains: AbstractSet[str]) -> list[str]:
    """Return what `domains_below` does, without reading all domains there are: PostgreSQL finds them by their words."""
    # The longest label is the rarest word; but a last one such as "com" stands in half of all addresses.
    longest = [max(domain.split(".")[:-1] or [domain], key=len) for domain in domains]
    texts = (literal(each, ARRAY(Text)) for each in (list(domains), longest))
    given = func.unnest(*texts).table_valued("domain", "word").render_derived()
    some = select(given.c.domain, given.c.word).offset(0).subquery()
    same = exists().where(Contact.team_id == team_id, Contact.domain == some.c.domain)
    suffix = func.right(Contact.domain, func.length(some.c.domain) + 1) == literal(".") + some.c.domain
    below = select(Contact.domain).where(Contact.team_id == team_id, has_words_of(some.c.word), suffix).distinct()
    found = [*session.scalars(select(some.c.domain).where(same)), *session.scalars(looked_up(session, some, below))]
    return list(dict.fromkeys(found))


def _banned(session: Session, wanted: _Banned, after: str | None, limit: int) -> Found:
    """Return the next contacts under Do Not Email, by address: going by the entries, of which most have a contact."""
    kept: list[RowOf[int, str]] = []
    size = min(WINDOW, 4 * (limit + 1))
    for _ in range(BATCHES):
        some, reach = _entries(session, wanted, after, size)
        kept += _merged(session, wanted, some, (after, reach), limit + 1 - len(kept))
        if len(kept) > limit or reach is None:
            return _cut(_covered(session, wanted.team_id, kept), limit)
        after, size = reach, WINDOW
    return _cut(_covered(session, wanted.team_id, kept), limit, after)


def _entries(session: Session, wanted: _Banned, after: str | None, size: int) -> tuple[Subquery, str | None]:
    """Return the next entries of addresses: all that have rare words, else so many, and the last address of these."""
    entries = select(DneEntry.target).where(DneEntry.team_id == wanted.team_id, *LIVE, DneEntry.target.contains("@"))
    if after is not None:
        entries = entries.where(DneEntry.target > after)
    if wanted.words:
        named = entries.where(*begins_words(session, wanted.words, DneEntry.target))
        number = session.scalar(select(func.count()).select_from(named.limit(WINDOW + 1).subquery()))
        if number is not None and number <= WINDOW:
            return named.offset(0).subquery(), None
    some = entries.order_by(DneEntry.target).limit(size).subquery()
    looked_at = session.execute(select(func.count(), func.max(some.c.target))).one()
    return some, looked_at[1] if looked_at[0] == size else None


def _merged(
    session: Session, wanted: _Banned, entries: Subquery, between: tuple[str | None, str | None], limit: int
) -> Sequence[RowOf[int, str]]:
    """Return the first by address of those that the entries name, or a domain covers between two addresses."""
    after, reach = between
    both = wanted.own(session, entries).subquery()
    if wanted.domains:
        # A domain may have very many contacts; as many as the page takes will do.
        below = wanted.below(session, after, reach).limit(limit).subquery()
        both = select(both.c.id, both.c.address).union(select(below.c.id, below.c.address)).subquery()
    query = select(both.c.id, both.c.address).distinct().order_by(both.c.address)
    return session.execute(query.limit(limit)).all()
