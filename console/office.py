"""What every request is worked on with."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from fastapi import Request
from sqlalchemy import Engine

from config.settings import Settings
from worker.errors import InputError
from worker.matching.links import Links, links_with


@dataclass(frozen=True, slots=True)
class Office:
    """The database, the settings, and the clock (aware UTC)."""

    engine: Engine
    settings: Settings
    clock: Callable[[], datetime]
    cookie_keys: tuple[bytes, ...]
    """Sign cookies; the last one signs, each is accepted."""

    @property
    def links(self) -> Links | None:
        """What links are made with; None while the settings name no address or no key."""
        try:
            return links_with(self.settings.public_url, self.settings.signing_keys)
        except InputError:
            return None


def open_office(engine: Engine, settings: Settings, clock: Callable[[], datetime]) -> Office:
    """Return what an application works with; without secret keys people are signed in until it ends."""
    keys = settings.encryption_keys or (secrets.token_urlsafe(),)
    # What signs cookies is no key that opens stored secrets.
    cookie_keys = tuple(hmac.digest(key.encode(), b"console cookies", "sha256") for key in reversed(keys))
    return Office(engine, settings, clock, cookie_keys)


def office_of(request: Request) -> Office:
    """Return what this application works with."""
    office: Office = request.app.state.office
    return office


async def the_office(request: Request) -> Office:
    """Return what this application works with; a dependency, and one that needs no thread of its own."""
    return office_of(request)


async def body_of(request: Request) -> bytes:
    """Return the body as it came; a dependency, so that endpoints themselves can run in threads."""
    return await request.body()
