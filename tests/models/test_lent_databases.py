"""A database that a test before has used is lent again only as if nobody had."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, make_url, text

from models.session import DatabaseUnavailable, open_engine
from tests.lent_databases import Shelf
from tests.models.filling import fill, rows_of, tables

pytestmark = pytest.mark.server

PAGES = text("""
    SELECT oid::regclass, relpages, reltuples, pg_relation_size(oid) FROM pg_class
    WHERE relkind IN ('r', 't') AND oid >= 16384 ORDER BY oid
""")
STATISTICS = text("SELECT count(*) FROM pg_statistic WHERE starelid >= 16384")
COUNTED = text("SELECT sequencename, last_value FROM pg_sequences ORDER BY 1")


@pytest.fixture(scope="module")
def shelf(postgres_url: str, postgres_template: str) -> Iterator[Shelf]:
    made = Shelf(make_url(postgres_url), postgres_template)
    yield made
    made.clear()


@contextmanager
def lent(shelf: Shelf) -> Iterator[Engine]:
    with shelf.lend() as url:
        engine = open_engine(url)
        try:
            yield engine
        finally:
            engine.dispose()


def state(connection: Connection) -> dict[str, Any]:
    """Everything by which a test could see that another was here before."""
    asked = {"pages": PAGES, "statistics": STATISTICS, "counted": COUNTED}
    return rows_of(connection) | {name: connection.execute(query).all() for name, query in asked.items()}


def test_it_holds_nothing_of_what_was_in_it(shelf: Shelf) -> None:
    with lent(shelf) as engine:
        with engine.connect() as connection:
            new, oid = state(connection), oid_of(connection)
        with engine.begin() as connection:
            fill(connection, 1)
            connection.execute(text("ANALYZE"))
    with lent(shelf) as engine:
        with engine.connect() as connection:
            assert oid_of(connection) == oid
            assert state(connection) == new
        with engine.begin() as connection:
            fill(connection, 1)
            assert all(len(rows) for rows in rows_of(connection).values())


def test_rows_that_were_never_committed_leave_no_room_behind(shelf: Shelf) -> None:
    with lent(shelf) as engine, engine.connect() as connection:
        new = state(connection)
        fill(connection, 1)
        connection.rollback()
    with lent(shelf) as engine, engine.connect() as connection:
        assert state(connection) == new


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE team ADD COLUMN another integer",
        "ALTER TABLE team ALTER COLUMN name DROP NOT NULL",
        "DROP INDEX {index}",
        "CREATE FUNCTION another() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
        "ALTER DATABASE {database} SET work_mem = '64kB'",
        "UPDATE alembic_version SET version_num = '0001'",
        "DELETE FROM alembic_version",
    ],
)
def test_whose_schema_was_changed_is_lent_to_nobody_any_more(shelf: Shelf, change: str) -> None:
    with lent(shelf) as engine, engine.begin() as connection:
        oid = oid_of(connection)
        index = next(each.name for table in tables(connection) for each in table.indexes if not each.unique)
        connection.execute(text(change.format(index=index, database=engine.url.database)))
    with lent(shelf) as engine, engine.connect() as connection:
        assert oid_of(connection) != oid


def test_who_was_connected_is_sent_away_and_does_not_come_back(shelf: Shelf) -> None:
    with shelf.lend() as url:
        engine = open_engine(url)
        left = engine.connect()
        left.execute(text("SELECT 1"))
    with shelf.lend() as another:
        assert another != url
        with pytest.raises(Exception, match=r"terminating connection|closed the connection"):
            left.execute(text("SELECT 1"))
        left.invalidate()
        with pytest.raises(DatabaseUnavailable):
            open_engine(url)
    engine.dispose()


def oid_of(connection: Connection) -> int:
    found: int = connection.scalar(text("SELECT oid FROM pg_database WHERE datname = current_database()"))
    return found
