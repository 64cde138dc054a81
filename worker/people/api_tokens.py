"""What other systems sign in with: random tokens of which only a hash is kept; each belongs to one team."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import Select, select, update
from sqlalchemy.orm import Session

from models.tables.outside import ApiToken
from worker.act import Act
from worker.errors import InputError
from worker.writing.locks import lock_team

PREFIX = "iw_"
"""So that scanners of leaked secrets, and people, see what it is."""
RANDOM_BYTES = 32
LONGEST_NAME = 100
SCOPES = ("sending", "view", "edit", "teach", "admin")
"""What a token may be used for; `console.rights` says what each gives."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Another system that signed in."""

    team_id: int
    name: str
    scopes: frozenset[str]

    @property
    def actor(self) -> str:
        """The name that its changes are stamped with."""
        return f"api: {self.name}"


def add_token(session: Session, team_id: int, name: str, act: Act, scopes: Collection[str] = (SCOPES[0],)) -> str:
    """Make a token and return it; it can never be shown again.

    Raises:
        InputError: the name is empty, too long, or that of another token in use; or a scope is missing or unknown.
    """
    wanted = [scope for scope in SCOPES if scope in scopes]
    if not wanted or len(wanted) < len(set(scopes)):
        raise InputError(f"a token has at least one scope, and only these: {', '.join(SCOPES)}")
    name = name.strip()
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise InputError(f"{name!r} is no name of a token; give 1 to {LONGEST_NAME} printable characters")
    lock_team(session, team_id, exclusive=True)
    if session.scalar(_in_use(team_id, name)) is not None:
        raise InputError(f"a token {name!r} is in use; revoke it first (inbox-worker tokens revoke {name})")
    token = PREFIX + secrets.token_urlsafe(RANDOM_BYTES)
    row = ApiToken(team_id=team_id, name=name, token_hash=_hash(token), scopes=wanted, actor=act.by, recorded_at=act.at)
    session.add(row)
    session.flush()
    return token


def revoke_token(session: Session, team_id: int, name: str, act: Act) -> None:
    """Let a token sign in no more.

    Raises:
        InputError: no token of this name is in use.
    """
    in_use = session.scalar(_in_use(team_id, name))
    if in_use is None:
        raise InputError(f"no token {name!r} is in use; inbox-worker tokens list shows them")
    session.execute(
        update(ApiToken).where(ApiToken.id == in_use, ApiToken.revoked_at.is_(None)).values(revoked_at=act.at)
    )


def list_tokens(session: Session, team_id: int) -> Sequence[ApiToken]:
    """Return the team's tokens, revoked ones too, the oldest first."""
    return session.scalars(select(ApiToken).where(ApiToken.team_id == team_id).order_by(ApiToken.id)).all()


def find_caller(session: Session, token: str) -> Caller | None:
    """Return who signs in with a token, or None where nobody does (any more)."""
    query = select(ApiToken.team_id, ApiToken.name, ApiToken.scopes).where(
        ApiToken.token_hash == _hash(token), ApiToken.revoked_at.is_(None)
    )
    row = session.execute(query).one_or_none()
    return Caller(row.team_id, row.name, frozenset(row.scopes)) if row else None


def _hash(token: str) -> str:
    # A random token of 256 bits needs no slow hash: nobody finds it by trying.
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _in_use(team_id: int, name: str) -> Select[int]:
    return select(ApiToken.id).where(ApiToken.team_id == team_id, ApiToken.name == name, ApiToken.revoked_at.is_(None))
