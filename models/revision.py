"""Which schema a database has, told without Alembic: every command asks, and only a migration needs to load it."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, Engine, column, inspect, select, table

from models.session import reading

FOLDER = Path(__file__).parent / "migrations"
_DIGITS = 4
_VERSIONS = table("alembic_version", column("version_num"))
"""Alembic's own table."""


def known() -> list[str]:
    """Return the revisions that this version of the program knows, oldest first: its files are numbered."""
    return sorted(path.name[:_DIGITS] for path in (FOLDER / "versions").glob("[0-9]*.py"))


def current(engine: Engine) -> str | None:
    """Return the revision the database is at; None while it has no tables of ours."""
    with reading(engine) as session:
        return revision_of(session.connection())


def is_current(engine: Engine) -> bool:
    """Say whether the database has exactly this version's schema."""
    return current(engine) == known()[-1]


def revision_of(connection: Connection) -> str | None:
    """Return the revision, as `current` does, inside a transaction."""
    if not inspect(connection).has_table(_VERSIONS.name):
        return None
    return connection.scalar(select(_VERSIONS.c.version_num))


def is_ours(name: str | None, kind: str, _parents: object) -> bool:
    """Say whether something in the database is described by our models; the job engine brings its own tables."""
    return kind != "table" or not (name or "").startswith("procrastinate_")
