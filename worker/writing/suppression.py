"""Who may not be mailed: the live Do Not Email entries that cover addresses, for one address and for many."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from classifier.decode import normal_address
from models.events import DneReason
from models.tables.mailing import Contact
from models.tables.privacy import Erasure
from models.tables.standing import DneEntry
from worker.chunks import chunks
from worker.secrets.pseudonyms import is_pseudonym, pseudonyms
from worker.writing.book import covering

LIVE = (DneEntry.lifted_at.is_(None), DneEntry.withdrawn_at.is_(None))
"""The conditions under which an entry bans."""


AT_ONCE = 1_000
"""Addresses of one step; each may have a hundred domains above it."""


@dataclass(frozen=True, slots=True)
class Covering:
    """One live entry that keeps an address from being mailed: what it names, why, and since when."""

    target: str
    reason: DneReason
    since: datetime

    def __str__(self) -> str:
        """Say it in words."""
        if is_pseudonym(self.target):
            return f"erased on request on {self.since:%Y-%m-%d}"
        return f"{self.target}: {self.reason.value} since {self.since:%Y-%m-%d}"


def suppressed(session: Session, team_id: int, addresses: Iterable[str]) -> dict[str, list[Covering]]:
    """Return, for each address that may not be mailed, what covers it: its own entries, then domains'.

    Of an address that was erased only this is said.

    Args:
        session: any.
        team_id: whose list.
        addresses: however they are written; the answer names them as they were given.

    Raises:
        InputError: somebody was erased, and the key to tell who cannot be opened.
    """
    found: dict[str, list[Covering]] = {}
    for chunk in chunks(dict.fromkeys(addresses), AT_ONCE):
        plain = {address: normal_address(address) for address in chunk}
        names = _pseudonym_of(session, plain.values())
        targets = {address: covering(each) for address, each in plain.items()}
        live = _live(session, team_id, {*names.values(), *(name for each in targets.values() for name in each)})
        for address, covers in targets.items():
            erased = live.get(names.get(plain[address], ""), ())
            if entries := erased[-1:] or [entry for name in covers for entry in live.get(name, ())]:
                found[address] = list(entries)
    return found


def is_suppressed(session: Session, team_id: int, address: str) -> bool:
    """Say whether an address may not be mailed; one query over the unique index of the entries."""
    plain = normal_address(address)
    targets = [*covering(plain), *_pseudonym_of(session, [plain]).values()]
    query = select(DneEntry.id).where(DneEntry.team_id == team_id, DneEntry.target.in_(targets), *LIVE)
    return session.scalar(query.limit(1)) is not None


def erased(session: Session, team_id: int, addresses: Iterable[str]) -> dict[str, str]:
    """Return, for each address that was erased, the name that stands in its place; nobody else is in the answer.

    Who lifts the ban of a name lets the address begin anew, so that it is known by itself again.

    Args:
        session: any.
        team_id: whose list.
        addresses: in their normal form.

    Raises:
        InputError: somebody was erased, and the key to tell who cannot be opened.
    """
    whose = {name: address for address, name in _pseudonym_of(session, addresses).items()}
    return {whose[name]: name for name in _live(session, team_id, whose.keys())}


def all_erased(session: Session, team_id: int) -> set[str]:
    """Return every name that stands for somebody who was erased and is still banned; for whoever asks of millions."""
    if pseudonyms(session) is None:
        return set()
    lists = session.scalars(select(Erasure.pseudonyms).where(Erasure.team_id == team_id))
    return set(_live(session, team_id, {name for each in lists for name in each}))


def _pseudonym_of(session: Session, addresses: Iterable[str]) -> dict[str, str]:
    """Return the names that addresses would have; nothing where nobody was ever erased."""
    names = pseudonyms(session)
    return {each: names.of(each) for each in addresses if not is_pseudonym(each)} if names else {}


def contacts_covered(session: Session, team_id: int, target: str) -> list[int]:
    """Return the contacts an address or a domain (with its subdomains) covers."""
    if "@" in target:
        condition = Contact.address == target
    else:
        condition = or_(Contact.domain == target, Contact.domain.endswith("." + target, autoescape=True))
    return list(session.scalars(select(Contact.id).where(Contact.team_id == team_id, condition)))


def contacts_below(session: Session, team_id: int, domains: AbstractSet[str]) -> list[int]:
    """Return the contacts at any of these domains or their subdomains, in id order; for many domains at once."""
    below = domains_below(session, team_id, domains)
    query = select(Contact.id).where(Contact.team_id == team_id)
    return sorted(
        contact_id for chunk in chunks(below) for contact_id in session.scalars(query.where(Contact.domain.in_(chunk)))
    )


def domains_below(session: Session, team_id: int, domains: AbstractSet[str]) -> list[str]:
    """Return the contacts' domains that are any of these or their subdomains."""
    if not domains:
        return []
    known = session.scalars(select(Contact.domain).where(Contact.team_id == team_id).distinct())
    return [each for each in known if not domains.isdisjoint(covering(each))]


def _live(session: Session, team_id: int, targets: Collection[str]) -> dict[str, list[Covering]]:
    live: dict[str, list[Covering]] = defaultdict(list)
    for chunk in chunks(sorted(targets)):
        query = select(DneEntry.target, DneEntry.reason, DneEntry.since).where(
            DneEntry.team_id == team_id, DneEntry.target.in_(chunk), *LIVE
        )
        for row in session.execute(query.order_by(DneEntry.since, DneEntry.id)):
            live[row.target].append(Covering(*row))
    return live
