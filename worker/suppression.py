"""Who may not be mailed: the live Do Not Email entries that cover addresses, for one address and for many."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from classifier.decode import normal_address
from models.events import DneReason
from models.tables import Contact, DneEntry
from worker.book import covering
from worker.chunks import chunks

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
        return f"{self.target}: {self.reason.value} since {self.since:%Y-%m-%d}"


def suppressed(session: Session, team_id: int, addresses: Iterable[str]) -> dict[str, list[Covering]]:
    """Return, for each address that may not be mailed, what covers it: its own entries, then domains'.

    Args:
        session: any.
        team_id: whose list.
        addresses: however they are written; the answer names them as they were given.
    """
    found: dict[str, list[Covering]] = {}
    for chunk in chunks(dict.fromkeys(addresses), AT_ONCE):
        targets = {address: covering(normal_address(address)) for address in chunk}
        live = _live(session, team_id, {target for each in targets.values() for target in each})
        for address, names in targets.items():
            if covers := [entry for name in names for entry in live.get(name, ())]:
                found[address] = covers
    return found


def is_suppressed(session: Session, team_id: int, address: str) -> bool:
    """Say whether an address may not be mailed; one query over the unique index of the entries."""
    targets = covering(normal_address(address))
    query = select(DneEntry.id).where(DneEntry.team_id == team_id, DneEntry.target.in_(targets), *LIVE)
    return session.scalar(query.limit(1)) is not None


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
