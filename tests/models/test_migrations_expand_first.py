"""The rule of migrations: what runs of the release before goes on while one is applied, and after it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import Connection, Engine, inspect

from models.migrate import alone, configured
from models.revision import FOLDER, known
from models.session import open_engine

ROOT = Path(__file__).parent.parent.parent
SINCE = "0008"
"""Those before it were applied when there was no release yet that could have gone on."""
RULED = [revision for revision in known() if revision >= SINCE]
CONSTANT = re.compile(r'^UNUSED_SINCE = "(\d+(?:\.\d+)+)"$', re.MULTILINE)
"""Names the release whose code stopped using what a migration takes away, renames or tightens."""


@dataclass(frozen=True)
class Shape:
    """What code can rely on of a table: columns (type, whether empty is allowed, whether left out is), and rules."""

    columns: dict[str, tuple[str, bool, bool]]
    rules: frozenset[tuple[str, ...]]


def shapes(connection: Connection) -> dict[str, Shape]:
    seen = inspect(connection)
    return {
        table: Shape(
            {
                each["name"]: (str(each["type"]), each["nullable"], each["nullable"] or each["default"] is not None)
                for each in seen.get_columns(table)
            },
            frozenset(_rules(seen, table)),
        )
        for table in seen.get_table_names()
    }


def _rules(seen: Any, table: str) -> Iterator[tuple[str, ...]]:
    unique = [*seen.get_unique_constraints(table), *(each for each in seen.get_indexes(table) if each["unique"])]
    yield from (("unique", *map(str, each["column_names"])) for each in unique)
    yield from (("check", each["sqltext"]) for each in seen.get_check_constraints(table))
    yield from (
        ("refers", each["referred_table"], *each["constrained_columns"]) for each in seen.get_foreign_keys(table)
    )


def contracts(before: dict[str, Shape], after: dict[str, Shape]) -> list[str]:
    """Return what somebody who knows the schema from before may stumble on."""
    found = [f"table {table} is gone" for table in before.keys() - after.keys()]
    for table in sorted(before.keys() & after.keys()):
        was, now = before[table], after[table]
        found += [f"column {table}.{name} is gone" for name in was.columns.keys() - now.columns.keys()]
        found += [f"rule of {table}: {' '.join(each)}" for each in sorted(was.rules ^ now.rules)]
        for name, (kind, empty, left_out) in now.columns.items():
            if name not in was.columns:
                found += [] if left_out else [f"new column {table}.{name} has to be given"]
            elif kind != was.columns[name][0] or empty < was.columns[name][1]:
                found += [f"column {table}.{name} is another"]
    return found


def changed(engine: Engine, change: Callable[[Operations], object]) -> list[str]:
    with alone(engine) as connection:
        before = shapes(connection)
        change(Operations(MigrationContext.configure(connection)))
        return contracts(before, shapes(connection))


def to(revision: str) -> Callable[[Operations], object]:
    def upgrade(operations: Operations) -> None:
        command.upgrade(configured(operations.get_bind()), revision)

    return upgrade


@pytest.mark.parametrize("revision", RULED)
def test_a_migration_only_adds_or_names_the_release_whose_code_stopped_using_what_it_changes(
    empty_database_url: str, revision: str
) -> None:
    (path,) = Path(FOLDER, "versions").glob(f"{revision}_*.py")
    named = CONSTANT.search(path.read_text(encoding="utf-8"))
    engine = open_engine(empty_database_url)
    changed(engine, to(known()[known().index(revision) - 1]))
    found = changed(engine, to(revision))
    engine.dispose()
    if not named:
        assert not found, f"{path.name}: add first, and take away a release later (docs/develop.md, Migrations)"
        return
    assert found, f"{path.name}: UNUSED_SINCE says that it takes something away, and it does not"
    released = re.findall(r"^## (\d[\d.]*)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert named[1] in released, f"{path.name}: {named[1]} is no release of CHANGELOG.md"


def altered(table: str, **how: Any) -> Callable[[Operations], object]:
    def alter(operations: Operations) -> None:
        with operations.batch_alter_table(table) as batch:
            batch.alter_column(**how)

    return alter


def in_batch(table: str, name: str, *what: Any) -> Callable[[Operations], object]:
    def change(operations: Operations) -> None:
        with operations.batch_alter_table(table) as batch:
            getattr(batch, name)(*what)

    return change


SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""What is looked at is read in the same way of both databases."""


@SQLITE
@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda do: do.drop_table("day_figure"), "table day_figure is gone"),
        (lambda do: do.rename_table("day_figure", "figure"), "table day_figure is gone"),
        (in_batch("mailbox", "drop_column", "backlog"), "column mailbox.backlog is gone"),
        (altered("mailbox", column_name="backlog", new_column_name="left"), "column mailbox.backlog is gone"),
        (altered("mailbox", column_name="backlog", nullable=False), "column mailbox.backlog is another"),
        (altered("team", column_name="name", type_=sa.String(9)), "column team.name is another"),
        (
            in_batch("team", "add_column", sa.Column("extra", sa.Integer(), nullable=False)),
            "new column team.extra has to be given",
        ),
        (
            in_batch("team", "create_unique_constraint", "uq_team_zone", ["time_zone"]),
            "rule of team: unique time_zone",
        ),
        (
            lambda do: do.create_index("ix_team_zone", "team", ["time_zone"], unique=True),
            "rule of team: unique time_zone",
        ),
        (in_batch("team", "drop_constraint", "uq_team_name"), "rule of team: unique name"),
        (
            in_batch("team", "create_foreign_key", "fk_team_id", "contact", ["id"], ["id"]),
            "rule of team: refers contact id",
        ),
    ],
)
def test_what_takes_away_renames_or_tightens_is_seen(
    engine: Engine, change: Callable[[Operations], object], says: str
) -> None:
    assert says in changed(engine, change)


@SQLITE
def test_what_only_adds_is_let_through(engine: Engine) -> None:
    def expand(operations: Operations) -> None:
        operations.create_table("note", sa.Column("id", sa.Integer(), primary_key=True))
        operations.create_index("ix_team_zone", "team", ["time_zone"])
        with operations.batch_alter_table("team") as batch:
            batch.add_column(sa.Column("motto", sa.Text()))
            batch.add_column(sa.Column("size", sa.Integer(), nullable=False, server_default="0"))
            batch.alter_column("name", nullable=True)

    assert changed(engine, expand) == []
