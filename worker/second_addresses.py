"""The other addresses from which people answered, as mail teaches them; what people say themselves is kept apart."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import CursorResult, delete, select
from sqlalchemy.orm import Session

from models.session import insert_new
from models.tables import Contact, SecondAddress
from worker.chunks import chunks
from worker.match import Match


def learn(session: Session, matches: Mapping[int, Sequence[Match]]) -> set[str]:
    """Keep the other addresses people answered from; return those that were not known."""
    pairs = {
        (one.send.contact_id, one.other_address) for found in matches.values() for one in found if one.other_address
    }
    known = {
        (row.contact_id, row.address)
        for chunk in chunks({contact_id for contact_id, _ in pairs})
        for row in session.execute(
            select(SecondAddress.contact_id, SecondAddress.address).where(SecondAddress.contact_id.in_(chunk))
        )
    }
    new = sorted(pairs - known)
    insert_new(session, SecondAddress, [{"contact_id": contact_id, "address": address} for contact_id, address in new])
    return {address for _, address in new if address}


def unlearn(session: Session, team_id: int, mailed: Collection[str | None]) -> bool:
    """Forget that mail came from these addresses of other contacts, and return whether it had been learnt.

    For they are mailed in their own right, and a mail does not tell that two contacts are one person.
    """
    theirs = SecondAddress.contact_id.in_(select(Contact.id).where(Contact.team_id == team_id))
    forgotten = 0
    for chunk in chunks(mailed):
        these = delete(SecondAddress).where(SecondAddress.address.in_(chunk), SecondAddress.actor.is_(None), theirs)
        result = session.execute(these.execution_options(synchronize_session=False))
        assert isinstance(result, CursorResult)  # noqa: S101 - tells the type checker what a DELETE gives
        forgotten += result.rowcount
    return forgotten > 0
