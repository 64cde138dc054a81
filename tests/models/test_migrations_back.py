"""The ways back: each migration taken back leaves the schema as it was before it, on a database that is full."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from sqlalchemy import Connection, Engine, inspect, text

from models.job_engine import bring
from models.migrate import alone, configured
from models.revision import FOLDER, known
from models.session import open_engine
from tests.models.filling import fill

BESIDE = {
    "indexes": "SELECT indexdef FROM pg_indexes WHERE schemaname = current_schema() AND tablename <> 'alembic_version'",
    "functions": "SELECT proname FROM pg_proc WHERE pronamespace = current_schema()::regnamespace",
    "types": "SELECT typname FROM pg_type WHERE typtype = 'e' AND typnamespace = current_schema()::regnamespace",
}
"""What PostgreSQL has beside tables, and what it alone says of indexes."""
BASE = "base"
Schema = dict[str, Any]
(THE_JOB_ENGINE,) = [path.name[:4] for path in Path(FOLDER, "versions").glob("*_the_job_engine.py")]
"""Whose tables are brought beside the migrations, and go with this one."""


@pytest.fixture
def empty(empty_database_url: str) -> Iterator[Engine]:
    engine = open_engine(empty_database_url)
    yield engine
    engine.dispose()


def schema(connection: Connection) -> Schema:
    """Return everything that the database knows of its tables by name, and the functions and types beside them."""
    seen = inspect(connection)
    found: Schema = {name: dict(_parts(seen, name)) for name in seen.get_table_names() if name != "alembic_version"}
    if connection.dialect.name == "postgresql":
        found |= {name: sorted(connection.scalars(text(query))) for name, query in BESIDE.items()}
    return found


def _parts(seen: Any, table: str) -> Iterator[tuple[str, Any]]:
    for each in seen.get_columns(table):
        yield f"column {each['name']}", (str(each["type"]), each["nullable"], each["default"])
    yield "key", seen.get_pk_constraint(table)["constrained_columns"]
    for kind in ("indexes", "unique_constraints", "foreign_keys", "check_constraints"):
        yield kind, sorted(map(_said, getattr(seen, f"get_{kind}")(table)))


def _said(part: Any) -> str:
    """Return the text of a part; the condition of an index is an object, equal to none but itself."""
    return str({name: _said(value) for name, value in sorted(part.items())}) if isinstance(part, dict) else str(part)


@pytest.mark.filterwarnings("ignore:Skipped unsupported reflection of expression-based index")
def test_each_migration_taken_back_leaves_the_schema_as_it_was(empty: Engine) -> None:
    was: dict[str, Schema] = {}
    with alone(empty) as connection:
        for before, revision in zip([BASE, *known()], known(), strict=False):
            was[before] = schema(connection)
            command.upgrade(configured(connection), revision)
            if revision == THE_JOB_ENGINE:
                bring(connection)
        fill(connection, 1)
    for before in reversed(was):
        with alone(empty) as connection:
            command.downgrade(configured(connection), before)
            assert schema(connection) == was[before], before
