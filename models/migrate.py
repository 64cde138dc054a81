"""Brings a database to this version's schema; only one process does so at a time."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, func, select
from sqlalchemy.exc import OperationalError

from models.job_engine import bring
from models.revision import FOLDER, known, revision_of
from models.session import SETTING, DatabaseUnavailable, open_engine, reading, transaction

LOCK = int.from_bytes(b"inbox", "big")
"""Number of the advisory lock that a migration of PostgreSQL holds."""
PATIENCE = "5s"
"""How long a migration waits for whoever uses a table of PostgreSQL: all others would queue up behind it meanwhile."""
LOCKED = "55P03"
"""What PostgreSQL says where a lock was not to be had in time."""


def upgrade(engine: Engine) -> None:
    """Apply what is pending, all or nothing; harmless where nothing is, and while another process does the same.

    Raises:
        DatabaseUnavailable: nothing answers, somebody uses a table for too long, or a newer version of this program
            has changed the schema already.
    """
    try:
        with alone(engine) as connection:
            _refuse_newer(connection)
            command.upgrade(configured(connection), "head")
            bring(connection)
    except OperationalError as error:
        if getattr(error.orig, "sqlstate", None) != LOCKED:
            raise
        raise DatabaseUnavailable(
            f"{SETTING}: another transaction uses a table for longer than {PATIENCE}, so nothing was changed; run"
            " inbox-worker migrate again, or see in pg_stat_activity (xact_start) whose it is"
        ) from error


def pending(engine: Engine) -> list[str]:
    """Return what `upgrade` would apply, oldest first, each as its revision and title.

    Raises:
        DatabaseUnavailable: as in `upgrade`.
    """
    with reading(engine) as session:
        _refuse_newer(session.connection())
        found = revision_of(session.connection())
    steps = reversed(list(ScriptDirectory(str(FOLDER)).iterate_revisions("head", found or "base")))
    return [f"{step.revision} {step.doc}" for step in steps]


@contextmanager
def alone(engine: Engine) -> Iterator[Connection]:
    """Change the schema in one transaction while no other process does; commits at the end.

    SQLite changes a table by copying it, and dropping the original would delete what refers to it: foreign keys sleep
    meanwhile, and are checked before the commit.
    """
    with transaction(engine, foreign_keys=False) as session:
        connection = session.connection()
        if connection.dialect.name == "postgresql":
            # Another migration is waited for, however long it takes; whoever uses the tables is not.
            connection.execute(select(func.pg_advisory_xact_lock(LOCK)))
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{PATIENCE}'")
        yield connection
        if connection.dialect.name == "sqlite":
            _refuse_broken(connection)


def configured(connection: Connection, folder: Path = FOLDER) -> Config:
    """Return what commands of Alembic need: the connection, inside a transaction, and where the migrations lie."""
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    return config


def draft(title: str, folder: Path = FOLDER) -> None:
    """Write the next migration file: what the models have and the migrations in `folder` lack, for a person to read."""
    with TemporaryDirectory() as place:
        engine = open_engine(f"sqlite:///{place}/draft.sqlite")
        with alone(engine) as connection:
            config = configured(connection, folder)
            command.upgrade(config, "head")
            number = len(list(ScriptDirectory.from_config(config).walk_revisions())) + 1
            command.revision(config, title, autogenerate=True, rev_id=f"{number:04}")
        engine.dispose()


def _refuse_newer(connection: Connection) -> None:
    found = revision_of(connection)
    if found is not None and found not in known():
        raise DatabaseUnavailable(
            f"{SETTING}: a newer version of inbox-worker brought the schema to {found}; install that version"
        )


def _refuse_broken(connection: Connection) -> None:
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
    if broken:
        raise RuntimeError(f"a migration broke {len(broken)} foreign keys, the first: {broken[0]}; nothing is changed")


if __name__ == "__main__":
    draft(" ".join(sys.argv[1:]))
