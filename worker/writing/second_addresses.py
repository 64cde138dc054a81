"""The other addresses from which people answered, as mail teaches them; what people say themselves is kept apart."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import CursorResult, bindparam, delete, select
from sqlalchemy.orm import Session

from models.among import among
from models.rows import insert_new, table_of
from models.tables.mailing import Contact, SecondAddress
from worker.match import Match


def learn(session: Session, matches: Mapping[int, Sequence[Match]]) -> set[str]:
    """Keep the other addresses people answered from; return those that were not known."""
    pairs = {
        (one.send.contact_id, one.other_address) for found in matches.values() for one in found if one.other_address
    }
    if not pairs:
        return set()
    contacts = {contact_id for contact_id, _ in pairs}
    known = {(row.contact_id, row.address) for row in session.execute(_KNOWN, {"contacts": contacts})}
    new = sorted(pairs - known)
    insert_new(session, SecondAddress, [{"contact_id": contact_id, "address": address} for contact_id, address in new])
    return {address for _, address in new if address}


def unlearn(session: Session, team_id: int, mailed: Collection[str | None]) -> bool:
    """Forget that mail came from these addresses of other contacts, and return whether it had been learnt.

    For they are mailed in their own right, and a mail does not tell that two contacts are one person.
    """
    result = session.execute(_FORGET, {"team_id": team_id, "addresses": [each for each in mailed if each]})
    assert isinstance(result, CursorResult)  # noqa: S101 - tells the type checker what a DELETE gives
    return result.rowcount > 0


_SECOND, _CONTACT = SecondAddress.__table__.c, Contact.__table__.c
_KNOWN = select(_SECOND.contact_id, _SECOND.address).where(among(_SECOND.contact_id, "contacts"))
_FORGET = delete(table_of(SecondAddress)).where(
    among(_SECOND.address, "addresses"),
    _SECOND.actor.is_(None),
    _SECOND.contact_id.in_(select(_CONTACT.id).where(_CONTACT.team_id == bindparam("team_id"))),
)
