"""The console over a database of each kind: two teams that do not know each other, and a clock that stands."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from shutil import copyfile
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine, select
from starlette.types import ASGIApp

from config.settings import Settings
from console.app import create_app
from models.session import reading, transaction
from models.tables.people import Team
from models.tables.standing import RecipientEvent
from tests.console.visiting import Browser
from tests.worker.small_world import NOW, furnish, send_all, statuses
from worker.act import Act
from worker.matching.links import Linked, linked_of_addresses
from worker.people.api_tokens import add_token

KEY, OLD_KEY = "k" * 32, "o" * 32
PUBLIC_URL = "https://go.outreach.example"
ANNA, BEN = "anna@client.example", "ben@client.example"
OURS, THEIRS = 1, 2
"""The two teams."""


@dataclass
class Console:
    """What a test talks to."""

    engine: Engine
    now: datetime = NOW
    settings: dict[str, Any] = field(default_factory=lambda: {"public_url": PUBLIC_URL, "link_keys": KEY})
    apps: dict[str, ASGIApp] = field(default_factory=dict)

    @property
    def app(self) -> ASGIApp:
        """The application under the present settings."""
        name = str(self.settings)
        if name not in self.apps:
            self.apps[name] = create_app(self.engine, Settings(_env_file=None, **self.settings), lambda: self.now)
        return self.apps[name]

    def ask(self, method: str, path: str, token: str | None = None, **more: Any) -> httpx.Response:
        """Send one request and return the answer, whatever went wrong inside."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return asyncio.run(self.request(method, path, headers=headers | more.pop("headers", {}), **more))

    async def request(self, method: str, path: str, **more: Any) -> httpx.Response:
        transport = httpx.ASGITransport(app=self.app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://console") as client:
            return await client.request(method, path, **more)

    def token(self, team_id: int = OURS, name: str = "sender", scopes: Collection[str] = ("sending",)) -> str:
        with transaction(self.engine) as session:
            return add_token(session, team_id, name, Act("petra", self.now), scopes)

    def linked(self, address: str = ANNA, campaign: str = "campaign-1", team_id: int = OURS) -> Linked:
        with reading(self.engine) as session:
            (found,) = linked_of_addresses(session, team_id, [address], campaign)
            return found

    def events(self, *kinds: str) -> list[RecipientEvent]:
        with reading(self.engine) as session:
            query = select(RecipientEvent).order_by(RecipientEvent.id)
            return [each for each in session.scalars(query) if each.kind.value in kinds]

    def status(self, address: str = ANNA, campaign: str = "campaign-1") -> str:
        return statuses(self.engine)[campaign, address]


@pytest.fixture(autouse=True)
def names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask no name server: mail servers called inside lie in a private network, the others are public."""
    found = {"inside.example": "10.0.0.7"}
    monkeypatch.setattr(
        "worker.acts.private_hosts.system_addresses", lambda host, _: [found.get(host, "93.184.215.14")]
    )


@pytest.fixture(autouse=True)
def _signs_in_quickly(quick_passwords: None) -> None:
    """Nobody here waits for a slow hash; tests/worker/test_passwords.py is about those."""


@pytest.fixture
def database_url(sqlite_template: Path, tmp_path: Path) -> str:
    """A fresh SQLite file: what pages and endpoints do is tested on both databases where it is done, in tests/worker.

    Modules that begin on their own with both take the fixture of `tests.databases`.
    """
    copyfile(sqlite_template, tmp_path / "test.sqlite")
    return f"sqlite:///{tmp_path}/test.sqlite"


@pytest.fixture
def console(engine: Engine) -> Console:
    """Anna and Ben, each in two campaigns of the first team, after their sends; the second team is empty."""
    furnish(engine)
    with transaction(engine) as session:
        session.add(Team(id=THEIRS, name="theirs"))
    send_all(engine)
    return Console(engine)


@pytest.fixture
def browser(console: Console) -> Browser:
    """Somebody's browser; nobody is signed in yet."""
    return Browser(console)
