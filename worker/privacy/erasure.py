"""Forgets a person who asks for it: their words and addresses go, what happened stays, and they are never mailed again.

In place of each address stands a name that tells nobody whose it is (`worker.secrets.pseudonyms`), and under it a ban.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from classifier.decode import normal_address
from models.events import DneReason
from models.rows import insert_new
from models.session import Writer
from models.tables.mailing import Contact
from models.tables.outside import EventType
from models.tables.privacy import Erasure
from models.tables.standing import DneEntry
from worker.act import Act
from worker.errors import InputError
from worker.matching.veil import tells
from worker.privacy.held import Held, held, person
from worker.privacy.scrub import scrub
from worker.secrets.pseudonyms import Pseudonyms, first_pseudonyms, is_pseudonym
from worker.sending.sends import ADDRESS
from worker.webhooks.dispatch import LOCK as OUTBOX
from worker.writing.book import covering
from worker.writing.locks import lock, lock_team
from worker.writing.outbox import Told, tell
from worker.writing.refold import refold
from worker.writing.stored import storable

NOTE = "erased on request"


@dataclass(frozen=True, slots=True)
class Erased:
    """What an erasure did: the names that stand in place of the addresses, and how many rows of each kind it took."""

    addresses: tuple[str, ...]
    names: tuple[str, ...]
    counts: dict[str, int]


def erase(session: Session, team_id: int, address: str, act: Act) -> Erased:
    """Forget the person at an address in one team, and ban them for good; who is not known is banned all the same.

    Call `worker.privacy.sqlite_log.empty_log` once it is committed.

    Args:
        session: inside a write transaction, which does everything or nothing.
        team_id: whose contacts and mailboxes.
        address: any address of the person, however it is written.
        act: who, when and why.

    Raises:
        InputError: it is no address, no reason is given, or there are no keys to encrypt with (INBOX_SECRET_KEYS).
    """
    address = _address(address)
    if not act.why:
        raise InputError("an erasure needs a reason (--why): it is what is kept of the request")
    lock_team(session, team_id, exclusive=True)
    if session.get_bind().dialect.name == "postgresql":
        # Whoever writes deliveries down would write them for events that are emptied here.
        session.execute(select(func.pg_advisory_xact_lock(OUTBOX)))
    names = first_pseudonyms(session, act.at)
    known_as, contacts = person(session, team_id, (address, names.of(address)))
    if tells(act.why, known_as):
        raise InputError("the reason is kept, so it must not name the person; say it without the address (--why)")
    locked = lock(session, contacts)
    whose = held(session, team_id, address, names.of(address))
    bans = _bans_of_domains(session, whose, names, act)
    counts = scrub(session, whose, names, act)
    pseudonyms = _pseudonyms(session, whose, names)
    insert_new(session, DneEntry, [*bans, *(_ban(team_id, name, act) for name in pseudonyms)])
    refold(session, locked, act.at)
    addresses = tuple(each for each in whose.addresses if not is_pseudonym(each))
    tell(session, team_id, [_told(each, names.of(each), act) for each in addresses], act.at)
    kept = Erasure(
        team_id=team_id, pseudonyms=pseudonyms, counts=counts, actor=act.by, why=storable(act.why), recorded_at=act.at
    )
    session.add(kept)
    session.flush()
    return Erased(addresses, tuple(pseudonyms), counts)


class _RehearsalOver(Exception):  # noqa: N818 - no error, the way out of the transaction
    """Rolls the rehearsed work back."""


def rehearse(writer: Writer, team_id: int, address: str, act: Act) -> Erased:
    """Say what `erase` would do: it is done, and taken back before anybody sees it."""
    done: Erased | None = None
    with suppress(_RehearsalOver), writer() as session:
        done = erase(session, team_id, address, act)
        raise _RehearsalOver
    assert done is not None  # noqa: S101 - only what it raises itself leaves the transaction quietly
    return done


def _address(text: str) -> str:
    address = normal_address(text)
    if not ADDRESS.fullmatch(address):
        raise InputError(f"{text!r} is no address")
    if is_pseudonym(address):
        raise InputError(f"{address} stands for somebody who was erased; to do it again give the address itself")
    return address


def _pseudonyms(session: Session, whose: Held, names: Pseudonyms) -> list[str]:
    """Return the names of every address, and what contacts are called where such a name was taken."""
    query = select(Contact.address).where(Contact.id.in_(whose.contacts))
    return sorted({*map(names.of, whose.addresses), *session.scalars(query)})


def _ban(team_id: int, name: str, act: Act) -> dict[str, Any]:
    return {
        "team_id": team_id,
        "target": name,
        "reason": DneReason.MANUAL,
        "source": uuid.uuid4().hex,
        "since": act.at,
        "actor": act.by,
        "note": NOTE,
        "lifted_at": None,
        "lifted_by": None,
        "recorded_at": act.at,
    }


def _bans_of_domains(session: Session, whose: Held, names: Pseudonyms, act: Act) -> Sequence[dict[str, Any]]:
    """Return entries that ban a contact's name as long as entries of its domain banned the address.

    A name lies in no domain, and without them the past would fold to something else.
    """
    domains = {names.of(each): covering(each)[1:] for each in whose.addresses if not is_pseudonym(each)}
    query = select(DneEntry).where(DneEntry.team_id == whose.team_id, DneEntry.withdrawn_at.is_(None))
    return [
        _ban(whose.team_id, name, act)
        | {"reason": DneReason.DOMAIN, "since": each.since, "lifted_at": each.lifted_at, "lifted_by": each.lifted_by}
        | {"note": None}
        for name, above in domains.items()
        for each in session.scalars(query.where(DneEntry.target.in_(above)).order_by(DneEntry.id))
    ]


def _told(address: str, name: str, act: Act) -> Told:
    payload = {"address": address, "name": name, "at": act.at.isoformat(), "by": act.by}
    return Told(EventType.CONTACT_ERASED, address, payload)
