"""What may happen to the database while mail comes in: no room, no server, no right to write. Nothing is lost of it."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from shutil import copyfile

import pytest
from sqlalchemy import Engine, event, make_url, text
from sqlalchemy.exc import OperationalError

from models.migrate import upgrade
from models.session import DatabaseUnavailable, open_engine
from tests.journey.world import NAME, World
from tests.lab import Lab, Outcome, deliver, recent
from tests.servers import PrivateDovecot, PrivatePostgres
from tests.small_mails import Exchange
from tests.soak import either

pytestmark = pytest.mark.server

MAILS = 12
TROUBLE = (OperationalError, DatabaseUnavailable)


@pytest.fixture(scope="module")
def mails() -> list[Exchange]:
    return recent(MAILS)


@pytest.fixture
def lab(engine: Engine, dovecot: PrivateDovecot, imap_user: str, mails: Sequence[Exchange]) -> Lab:
    lab = Lab(engine, dovecot, imap_user)
    lab.furnish(mails)
    deliver(dovecot, imap_user, mails)
    return lab


@pytest.fixture(scope="module")
def expected(
    dovecot: PrivateDovecot, sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory, mails: Sequence[Exchange]
) -> Outcome:
    """What an undisturbed poll comes to."""
    path = tmp_path_factory.mktemp("expected") / "expected.sqlite"
    copyfile(sqlite_template, path)
    engine = open_engine(f"sqlite:///{path}")
    lab = Lab(engine, dovecot, "undisturbed database")
    lab.furnish(mails)
    deliver(dovecot, lab.user, mails)
    lab.poll()
    outcome = lab.outcome()
    engine.dispose()
    return outcome


def sqlite_lab(template: Path, folder: Path, dovecot: PrivateDovecot, user: str) -> Lab:
    copyfile(template, folder / "small.sqlite")
    return Lab(open_engine(f"sqlite:///{folder}/small.sqlite"), dovecot, user)


def test_a_full_disk_loses_nothing(
    sqlite_template: Path, tmp_path: Path, dovecot: PrivateDovecot, imap_user: str, mails: Sequence[Exchange],
    expected: Outcome,
) -> None:  # fmt: skip
    """A page at a time more room, until everything has found its place: each poll gets as far as the room goes."""
    lab = sqlite_lab(sqlite_template, tmp_path, dovecot, imap_user)
    lab.furnish(mails)
    deliver(dovecot, imap_user, mails)
    room = [0]

    @event.listens_for(lab.engine, "checkout")
    def limit(connection: object, *_: object) -> None:
        connection.execute(f"PRAGMA max_page_count={room[0]}")  # type: ignore[attr-defined]

    with lab.engine.connect() as connection:
        room[0] = connection.execute(text("PRAGMA page_count")).scalar_one()
    full, taken = 0, 0
    while True:
        try:
            lab.poll()
        except OperationalError as error:
            assert "full" in str(error)
            full += 1
        else:
            break
        room[0] += 1
        assert lab.outcome().messages >= taken
        taken = lab.outcome().messages
    assert full > 3
    assert lab.outcome() == expected
    lab.engine.dispose()
