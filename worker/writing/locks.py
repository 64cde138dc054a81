"""What a transaction locks before it writes, always in this order: its team, then the contacts by id."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import bindparam, select, union_all
from sqlalchemy.orm import Session

from models.among import among, unindexed
from models.session import lock_contacts
from models.tables.mailing import Contact, SecondAddress
from models.tables.people import Team
from worker.working_days import Calendar


def lock_team(session: Session, team_id: int, *, exclusive: bool) -> Calendar:
    """Keep sends from arriving (exclusive: mail from being tied) until the end of the transaction.

    Otherwise a mail and the send that explains it, written at the same moment, would not see each other.

    Returns:
        the days on which the team works.
    """
    # Not FOR UPDATE: whoever writes a row that names the team would wait for it, and may hold the contact we want.
    found = session.execute(_TEAM_ALONE if exclusive else _TEAM_AT_WORK, {"team_id": team_id})
    return Calendar(*found.one())


_TEAM = Team.__table__.c
_OF_TEAM = select(_TEAM.time_zone, _TEAM.working_days, _TEAM.holidays).where(_TEAM.id == bindparam("team_id"))
_TEAM_ALONE = _OF_TEAM.with_for_update(key_share=True)
_TEAM_AT_WORK = _OF_TEAM.with_for_update(read=True)


def lock(session: Session, contact_ids: Iterable[int]) -> list[int]:
    """Lock the contacts, and those of the same persons, in id order; return all their ids."""
    ids: set[int] = set()
    new = set(contact_ids)
    while new:
        ids |= new
        new = set(session.scalars(_SAME_PERSONS, {"ids": new})) - ids
    locked = sorted(ids)
    lock_contacts(session, locked)
    return locked


_FIRST, _SECOND, _ADDRESS = Contact.__table__.alias(), Contact.__table__.alias(), SecondAddress.__table__.c
_PAIRS = _FIRST.join(SecondAddress.__table__, _ADDRESS.contact_id == _FIRST.c.id).join(
    _SECOND, _SECOND.c.address == _ADDRESS.address
)
"""Contacts, and the contacts that their second addresses are."""
_SAME_PERSONS = union_all(
    select(_SECOND.c.id)
    .select_from(_PAIRS)
    .where(among(_ADDRESS.contact_id, "ids"), _SECOND.c.team_id == _FIRST.c.team_id),
    select(_FIRST.c.id)
    .select_from(_PAIRS)
    .where(among(_SECOND.c.id, "ids"), unindexed(_FIRST.c.team_id) == _SECOND.c.team_id),
)
