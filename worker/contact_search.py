"""Finds contacts by words and by whether they may be mailed, in the order of their addresses; fast among millions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Row as RowOf
from sqlalchemy import Select, exists, or_, select
from sqlalchemy.orm import Session

from models.tables import Contact, DneEntry
from worker.chunks import CHUNK
from worker.suppression import LIVE, Covering, domains_below, suppressed
from worker.words import begins_words, words_of

WINDOW = 3_000
"""So many of the next rows are looked at for words before the index of words is asked, which knows no order."""
SPARSE = 24
"""Of so many contacts one at least is under Do Not Email, in most teams."""
BATCHES = 5
"""So often the next contacts are looked at for one page before it ends as it is."""
FAR = 100_000
"""So many of the next contacts the database looks through for the few that an entry covers."""


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
    kept: list[CoveredContact] = []
    seen, size = 0, min(limit * SPARSE, max(limit, WINDOW)) + 1 if wanted.do_not_email else limit + 1
    for _ in range(BATCHES):
        ahead = _after(team_id, after)
        if wanted.do_not_email and seen >= WINDOW and (domains := _banned_domains(session, team_id)) is not None:
            far = _far(session, team_id, ahead, domains, words).limit(limit + 1 - len(kept))
            kept += _covered(session, team_id, session.execute(far).all())
            return _cut(kept, limit, session.scalar(_last_of(ahead)))
        batch = _covered(session, team_id, _by_address(session, ahead, words, size))
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


def _banned_domains(session: Session, team_id: int) -> list[str] | None:
    """Return the contacts' domains that an entry covers; None: too many for one statement."""
    targets = session.scalars(
        select(DneEntry.target).where(DneEntry.team_id == team_id, *LIVE, ~DneEntry.target.contains("@"))
    )
    domains = domains_below(session, team_id, set(targets))
    return domains if len(domains) <= CHUNK else None


def _far(
    session: Session, team_id: int, ahead: Select[int, str], domains: Sequence[str], words: list[str]
) -> Select[int, str]:
    """Return the query of those that an entry covers among very many contacts ahead, where hardly any is covered."""
    some = ahead.add_columns(Contact.domain).order_by(Contact.address).limit(FAR).subquery()
    named = exists().where(DneEntry.team_id == team_id, DneEntry.target == some.c.address, *LIVE)
    covered = or_(named, some.c.domain.in_(domains)), *begins_words(session, words, some.c.address)
    return select(some.c.id, some.c.address).where(*covered).order_by(some.c.address)


def _last_of(ahead: Select[int, str]) -> Select[str]:
    """Return the query of the last address that `_far` looks at, where more come behind it."""
    return ahead.with_only_columns(Contact.address).order_by(Contact.address).offset(FAR - 1).limit(1)
