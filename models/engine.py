"""Opens the database, the same way on SQLite and on PostgreSQL, and says what is wrong where it cannot be opened."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from models.json_text import as_json

SETTING = "INBOX_DATABASE_URL"
DRIVERS = {"sqlite": "sqlite+pysqlite", "postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}

BUSY_SECONDS = 30
"""How long a writer of SQLite waits for the one before it."""
BUSY_STEP = 0.02
CONNECT_SECONDS = 10
"""How long a PostgreSQL server may take to answer; a URL with its own connect_timeout wins."""
# As many connections as threads ask for: how many threads there are is a setting of its own. Errors go into logs, and
# the values of their statements (addresses, links, secrets) must not.
OURS: dict[str, Any] = {"max_overflow": -1, "hide_parameters": True, "json_serializer": as_json}


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
        raise unavailable(parsed, error.orig) from error
    return engine


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
    if not url.database or url.database == ":memory:":
        raise DatabaseUnavailable(
            f"{SETTING} names no file: what lies in memory is gone with the command; write sqlite:///file"
        )
    try:
        path = Path(url.database)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)  # It holds passwords of mailboxes.
    except OSError as error:
        raise unavailable(url, error) from error
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


def unavailable(url: URL, cause: BaseException | None) -> DatabaseUnavailable:
    """Return what is said where a database cannot be used: which one, without its secrets, why, and the next step."""
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
