"""The change to months: it and its way back lose no row, on a database that is full."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import Connection, Engine, text

from models.migrate import alone, configured
from models.partitions import months
from models.revision import FOLDER, known
from models.session import open_engine, reading

MESSAGES = 300
OF_A_MONTH_AHEAD = 3
(THIS,) = [path.name[:4] for path in Path(FOLDER, "versions").glob("*_months_of_messages.py")]
BEFORE = known()[known().index(THIS) - 1]


@pytest.fixture
def full(empty_database_url: str) -> Iterator[Engine]:
    """A database as it was before the change, with mail in it."""
    engine = open_engine(empty_database_url)
    with alone(engine) as connection:
        command.upgrade(configured(connection), BEFORE)
        _fill(connection)
    yield engine
    engine.dispose()


def _fill(connection: Connection) -> None:
    connection.execute(text("INSERT INTO team (id, name) VALUES (1, 'Sales')"))
    connection.execute(
        text(
            "INSERT INTO mailbox (id, team_id, name, host, port, security, username, password, addresses,"
            " opt_out_aliases, authserv_ids, folders, learn_sends, failures)"
            " VALUES (1, 1, 'm', 'h', 993, 'tls', 'u', 'p', '[]', '[]', '[]', '[]', true, 0)"
        )
    )
    rows = [{"id": number, "at": _at(number), "uid": f"{number:05}"} for number in range(1, MESSAGES + 1)]
    for statement in (
        (
            "INSERT INTO inbound_message (id, mailbox_id, folder, uidvalidity, uid, content_hash, arrived_at, size,"
            " subject, state, problems, clues, recorded_at)"
            " VALUES (:id, 1, 'INBOX', 1, :id, :uid, :at, 10, '', 'judged', '[]', '{}', :at)"
        ),
        "INSERT INTO verdict (message_id, kind, details, rest, recorded_at) VALUES (:id, 'reply', '{}', :uid, :at)",
        "INSERT INTO message_clue (message_id, value) VALUES (:id, 'a')",
        "INSERT INTO message_clue (message_id, value) VALUES (:id, :uid)",
    ):
        connection.execute(text(statement), rows)


def _at(number: int) -> str:
    """Return when a message was recorded; a clock that was ahead wrote some."""
    year = 2099 if number <= OF_A_MONTH_AHEAD else 2024
    return f"{year}-{1 + number % 12:02}-{1 + number % 28:02} 10:00:00.000000"


def _rows(connection: Connection) -> list[tuple[object, ...]]:
    return [
        tuple(row)
        for query in (
            "SELECT message_id, kind, reply_class, details, rest, recorded_at FROM verdict",
            "SELECT message_id, value FROM message_clue",
        )
        for row in connection.execute(text(f"{query} ORDER BY 1, 2"))
    ]


def _shape(connection: Connection) -> list[tuple[object, ...]]:
    """Return what PostgreSQL says of the tables: columns in their order, constraints and indexes."""
    queries = (
        (
            "SELECT table_name, column_name, data_type, is_nullable, column_default FROM information_schema.columns"
            " WHERE table_name IN ('verdict', 'message_clue') ORDER BY table_name, ordinal_position"
        ),
        (
            "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint"
            " WHERE conrelid IN ('verdict'::regclass, 'message_clue'::regclass) ORDER BY 1, 2"
        ),
        "SELECT indexname, indexdef FROM pg_indexes WHERE tablename IN ('verdict', 'message_clue') ORDER BY 1",
    )
    return [tuple(row) for query in queries for row in connection.execute(text(query))]


def test_no_row_is_lost_on_the_way_to_months_and_back(full: Engine) -> None:
    with reading(full) as session:
        before = _rows(session.connection())
    assert len(before) == 3 * MESSAGES
    for revision in (THIS, BEFORE, THIS):
        with alone(full) as connection:
            (command.upgrade if revision == THIS else command.downgrade)(configured(connection), revision)
            assert _rows(connection) == before


@pytest.mark.parametrize("empty_database_url", [pytest.param("postgresql", marks=pytest.mark.server)], indirect=True)
def test_the_way_back_leaves_the_tables_as_they_were(full: Engine) -> None:
    with alone(full) as connection:
        before = _shape(connection)
        command.upgrade(configured(connection), THIS)
        assert _shape(connection) != before
        command.downgrade(configured(connection), BEFORE)
        assert _shape(connection) == before


@pytest.mark.parametrize("empty_database_url", [pytest.param("postgresql", marks=pytest.mark.server)], indirect=True)
def test_what_exists_is_the_first_partition_and_is_not_copied(full: Engine) -> None:
    file = "SELECT pg_relation_filenode(CAST(:name AS regclass))"
    with alone(full) as connection:
        was = connection.scalar(text(file), {"name": "verdict"})
        command.upgrade(configured(connection), THIS)
    with reading(full) as session:
        first = {each.table: each.name for each in months(session)}
        assert session.scalar(text(file), {"name": first["verdict"]}) == was
        counts = {
            name: session.scalar(text(f"SELECT count(*) FROM {name}"))  # noqa: S608 - names of our own tables
            for name in (*first.values(), "verdict_default", "message_clue_default")
        }
    assert counts == {
        first["verdict"]: MESSAGES - OF_A_MONTH_AHEAD,
        "verdict_default": OF_A_MONTH_AHEAD,
        first["message_clue"]: 2 * MESSAGES,
        "message_clue_default": 0,
    }


def test_a_verdict_that_was_written_at_another_time_than_its_message_is_still_found(full: Engine) -> None:
    with alone(full) as connection:
        connection.execute(text("UPDATE verdict SET recorded_at = '2023-01-01 00:00:00.000000' WHERE message_id = 7"))
        command.upgrade(configured(connection), THIS)
        found = connection.scalar(
            text(
                "SELECT count(*) FROM verdict JOIN inbound_message ON inbound_message.id = verdict.message_id"
                " AND inbound_message.recorded_at = verdict.recorded_at"
            )
        )
    assert found == MESSAGES
