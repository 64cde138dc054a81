"""What the tests of the mailbox pages share: a key to encrypt with, a provider, and mailboxes in any state."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from selectolax.lexbor import LexborHTMLParser
from sqlalchemy import select

from models.session import reading, transaction
from models.tables.mailboxes import Mailbox
from tests.console.conftest import OURS, Console
from tests.worker.small_world import BOX
from tests.worker.token_server import CLIENT_ID, CLIENT_SECRET, TokenServer, token_server
from worker.secrets.vault import new_key


@pytest.fixture
def console(console: Console) -> Console:
    """The console with a key to encrypt with."""
    console.settings["secret_keys"] = new_key()
    return console


@pytest.fixture
def google(console: Console) -> Iterator[TokenServer]:
    """A provider that this installation is registered with, as Google."""
    with token_server() as server:
        console.settings |= {
            "google_client_id": CLIENT_ID, "google_client_secret": CLIENT_SECRET, "google_issuer": server.issuer,
        }  # fmt: skip
        yield server


def box(console: Console, name: str = BOX.name) -> Mailbox:
    with reading(console.engine) as session:
        return session.scalars(select(Mailbox).where(Mailbox.name == name)).one()


def make(console: Console, name: str, team_id: int = OURS, **columns: Any) -> int:
    with transaction(console.engine) as session:
        made = Mailbox(
            team_id=team_id, name=name, port=993, username=name,
            **{"host": "h", "password": "canary-password", "last_success_at": console.now, **columns},
        )  # fmt: skip
        session.add(made)
        session.flush()
        return made.id


def row(page: LexborHTMLParser, name: str) -> Any:
    return next(each for each in page.css("tbody tr") if name in each.text())


def actions(page: LexborHTMLParser) -> set[str]:
    return {str(each.attributes["action"]) for each in page.css("main form[method=post]")}
