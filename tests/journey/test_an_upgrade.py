"""From an older schema to this one: nothing of what was written is lost, and what runs goes on."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import Engine, text

from models.migrate import alone, configured
from models.revision import is_current, known
from models.session import open_engine
from tests.journey.here import Here
from tests.journey.world import World
from tests.lab import Lab, deliver, recent
from tests.models.filling import ROWS, fill, lost, rows_of
from tests.servers import PrivateDovecot

pytestmark = pytest.mark.server

MAILS = recent(4, learnt=4)
SECONDS = 60


@pytest.fixture
def empty(empty_database_url: str) -> Iterator[Engine]:
    engine = open_engine(empty_database_url)
    yield engine
    engine.dispose()


def test_a_database_that_lived_through_every_schema_lost_no_row_and_is_worked_on(
    empty: Engine, dovecot: PrivateDovecot, imap_user: str, tmp_path: Path
) -> None:
    """Rows are written under each schema in turn, so that they take every way there is to this one."""
    for number, revision in enumerate(known()):
        with alone(empty) as connection:
            before = rows_of(connection)
            command.upgrade(configured(connection), revision)
            assert lost(before, rows_of(connection)) == [], revision
            fill(connection, 1 + ROWS * number)
    assert is_current(empty)

    lab = Lab(empty, dovecot, imap_user)
    described: dict[str, Any] = {
        "host": "localhost", "port": dovecot.port, "security": "plain", "sign_in": "password", "username": imap_user,
        "password": dovecot.password(imap_user), "addresses": [], "opt_out_aliases": [], "authserv_ids": [],
        "folders": [], "ca_file": None, "sent_folder": None, "bounces_to": None, "opt_outs_to": None,
    }  # fmt: skip
    lab.set(**described)
    deliver(dovecot, imap_user, MAILS)
    before_poll = lab.outcome()
    lab.poll()
    after = lab.outcome()
    assert (after.messages - before_poll.messages, after.sends - before_poll.sends) == (len(MAILS), len(MAILS))

    said = World(dovecot, imap_user, empty.url.render_as_string(hide_password=False), tmp_path).prepare(
        "doctor", "--json", check=False
    )
    (database,) = [row for row in said.rows if row["what"] == "database"]
    assert (database["ok"], known()[-1] in database["says"]) == (True, True)


def expand(engine: Engine) -> None:
    """Change the schema as a next version may: more columns, a table and an index, and the number of that version."""
    with alone(engine) as connection:
        operations = Operations(MigrationContext.configure(connection))
        operations.create_table("note", sa.Column("id", sa.Integer(), primary_key=True))
        operations.create_index("ix_recipient_decided_by", "recipient", ["decided_by"])
        for table in ("mailbox", "inbound_message", "recipient_event", "recipient"):
            with operations.batch_alter_table(table) as batch:
                batch.add_column(sa.Column("motto", sa.Text()))
                batch.add_column(sa.Column("size_of_it", sa.Integer(), nullable=False, server_default="7"))
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))


def test_a_daemon_works_on_while_a_next_version_expands_the_schema_and_is_not_started_again_after(
    database_url: str, dovecot: PrivateDovecot, imap_user: str, tmp_path: Path
) -> None:
    world = Here(dovecot, imap_user, database_url, tmp_path)
    deliver(dovecot, imap_user, MAILS[:2])
    with world.daemon() as process:
        wait_for(lambda: world.messages() == 2)
        engine = world.engine()
        expand(engine)
        deliver(dovecot, imap_user, MAILS[2:])
        wait_for(lambda: world.messages() == len(MAILS))
        engine.dispose()
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=SECONDS)
    assert (process.returncode, "ERROR" in errors, "Traceback" in errors) == (0, False, False), errors
    assert len(world.end_state().recipients) == len(MAILS)
    refused = world.prepare("teams", "list", check=False)
    assert (refused.code, "run: inbox-worker migrate" in refused.err or "install that version" in refused.err) == (
        1,
        True,
    )


def wait_for(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.05)
