"""The people who use the console: who they are, what they may do, and what ends their sessions."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, delete, exists, func, select, update
from sqlalchemy.orm import Session

from config import logs
from models.session import insert_new
from models.tables.people import EndedSession, Role, SignInFailure, Team, User
from worker.act import Act
from worker.errors import InputError, NotFoundError
from worker.people.teams import known_time_zone
from worker.secrets.passwords import hash_password, refuse_weak
from worker.writing.locks import lock_team

log = logs.logger(__name__)

LONGEST_NAME = 200


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A person who signed in, with what every page needs to know of them."""

    user_id: int
    team_id: int
    team: str
    name: str
    role: Role
    epoch: int
    time_zone: str
    """The person's, or else the team's."""
    guess_first: bool


def add_user(session: Session, team_id: int, name: str, role: Role, act: Act, password: str | None) -> int:
    """Add a person and return the id; without a password only an identity provider lets them in.

    Raises:
        InputError: the name is none, or taken (in any team), or the password is weak.
    """
    name = plain_name(name)
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise InputError(f"{name!r} is no name of a user; give 1 to {LONGEST_NAME} printable characters")
    row = {"team_id": team_id, "name": name, "role": role, "recorded_at": act.at}
    if not insert_new(session, User, [row | {"password_hash": _hash_of_new(name, password)}]):
        raise InputError(f"there is a user {name!r} already, perhaps in another team; give another name")
    log.info("user_added", says="user {user}: added as {role} by {by}", user=name, role=role, by=act.by)
    return user_id_of(session, team_id, name)


def set_password(
    session: Session, team_id: int, user_id: int, password: str, act: Act, epoch: int | None = None
) -> int:
    """Give a person a new password; it ends their sessions. Return what a session begun now has to know.

    Args:
        session: inside a write transaction.
        team_id: of the person.
        user_id: whose password it is.
        password: the new one.
        act: who does so, and when.
        epoch: what the session knows that asks for it, where the person does so: one that was ended may not.

    Raises:
        InputError: the team has no such user, the session was ended, or the password is weak.
    """
    name = _name_of(session, team_id, user_id)
    hashed = _hash_of_new(name, password)
    return _change(session, team_id, user_id, f"new password by {act.by}", epoch, password_hash=hashed)


def set_role(
    session: Session, team_id: int, user_id: int, role: Role, act: Act, *, at_the_machine: bool = False
) -> None:
    """Let a person do more or less; it ends their sessions.

    Raises:
        InputError: the team has no such user, or would have no admin left; at the machine itself that may be.
    """
    if role is not Role.ADMIN and not at_the_machine:
        _keep_an_admin(session, team_id, user_id)
    _change(session, team_id, user_id, f"made {role} by {act.by}", role=role)


def disable(session: Session, team_id: int, user_id: int, act: Act, *, at_the_machine: bool = False) -> None:
    """Let a person sign in no more, and end their sessions.

    Raises:
        InputError: as `set_role`.
    """
    if not at_the_machine:
        _keep_an_admin(session, team_id, user_id)
    _change(session, team_id, user_id, f"disabled by {act.by}", disabled_at=act.at)


def enable(session: Session, team_id: int, user_id: int, act: Act) -> None:
    """Let a person sign in again.

    Raises:
        NotFoundError: the team has no such user.
    """
    _change(session, team_id, user_id, f"enabled by {act.by}", disabled_at=None)


def sign_out_everywhere(session: Session, team_id: int, user_id: int, act: Act, epoch: int | None = None) -> int:
    """End all sessions of a person; return what a session begun now has to know, as `set_password`.

    Raises:
        InputError: the team has no such user, or the session that asks for it was ended.
    """
    return _change(session, team_id, user_id, f"signed out everywhere by {act.by}", epoch)


def sign_out(session: Session, token: str, now: datetime, until: datetime) -> None:
    """End one session, known by its token; until then its cookie would open pages."""
    session.execute(delete(EndedSession).where(EndedSession.until < now))
    insert_new(session, EndedSession, [{"token_hash": _hash(token), "until": until}])


def unlock(session: Session, team_id: int, user_id: int, act: Act) -> None:
    """Let a person try to sign in at once, however often it failed.

    Raises:
        NotFoundError: the team has no such user.
    """
    name = _name_of(session, team_id, user_id)
    session.execute(delete(SignInFailure).where(SignInFailure.name == name))
    log.info("user_unlocked", says="user {user}: unlocked by {by}", user=name, by=act.by)


def remember(
    session: Session, team_id: int, user_id: int, *, time_zone: str | None = None, guess_first: bool | None = None
) -> None:
    """Keep how a person likes the console.

    Args:
        session: inside a write transaction.
        team_id: of the person.
        user_id: whose wishes they are.
        time_zone: an IANA name; empty: the team's again; None: stays as it is.
        guess_first: whether reviews show the machine's guess at once; None: stays as it is.

    Raises:
        InputError: the team has no such user, or there is no such time zone.
    """
    _name_of(session, team_id, user_id)
    wanted: dict[str, Any] = {}
    if time_zone is not None:
        wanted["time_zone"] = known_time_zone(time_zone) if time_zone else None
    if guess_first is not None:
        wanted["guess_first"] = guess_first
    if wanted:
        session.execute(update(User).where(User.id == user_id).values(wanted))


def list_users(session: Session, team_id: int) -> Sequence[User]:
    """Return the people of a team by name, disabled ones too."""
    return session.scalars(select(User).where(User.team_id == team_id).order_by(User.name)).all()


def user_id_of(session: Session, team_id: int, name: str) -> int:
    """Return the id of a person.

    Raises:
        NotFoundError: the team has no such user.
    """
    found = session.scalar(select(User.id).where(User.team_id == team_id, User.name == plain_name(name)))
    if found is None:
        raise NotFoundError(f"the team has no user {name!r}; inbox-worker users list shows them")
    return found


def signed_in(session: Session, user_id: int, epoch: int, token: str = "") -> SignedIn | None:
    """Return who uses a session, or None where it has ended; asked for every page, so it is one statement."""
    ended = exists().where(EndedSession.token_hash == _hash(token))
    row = session.execute(who().where(User.id == user_id, User.epoch == epoch, ~ended)).one_or_none()
    return SignedIn(*row) if row else None


def who() -> Select[int, int, str, str, Role, int, str, bool]:
    """Return the query for the people who may sign in, with the fields of `SignedIn`."""
    time_zone = func.coalesce(User.time_zone, Team.time_zone)
    query = select(User.id, Team.id, Team.name, User.name, User.role, User.epoch, time_zone, User.guess_first)
    return query.join(Team, Team.id == User.team_id).where(User.disabled_at.is_(None))


def plain_name(text: str) -> str:
    """Return a name as it is kept: capitals, spaces around it, and two spellings of one accent make no difference."""
    return unicodedata.normalize("NFC", text.strip().lower())


def _hash_of_new(name: str, password: str | None) -> str | None:
    if password is None:
        return None
    refuse_weak(name, password)
    return hash_password(password)


def _name_of(session: Session, team_id: int, user_id: int) -> str:
    name = session.scalar(select(User.name).where(User.team_id == team_id, User.id == user_id))
    if name is None:
        raise NotFoundError(f"the team has no user {user_id}; inbox-worker users list shows them")
    return name


def _change(session: Session, team_id: int, user_id: int, says: str, epoch: int | None = None, **values: Any) -> int:
    """Change a person and end their sessions, which know the epoch they began in; return the new one."""
    name = _name_of(session, team_id, user_id)
    change = update(User).where(User.id == user_id).values(epoch=User.epoch + 1, **values).returning(User.epoch)
    now = session.scalar(change if epoch is None else change.where(User.epoch == epoch))
    if now is None:
        raise InputError("you were signed out meanwhile; sign in again")
    log.info("user_changed", says="user {user}: {change}", user=name, change=says)
    return now


def _keep_an_admin(session: Session, team_id: int, user_id: int) -> None:
    # Two admins may take the right from one another at the same moment.
    lock_team(session, team_id, exclusive=True)
    query = select(User.id).where(User.team_id == team_id, User.role == Role.ADMIN, User.disabled_at.is_(None))
    if session.scalars(query).all() == [user_id]:
        raise InputError(
            "the team would have no admin left; make somebody else an admin first, or do so at the machine itself"
            " (inbox-worker users set, users disable)"
        )


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
