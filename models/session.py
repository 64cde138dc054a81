"""Opens the database and runs short transactions on it, the same way on SQLite and on PostgreSQL."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, Table, create_engine, event, make_url, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.orm import Session

from models.among import among
from models.base import Base
from models.json_text import as_json
from models.rows import WRITTEN_AT_ONCE, insert_new
from models.tables.mailing import Contact

__all__ = [
    "DRIVERS",
    "INSERTS",
    "SETTING",
    "DatabaseUnavailable",
    "Writer",
    "bulk_insert",
    "insert_new",
    "lock_contacts",
    "lock_table",
    "open_engine",
    "reading",
    "refresh_statistics",
    "transaction",
]

SETTING = "INBOX_DATABASE_URL"
DRIVERS = {"sqlite": "sqlite+pysqlite", "postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}

BUSY_SECONDS = 30
"""How long a writer of SQLite waits for the one before it."""
BUSY_STEP = 0.02
CONNECT_SECONDS = 10
"""How long a PostgreSQL server may take to answer; a URL with its own connect_timeout wins."""
LOCKED_AT_ONCE = 500
# As many connections as threads ask for: how many threads there are is a setting of its own. Errors go into logs, and
# the values of their statements (addresses, links, secrets) must not.
OURS: dict[str, Any] = {"max_overflow": -1, "hide_parameters": True, "json_serializer": as_json}

# What one transaction may be, in the words of each dialect; ours for SQLite are read by `_begin`.
READ_ONLY: dict[str, dict[str, Any]] = {
    "sqlite": {"read_only": True},
    "postgresql": {"postgresql_readonly": True, "isolation_level": "REPEATABLE READ"},
}
INSERTS: dict[str, Callable[[Any], Any]] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


Writer = Callable[[], AbstractContextManager[Session]]
"""Opens one write transaction; commits at its end."""


class DatabaseUnavailable(Exception):  # noqa: N818 - it names a state of the world, not a mistake of the program
    """The database cannot be reached or used; the message names the setting, the cause and the next step."""


def open_engine(url: str) -> Engine:
    """Connect to the database; a new SQLite file is made, with its folder, readable by this user alone.

    Args:
        url: `sqlite:///file` or `postgresql://user:password@host/name`.

    Raises:
        DatabaseUnavailable: the URL is wrong, or nothing answers there.
    """
    parsed = _parse(url)
    engine = _sqlite(parsed) if parsed.get_backend_name() == "sqlite" else _postgresql(parsed)
    try:
        engine.connect().close()
    except DBAPIError as error:
        engine.dispose()
        raise _unavailable(parsed, error.orig) from error
    return engine


@contextmanager
def transaction(engine: Engine, *, foreign_keys: bool = True) -> Iterator[Session]:
    """Run one short write transaction: commits at the end, rolls back on any error.

    On SQLite it takes the write lock at once (BEGIN IMMEDIATE): a transaction that read first and wrote later would
    fail whenever another wrote in between. Savepoints (`session.begin_nested()`) work on both databases.

    Args:
        engine: from `open_engine`.
        foreign_keys: False lets a migration of SQLite rebuild a table without losing the rows that refer to it.

    Raises:
        DatabaseUnavailable: the database cannot be reached, or went away meanwhile; nothing is written.
    """
    with _begun(engine, {"foreign_keys": foreign_keys}) as session:
        yield session
        session.commit()


@contextmanager
def reading(engine: Engine) -> Iterator[Session]:
    """Read one consistent state of the database, waiting for no writer; writing fails.

    Raises:
        DatabaseUnavailable: as in `transaction`.
    """
    with _begun(engine, READ_ONLY[engine.dialect.name]) as session:
        yield session


def refresh_statistics(engine: Engine) -> None:
    """Let the database look at its tables anew; after a large import its plans are off until it does so by itself."""
    with transaction(engine) as session:
        session.connection().exec_driver_sql("ANALYZE" if engine.dialect.name == "postgresql" else "PRAGMA optimize")


def lock_contacts(session: Session, ids: Sequence[int]) -> None:
    """Lock contacts until the end of the transaction, in id order, so that two writers never wait for each other.

    SQLite has one writer at a time anyway.
    """
    if session.get_bind().dialect.name == "sqlite":
        return
    ordered = sorted(set(ids))
    for start in range(0, len(ordered), LOCKED_AT_ONCE):
        session.execute(_LOCK, {"ids": ordered[start : start + LOCKED_AT_ONCE]})


_CONTACT = Contact.__table__.c
_LOCK = select(_CONTACT.id).where(among(_CONTACT.id, "ids")).order_by(_CONTACT.id).with_for_update()


def lock_table(session: Session, model: type[Base]) -> None:
    """Keep others from writing to a small table until the end of the transaction; SQLite has one writer anyway."""
    if session.get_bind().dialect.name == "postgresql":
        name = session.get_bind().dialect.identifier_preparer.quote(model.__tablename__)
        session.execute(text(f"LOCK TABLE {name} IN SHARE ROW EXCLUSIVE MODE"))


def bulk_insert(session: Session, table: Table, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Insert very many rows as they come, holding only some of them: COPY on PostgreSQL, one statement on SQLite.

    A column that is not named gets what the database gives it, never a default of the models; a unique key that is
    stored already is an error. What the session still holds is written first.

    Args:
        session: inside a write transaction.
        table: for example `Contact.__table__`.
        columns: names of the columns that every row holds, in this order.
        rows: values as the models have them.
    """
    session.flush()
    connection = session.connection()
    kinds = [table.columns[name].type.dialect_impl(connection.dialect) for name in columns]
    binds = [kind.bind_processor(connection.dialect) for kind in kinds]
    bound = (tuple(bind(value) if bind else value for bind, value in zip(binds, row, strict=True)) for row in rows)
    quote = connection.dialect.identifier_preparer.quote
    into = f"{quote(table.name)} ({', '.join(map(quote, columns))})"
    if connection.dialect.name == "postgresql":
        driver: Any = connection.connection.driver_connection
        with driver.cursor().copy(f"COPY {into} FROM STDIN") as copy:
            for row in bound:
                copy.write_row(row)
        return
    statement = f"INSERT INTO {into} VALUES ({', '.join('?' * len(columns))})"  # noqa: S608 - names of our own tables
    while some := list(islice(bound, WRITTEN_AT_ONCE)):
        connection.exec_driver_sql(statement, some)


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
        parsed = parsed.set(drivername=DRIVERS[parsed.get_backend_name()])
    except (ArgumentError, KeyError, ValueError):
        raise DatabaseUnavailable(
            f"{SETTING} is no URL of a database we know; write sqlite:///file or postgresql://user:password@host/name"
        ) from None
    if "@" in (parsed.host or ""):
        raise DatabaseUnavailable(
            f"{SETTING} has more than one @; write special characters of the password percent-encoded (@ as %40)"
        )
    return parsed


def _sqlite(url: URL) -> Engine:
    try:
        if url.database and url.database != ":memory:":
            Path(url.database).parent.mkdir(parents=True, exist_ok=True)
            Path(url.database).touch(mode=0o600)  # It holds passwords of mailboxes.
    except OSError as error:
        raise _unavailable(url, error) from error
    # The driver's own transactions begin too late (at the first change) and know no savepoints: we begin them.
    engine = create_engine(url, connect_args={"isolation_level": None, "timeout": BUSY_SECONDS}, **OURS)
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _prepare(connection: Any, _record: object) -> None:
    # Of several that open a new file at once one changes its mode, and the others are refused without any waiting.
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            break
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(BUSY_STEP)
    connection.execute("PRAGMA synchronous=NORMAL")
    # What is replaced or removed (a secret, somebody who asked to be forgotten) stays in no free part of the file. Many
    # builds of SQLite do so unasked.
    connection.execute("PRAGMA secure_delete=ON")
    # What a few batches write anew is copied into the file once.
    connection.execute("PRAGMA wal_autocheckpoint=4000")


def _begin(connection: Connection) -> None:
    """Begin a transaction of SQLite, which heeds these two settings only outside of one."""
    options = connection.get_execution_options()
    read_only, foreign_keys = options.get("read_only", False), options.get("foreign_keys", True)
    for pragma, wanted in (("query_only", read_only), ("foreign_keys", foreign_keys)):
        if connection.info.get(pragma) is not wanted:
            connection.exec_driver_sql(f"PRAGMA {pragma}={wanted:d}")
            connection.info[pragma] = wanted
    connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")


def _postgresql(url: URL) -> Engine:
    # A database that knows no encoding (SQL_ASCII) would answer in octets.
    defaults = {"connect_timeout": str(CONNECT_SECONDS), "application_name": "inbox-worker", "client_encoding": "utf8"}
    # psycopg believes a statement prepared whose batch failed and was rolled back; the next batch would fail for it.
    unprepared = {"prepare_threshold": None}
    try:
        return create_engine(
            url.set(query=defaults | dict(url.query)), pool_pre_ping=True, connect_args=unprepared, **OURS
        )
    except ModuleNotFoundError as error:
        raise DatabaseUnavailable(
            f"{SETTING} names a PostgreSQL, which needs more than is installed; run:"
            " pip install 'inbox-worker[postgres]'"
        ) from error


@contextmanager
def _begun(engine: Engine, options: Mapping[str, Any]) -> Iterator[Session]:
    with Session(engine, expire_on_commit=False) as session:
        try:
            session.connection(execution_options=options)
        except DBAPIError as error:
            raise _unavailable(engine.url, error.orig) from error
        try:
            yield session
        except DBAPIError as error:
            if error.connection_invalidated:
                raise _unavailable(engine.url, error.orig) from error
            # SQLite ends a transaction by itself where the disk is full; that its savepoint is gone then hides why.
            before = error.__context__
            if isinstance(before, DBAPIError) and "no such savepoint" in str(error.orig):
                raise before from None
            raise


def _unavailable(url: URL, cause: BaseException | None) -> DatabaseUnavailable:
    secrets = [name for name in url.query if "password" in name]
    ours = ["connect_timeout", "application_name", "client_encoding"]
    shown = url.difference_update_query([*secrets, *ours]).render_as_string()
    if url.get_backend_name() != "sqlite":
        step = "see that the server runs and that host, user, password and database name are right"
    elif "locked" in str(cause):
        step = f"another process has been writing for {BUSY_SECONDS} seconds; see what it does, then run this again"
    else:
        step = "see that this user may write the file and its folder, and that it is a SQLite database"
    first = (str(cause).splitlines() or [type(cause).__name__])[0]
    return DatabaseUnavailable(f"cannot use {SETTING}={shown}: {first}; {step}")
