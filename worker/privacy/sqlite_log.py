"""What a SQLite database keeps beside itself of what was there before."""

from __future__ import annotations

from contextlib import closing

from sqlalchemy import Engine


def empty_log(engine: Engine) -> None:
    """Empty SQLite's write-ahead log, which holds what was replaced; as far as no other process reads from it."""
    if engine.dialect.name == "sqlite":
        with closing(engine.raw_connection()) as connection:
            connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
