"""What may happen to the database while mail comes in: no room, no server, no right to write. Nothing is lost of it."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from shutil import copyfile
from typing import Any

import pytest
from sqlalchemy import event, make_url, text
from sqlalchemy.exc import OperationalError, ProgrammingError

from models.migrate import upgrade
from models.session import DatabaseUnavailable, open_engine
from tests.journey.here import Here
from tests.journey.world import NAME, World
from tests.lab import Lab, Outcome, deliver, once, recent, undisturbed
from tests.servers import PrivateDovecot, PrivatePostgres
from tests.small_mails import Exchange
from tests.soak import either
from worker.cli.failures import describe

pytestmark = pytest.mark.server

MAILS = 12


@pytest.fixture(scope="module")
def mails() -> list[Exchange]:
    return recent(MAILS)


@pytest.fixture(scope="module")
def expected(
    dovecot: PrivateDovecot, sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory, mails: Sequence[Exchange]
) -> Outcome:
    return undisturbed(dovecot, sqlite_template, tmp_path_factory.mktemp("expected"), mails)


@pytest.fixture
def small(
    sqlite_template: Path, tmp_path: Path, dovecot: PrivateDovecot, imap_user: str, mails: Sequence[Exchange]
) -> Iterator[Lab]:
    """A mailbox with a SQLite file."""
    copyfile(sqlite_template, tmp_path / "small.sqlite")
    lab = Lab(open_engine(f"sqlite:///{tmp_path}/small.sqlite"), dovecot, imap_user)
    lab.furnish(mails)
    deliver(dovecot, imap_user, mails)
    yield lab
    lab.engine.dispose()


def test_a_full_disk_loses_nothing(small: Lab, expected: Outcome) -> None:
    """With a page more room each time: every poll gets as far as the room goes, and the last to the end."""
    room = [0]

    @event.listens_for(small.engine, "checkout")
    def limit(connection: sqlite3.Connection, *_: object) -> None:
        connection.execute(f"PRAGMA max_page_count={room[0]}")

    with small.engine.connect() as connection:
        room[0] = connection.execute(text("PRAGMA page_count")).scalar_one()
    full = taken = 0
    while failure := failed(small):
        assert "disk is full" in str(describe(failure))
        assert small.outcome().messages >= taken
        taken, full, room[0] = small.outcome().messages, full + 1, room[0] + 1
    assert full > 2
    assert small.outcome() == expected


def failed(lab: Lab, **watching: Any) -> Exception | None:
    """Poll once; return how the database failed."""
    try:
        lab.poll(**watching)
    except (OperationalError, ProgrammingError, DatabaseUnavailable) as error:
        return error
    return None


# What is read once into temporary files is read before.
NO_ROOM = """
import resource, sys
from classifier.language import language_of
from worker.cli import main
language_of("Good morning")
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
sys.exit(main())
"""


def test_a_process_that_may_write_no_more_says_so_in_a_line_and_loses_nothing(
    world: World, mails: Sequence[Exchange]
) -> None:
    """The file system refuses in the middle of a write, as a full one does."""
    done = begin(world, [sys.executable, "-c", NO_ROOM])
    assert (done.returncode, "Traceback" in done.stderr) == (1, False), done.stderr
    assert "the database failed" in done.stderr
    assert "nothing is lost" in done.stderr
    world.run("poll", NAME)
    assert all_is_well(world, mails)


def test_a_file_that_may_only_be_read_is_named_and_loses_nothing(world: World, mails: Sequence[Exchange]) -> None:
    database = Path(make_url(world.database_url).database or "")
    database.chmod(0o444)
    database.parent.chmod(0o555)
    # Root may write whatever it likes, but for a process that has given this up.
    without = ["setpriv", "--bounding-set", "-dac_override"] if os.geteuid() == 0 else []
    done = begin(world, [*without, sys.executable, "-m", "worker"])
    database.parent.chmod(0o755)
    database.chmod(0o644)
    assert (done.returncode, "Traceback" in done.stderr) == (1, False), done.stderr
    assert "INBOX_DATABASE_URL" in done.stderr
    world.run("poll", NAME)
    assert all_is_well(world, mails)


@pytest.fixture
def world(
    dovecot: PrivateDovecot, sqlite_template: Path, tmp_path: Path, imap_user: str, mails: Sequence[Exchange]
) -> World:
    (tmp_path / "data").mkdir()
    copyfile(sqlite_template, tmp_path / "data/world.sqlite")
    return ready(Here(dovecot, imap_user, f"sqlite:///{tmp_path}/data/world.sqlite", tmp_path), mails)


def ready(world: World, mails: Sequence[Exchange]) -> World:
    deliver(world.server, world.user, mails)
    world.add_mailbox()
    world.import_sends([each.row for each in mails if not each.learnt])
    return world


def begin(world: World, program: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Poll in a process of its own, which is held back in some way."""
    # Where coverage is measured: such a process could not write down what it reached.
    environment = {name: value for name, value in world.environment.items() if not name.startswith("COVERAGE")}
    return subprocess.run(
        [*program, "poll", NAME],
        env=environment, cwd=world.folder, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


def all_is_well(world: World, mails: Sequence[Exchange]) -> bool:
    state = world.end_state()
    changed = sum(status != "Active" for status, *_ in state.recipients.values())
    return (changed, state.events, world.messages()) == (len(mails),) * 3


@pytest.fixture(scope="module")
def own_postgres() -> Iterator[PrivatePostgres]:
    """A PostgreSQL that may be stopped."""
    with PrivatePostgres() as server:
        yield server


@pytest.fixture
def own_url(own_postgres: PrivatePostgres, imap_user: str) -> Iterator[str]:
    url = own_postgres.create_database(imap_user)
    engine = open_engine(url)
    upgrade(engine)
    engine.dispose()
    yield url
    own_postgres.drop_database(imap_user)


@pytest.fixture
def large(own_url: str, dovecot: PrivateDovecot, imap_user: str, mails: Sequence[Exchange]) -> Iterator[Lab]:
    """A mailbox with a database on a PostgreSQL that may be stopped."""
    lab = Lab(open_engine(own_url), dovecot, imap_user)
    lab.furnish(mails)
    deliver(dovecot, imap_user, mails)
    yield lab
    lab.engine.dispose()


@pytest.mark.parametrize("after", [1, MAILS // 2])
def test_a_database_that_breaks_down_in_mid_poll_loses_nothing(
    large: Lab, own_postgres: PrivatePostgres, expected: Outcome, after: int
) -> None:
    def break_down() -> None:
        own_postgres.down()
        own_postgres.up()

    failure = failed(large, progress=once(break_down, after))
    assert failure is None or describe(failure)
    assert failed(large) is None
    assert large.outcome() == expected


def test_a_user_who_may_only_read_the_database_is_told_and_loses_nothing(large: Lab, expected: Outcome) -> None:
    owner = large.engine
    with owner.begin() as connection:
        connection.execute(text("CREATE ROLE reader LOGIN IN ROLE pg_read_all_data"))
    large.engine = open_engine(owner.url.set(username="reader").render_as_string())
    failure = failed(large)
    large.engine.dispose()
    large.engine = owner
    assert failure is not None
    assert "permission denied" in str(describe(failure))
    assert failed(large) is None
    assert large.outcome() == expected


def test_a_daemon_outlives_a_database_that_is_down_for_a_while(
    own_url: str, own_postgres: PrivatePostgres, dovecot: PrivateDovecot, tmp_path: Path, imap_user: str,
    mails: Sequence[Exchange],
) -> None:  # fmt: skip
    world = Here(dovecot, imap_user, own_url, tmp_path, {"INBOX_POLL_SECONDS": "1"})
    deliver(dovecot, imap_user, mails[: MAILS // 2])
    world.add_mailbox()
    world.import_sends([each.row for each in mails if not each.learnt])
    with (tmp_path / "log").open("w") as log:
        command = [sys.executable, "-m", "worker", "run"]
        daemon = subprocess.Popen(command, env=world.environment, cwd=tmp_path, stdout=log, stderr=log)
    try:
        wait_for(lambda: world.messages() == MAILS // 2)
        own_postgres.down()
        deliver(dovecot, imap_user, mails[MAILS // 2 :])
        time.sleep(either(3, 60))
        assert daemon.poll() is None
        own_postgres.up()
        wait_for(lambda: world.messages() == MAILS)
        daemon.send_signal(signal.SIGTERM)
        assert daemon.wait(60) == 0
    finally:
        daemon.kill()
        daemon.wait()
    assert all_is_well(world, mails)


def wait_for(what: Callable[[], bool], seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.1)
