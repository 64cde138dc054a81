"""People sign in with name and password; who fails often waits, longer each time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address, ip_network
from itertools import pairwise, takewhile
from threading import BoundedSemaphore

from sqlalchemy import Engine, delete, select, update
from sqlalchemy.orm import Session

from config import logs
from models.session import lock_table, reading, transaction
from models.tables.people import SignInFailure, User
from worker.errors import InputError
from worker.people.users import LONGEST_NAME, SignedIn, plain_name, who
from worker.secrets.passwords import hash_password, needs_rehash, verify

log = logs.logger(__name__)

WINDOW = timedelta(minutes=15)
FREE_OF_NAME, FREE_OF_CLIENT = 5, 30
"""So many failures make nobody wait."""
SHORTEST, LONGEST = timedelta(minutes=1), timedelta(minutes=15)
STEPS = 5
"""After so many more failures the wait is the longest."""
KEPT = timedelta(days=1)
LONGEST_CLIENT = 64
NETWORK = 64
"""Bits of an IPv6 address that a provider gives to one customer, who has all addresses below them."""
WRONG = "Name or password is wrong."
BUSY = "Too many are signing in at this moment; try again in a few seconds."
BUSY_SECONDS = 5
AT_ONCE = 8
_TURNS = BoundedSemaphore(AT_ONCE)
"""A flood of attempts may keep few of a process's threads waiting: unsubscribe links are answered by the same ones."""


@dataclass(frozen=True, slots=True)
class Refused:
    """Why nobody was signed in; the sentence is the same whether the name is known or not."""

    says: str
    retry_after_seconds: int | None = None


@dataclass(frozen=True, slots=True)
class _Attempt:
    name: str
    client: str
    at: datetime


def sign_in(engine: Engine, name: str, password: str, client: str, now: datetime) -> SignedIn | Refused:
    """Say who signs in with a name and a password, or why nobody does.

    Args:
        engine: each step is a transaction of its own, so that nobody waits while a password is looked at.
        name: as it was typed.
        password: as it was typed; it is not looked at while the name or the client has to wait.
        client: the network address that asks.
        now: aware UTC.
    """
    if not _TURNS.acquire(blocking=False):
        return Refused(BUSY, BUSY_SECONDS)
    try:
        return _sign_in(engine, name, password, client, now)
    finally:
        _TURNS.release()


def _sign_in(engine: Engine, name: str, password: str, client: str, now: datetime) -> SignedIn | Refused:
    attempt = _Attempt(_storable(plain_name(name), LONGEST_NAME), _customer(client), now)
    wait = _begin(engine, attempt)
    if wait:
        return Refused(_says(wait), wait)
    with reading(engine) as session:
        kept = session.execute(
            select(User.id, User.password_hash).where(User.name == attempt.name, User.disabled_at.is_(None))
        ).one_or_none()
    user_id, hashed = kept or (0, None)
    if verify(hashed, password) and hashed:
        new_hash = hash_password(password) if needs_rehash(hashed) else hashed
        with transaction(engine) as session:
            found = _let_in(session, attempt, user_id, hashed, new_hash)
        if found:
            log.info(
                "user_signed_in", says="user {user} signed in from {client}", user=found.name, client=attempt.client
            )
            return found
    # A name that nobody has may be a password, typed into the wrong field.
    log.warning(
        "sign_in_refused",
        says="sign-in of {user} from {client} refused",
        user=attempt.name if kept else "an unknown name",
        client=attempt.client,
    )
    return Refused(WRONG)


def sign_in_proven(engine: Engine, address: str, client: str) -> SignedIn:
    """Return who signs in whose address an identity provider has verified; it is the name of a user.

    Args:
        engine: of the database.
        address: as the provider writes it.
        client: the network address that asks.

    Raises:
        InputError: nobody of that name may sign in.
    """
    # Only A to Z: beyond them some capitals become the small letter of another character, and so another's address.
    name = "".join(each.lower() if each.isascii() else each for each in address)
    if len(name) > LONGEST_NAME or not name.isprintable():
        raise InputError("the provider names an address that no user can have")
    with reading(engine) as session:
        row = session.execute(who().where(User.name == name)).one_or_none()
    if row is None:
        raise InputError(f"nobody named {name} may sign in here; an admin of your team adds you, or enables you again")
    found = SignedIn(*row)
    log.info(
        "user_signed_in_by_provider",
        says="user {user} signed in from {client} by the identity provider",
        user=found.name,
        client=client,
    )
    return found


def _begin(engine: Engine, attempt: _Attempt) -> int:
    """Return how many seconds the attempt has to wait; where it need not, it counts as failed until it succeeds.

    Counted only afterwards, any number of attempts at the same moment would be free.
    """
    with reading(engine) as session:
        wait = _wait(session, attempt)
    if wait:
        # Who has to wait takes no lock: a SQLite database has one for all writers.
        return wait
    with transaction(engine) as session:
        lock_table(session, SignInFailure)
        wait = _wait(session, attempt)
        if not wait:
            session.execute(delete(SignInFailure).where(SignInFailure.at < attempt.at - KEPT))
            session.add(SignInFailure(name=attempt.name, client=attempt.client, at=attempt.at))
    return wait


def _let_in(session: Session, attempt: _Attempt, user_id: int, hashed: str, new_hash: str) -> SignedIn | None:
    """Forget the failures of the name, unless its password was changed or its user disabled meanwhile."""
    row = session.execute(who().where(User.id == user_id, User.password_hash == hashed)).one_or_none()
    if row is None:
        return None
    session.execute(delete(SignInFailure).where(SignInFailure.name == attempt.name))
    if new_hash != hashed:
        session.execute(
            update(User).where(User.id == user_id, User.password_hash == hashed).values(password_hash=new_hash)
        )
    return SignedIn(*row)


def _wait(session: Session, attempt: _Attempt) -> int:
    until = max(_until_of_name(session, attempt), _until_of_client(session, attempt))
    return max(0, -((attempt.at - until) // timedelta(seconds=1)))


def _until_of_name(session: Session, attempt: _Attempt) -> datetime:
    """Return until when the name waits: longer with each failure that came soon after the one before."""
    query = select(SignInFailure.at).where(SignInFailure.name == attempt.name).order_by(SignInFailure.at.desc())
    times = session.scalars(query.limit(FREE_OF_NAME + STEPS)).all()
    pauses = (later - earlier for later, earlier in pairwise([attempt.at, *times]))
    failures = sum(1 for _ in takewhile(lambda pause: pause < WINDOW, pauses))
    if failures <= FREE_OF_NAME:
        return attempt.at
    doubled: int = 2 ** (failures - FREE_OF_NAME - 1)
    return times[0] + min(SHORTEST * doubled, LONGEST)


def _until_of_client(session: Session, attempt: _Attempt) -> datetime:
    """Return until when the client waits: until few enough of its failures are recent."""
    query = select(SignInFailure.at).where(SignInFailure.client == attempt.client).order_by(SignInFailure.at.desc())
    one_too_many = session.scalar(query.offset(FREE_OF_CLIENT).limit(1))
    return one_too_many + WINDOW if one_too_many else attempt.at


def _says(wait: int) -> str:
    minutes = -(-wait // 60)
    return f"Too many attempts failed; try again in {minutes} minute{'s' if minutes > 1 else ''}."


def _customer(client: str) -> str:
    """Return what the failures of one network address are counted under."""
    try:
        address = ip_address(client)
    except ValueError:
        return _storable(client, LONGEST_CLIENT)
    if not isinstance(address, IPv6Address):
        return str(address)
    return str(address.ipv4_mapped or ip_network((int(address), NETWORK), strict=False))


def _storable(text: str, longest: int) -> str:
    """Return what a stranger typed, as far as a database takes it."""
    return "".join(each for each in text if each.isprintable())[:longest]
