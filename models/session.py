"""Runs short transactions on a database, the same way on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from sqlalchemy import Engine, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from models.among import among
from models.base import Base
from models.engine import SETTING, DatabaseUnavailable, open_engine, unavailable
from models.rows import insert_new
from models.tables.mailing import Contact

__all__ = [
    "INSERTS",
    "SETTING",
    "DatabaseUnavailable",
    "Writer",
    "insert_new",
    "lock_contacts",
    "lock_table",
    "open_engine",
    "reading",
    "refresh_statistics",
    "transaction",
]

LOCKED_AT_ONCE = 500
# What one transaction may be, in the words of each dialect; ours for SQLite are read by `models.engine`.
READ_ONLY: dict[str, dict[str, Any]] = {
    "sqlite": {"read_only": True},
    "postgresql": {"postgresql_readonly": True, "isolation_level": "REPEATABLE READ"},
}
INSERTS: dict[str, Callable[[Any], Any]] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
Writer = Callable[[], AbstractContextManager[Session]]
"""Opens one write transaction; commits at its end."""


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


@contextmanager
def _begun(engine: Engine, options: Mapping[str, Any]) -> Iterator[Session]:
    with Session(engine, expire_on_commit=False) as session:
        try:
            session.connection(execution_options=options)
        except DBAPIError as error:
            raise unavailable(engine.url, error.orig) from error
        try:
            yield session
        except DBAPIError as error:
            if error.connection_invalidated:
                raise unavailable(engine.url, error.orig) from error
            # SQLite ends a transaction by itself where the disk is full; that its savepoint is gone then hides why.
            before = error.__context__
            if isinstance(before, DBAPIError) and "no such savepoint" in str(error.orig):
                raise before from None
            raise
