"""Lost and restored: the mail since the backup is read again, and counts once; what people said since then is lost."""

from __future__ import annotations

import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import make_url, select

from models.session import reading
from models.tables.outside import EventType, OutboxEvent
from models.tables.standing import RecipientEvent
from tests.journey.here import Here
from tests.journey.world import NAME, World
from tests.lab import deliver, recent
from tests.servers import PrivateDovecot, PrivatePostgres
from tests.servers.postgres import postgres_program
from worker.webhooks.deliver import message_id_of

pytestmark = pytest.mark.server

MAILS = recent(20)
BEFORE, DURING = 8, 14
"""So many lie in the mailbox before the backup, and have been delivered when it begins; the others come after it."""
SECONDS = 90


@pytest.fixture
def world(database_url: str, dovecot: PrivateDovecot, imap_user: str, tmp_path: Path) -> World:
    world = Here(dovecot, imap_user, database_url, tmp_path)
    world.extra = {"INBOX_POLL_SECONDS": "1", "INBOX_BATCH_MESSAGES": "5"}
    world.add_mailbox()
    world.import_sends([each.row for each in MAILS if not each.learnt])
    return world


@contextmanager
def running(world: World) -> Iterator[None]:
    with (world.folder / "log").open("a") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "worker", "run"], env=world.environment, cwd=world.folder, stdout=log, stderr=log
        )
    try:
        yield
        process.send_signal(signal.SIGTERM)
        assert process.wait(SECONDS) == 0
    finally:
        process.kill()
        process.wait()


def test_what_came_after_the_backup_is_read_again_and_only_what_people_said_is_lost(
    world: World, request: pytest.FixtureRequest
) -> None:
    deliver(world.server, world.user, MAILS[:BEFORE])
    person, other = MAILS[3].to, MAILS[7].to
    with running(world):
        wait_for(lambda: world.messages() == BEFORE)
        say(world, person, "Interested")
        deliver(world.server, world.user, MAILS[BEFORE:DURING])
        wait_for(lambda: world.messages() > BEFORE)
        back_up(world)
        deliver(world.server, world.user, MAILS[DURING:])
        wait_for(lambda: world.messages() == len(MAILS))
    before, told = world.end_state(), outbox(world)
    assert before.recipients[("campaign-0", person)][0] == "Interested"
    say(world, other, "Not Interested")
    assert world.end_state() != before

    restore(world, request)
    assert world.messages() < len(MAILS)
    world.run("poll", NAME)
    assert world.messages() == len(MAILS)
    assert world.end_state() == before
    assert set(events(world).values()) == {1}
    # The mailbox was signed in to, so its password was opened; so is every other secret.
    assert "1 encrypted" in world.prepare("doctor").out
    again = outbox(world)
    # What other systems heard after the backup they hear again, under other ids; nothing else comes twice.
    assert Counter(again.values()) == Counter(told.values())
    assert 0 < len(told.keys() & again.keys()) < len(told)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_mail_that_was_moved_since_the_backup_is_taken_in_from_where_it_lies(
    world: World, request: pytest.FixtureRequest
) -> None:
    world.prepare("mailboxes", "set", NAME, "--bounces-to", "Bounces", "--opt-outs-to", "Opt-outs")
    back_up(world)
    deliver(world.server, world.user, MAILS[:BEFORE])
    world.run("poll", NAME)
    before = world.end_state()
    restore(world, request)
    world.run("poll", NAME)
    # A bounce and an opt-out of each four.
    assert world.messages() == BEFORE // 2
    world.run("backfill", NAME, "--folder", "Bounces", "--folder", "Opt-outs")
    assert world.end_state() == before


def say(world: World, address: str, status: str) -> None:
    campaign = next(each.row["campaign"] for each in MAILS if each.to == address)
    world.prepare("recipients", "set-status", address, status, "--campaign", campaign)


def events(world: World) -> Counter[tuple[int, str]]:
    engine = world.engine()
    with reading(engine) as session:
        found = Counter((row.recipient_id, row.key) for row in session.scalars(select(RecipientEvent)))
    engine.dispose()
    return found


def outbox(world: World) -> dict[str, str]:
    """Return what other systems are told of people, by the ids that they know it by; alarms come when they come."""
    engine = world.engine()
    people = select(OutboxEvent).where(OutboxEvent.type.not_in([EventType.ALARM_OPENED, EventType.ALARM_CLOSED]))
    with reading(engine) as session:
        found = {message_id_of(each): f"{each.type} {each.subject}" for each in session.scalars(people)}
    engine.dispose()
    return found


def on_postgresql(world: World, *words: str) -> None:
    tools = Path(postgres_program("pg_dump")).parent
    subprocess.run([tools / words[0], *words[1:]], check=True, cwd=world.folder, env=world.environment)


def back_up(world: World) -> None:
    said = world.prepare("backup", "copy", check=False)
    if make_url(world.database_url).get_backend_name() == "sqlite":
        assert said.code == 0, said
    else:
        # It says what to run; so it has to work as it stands there.
        on_postgresql(world, *shlex.split(said.err.split("run: ")[1]))


def restore(world: World, request: pytest.FixtureRequest) -> None:
    """Lose the database, and do what docs/operate.md says."""
    url = make_url(world.database_url)
    if url.get_backend_name() == "sqlite":
        file = Path(url.database or "")
        for lost in file.parent.glob(f"{file.name}*"):
            lost.unlink()
        shutil.copy(world.folder / "copy", file)
        return
    server: PrivatePostgres = request.getfixturevalue("postgres")
    server.drop_database(url.database or "")
    server.create_database(url.database or "")
    plain = url.set(drivername="postgresql").render_as_string()
    on_postgresql(world, "pg_restore", "--no-owner", "--exit-on-error", f"--dbname={plain}", "copy")


def wait_for(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.05)
