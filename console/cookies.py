"""The two cookies: who is signed in, and what the next page is to say; both signed, and read by no script."""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from fastapi import Request, Response
from itsdangerous import BadSignature, URLSafeSerializer

from console.office import Office

SESSION, FLASH = "inbox_session", "inbox_flash"
IDLE = timedelta(hours=12)
"""Unused for so long, a session is over."""
LONGEST = timedelta(days=7)
"""However much it is used, a session is over then."""
RENEWED = timedelta(minutes=10)
"""A session older than this is written anew, so that it counts as used."""
LONGEST_FLASH = 600


@dataclass(frozen=True, slots=True)
class Session:
    """One browser: signed in where `user_id` is given. `csrf` stands in every form and in no other site's."""

    csrf: str
    begun_at: datetime
    used_at: datetime
    user_id: int | None = None
    epoch: int = 0

    def is_due(self, now: datetime) -> bool:
        """Say whether the cookie is to be written anew."""
        return now - self.used_at >= RENEWED


@dataclass(frozen=True, slots=True)
class Flash:
    """What the next page says once; `undo` is the address that takes it back."""

    says: str
    undo: str | None = None
    wrong: bool = False


def begin(now: datetime, user_id: int | None = None, epoch: int = 0) -> Session:
    """Return a new session; who signs in gets a new one, so that nobody else knows it."""
    return Session(secrets.token_urlsafe(24), now, now, user_id, epoch)


def session_of(request: Request, office: Office) -> Session | None:
    """Return the session that a request belongs to, unless its cookie is missing, forged, or too old."""
    said = read(request, office, SESSION)
    try:
        session = Session(
            said["c"], datetime.fromisoformat(said["b"]), datetime.fromisoformat(said["t"]), said["u"], said["e"]
        )
    except (KeyError, TypeError, ValueError):
        return None
    now = office.clock()
    return session if now - session.used_at < IDLE and now - session.begun_at < LONGEST else None


def write_session(response: Response, request: Request, office: Office, session: Session) -> None:
    """Let the browser keep a session."""
    used = replace(session, used_at=office.clock())
    said = {"c": used.csrf, "b": used.begun_at.isoformat(), "t": used.used_at.isoformat()}
    write(response, request, office, SESSION, said | {"u": used.user_id, "e": used.epoch})


def flash(response: Response, request: Request, office: Office, said: Flash) -> None:
    """Let the next page say something."""
    write(response, request, office, FLASH, {"s": said.says[:LONGEST_FLASH], "u": said.undo, "w": said.wrong})


def flash_of(request: Request, office: Office) -> Flash | None:
    """Return what this page is to say."""
    said = read(request, office, FLASH)
    return Flash(said["s"], said["u"], said["w"]) if said else None


def same(one: str, other: str) -> bool:
    """Compare two secrets in a time that tells nothing."""
    return hmac.compare_digest(one.encode(), other.encode())


def write(
    response: Response, request: Request, office: Office, name: str, said: dict[str, Any], seconds: int | None = None
) -> None:
    """Let the browser keep values that nobody can change: so many seconds, or as long as it runs."""
    value = _signer(office, name).dumps(said)
    assert isinstance(value, str)  # noqa: S101 - what dumps gives for a JSON serializer
    response.set_cookie(
        _named(request, office, name), value, seconds,
        path="/", secure=_is_secure(request, office), httponly=True, samesite="lax",
    )  # fmt: skip


def forget(response: Response, request: Request, office: Office, name: str) -> None:
    """Let the browser forget what it kept under a name."""
    response.delete_cookie(_named(request, office, name), path="/", secure=_is_secure(request, office), httponly=True)


def read(request: Request, office: Office, name: str) -> dict[str, Any]:
    """Return the values that a browser kept; none where they are missing or forged."""
    try:
        said = _signer(office, name).loads(request.cookies.get(_named(request, office, name), ""))
    except BadSignature:
        return {}
    return said if isinstance(said, dict) else {}


def _is_secure(request: Request, office: Office) -> bool:
    return request.url.scheme == "https" or (office.settings.public_url or "").startswith("https:")


def _named(request: Request, office: Office, name: str) -> str:
    """Return the name that a browser takes from this very host alone, where it reaches us by https (RFC 6265bis)."""
    return f"__Host-{name}" if _is_secure(request, office) else name


def _signer(office: Office, name: str) -> URLSafeSerializer:
    # The last key signs; each is accepted, so that keys can be exchanged while people are signed in.
    return URLSafeSerializer(list(office.cookie_keys), salt=name)
