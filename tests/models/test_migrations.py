"""Migrations: they build what the models describe, once, and lose nothing."""

import ast
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from shutil import copytree, ignore_patterns

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import Column, Engine, Integer, String, event, func, inspect, select, text
from sqlalchemy.exc import DBAPIError, OperationalError

from models import migrate
from models.base import Base
from models.migrate import alone, configured, draft, pending, upgrade
from models.partitions import TABLES as PARTED
from models.revision import FOLDER, current, is_current, is_ours
from models.session import DatabaseUnavailable, open_engine, reading, transaction
from models.tables.mailing import Contact, SecondAddress
from models.tables.people import Team

VERSIONS = sorted((FOLDER / "versions").glob("*.py"))


@pytest.fixture
def empty(empty_database_url: str) -> Iterator[Engine]:
    engine = open_engine(empty_database_url)
    yield engine
    engine.dispose()


def differences(engine: Engine) -> list[object]:
    with reading(engine) as session:
        context = MigrationContext.configure(session.connection(), opts={"include_name": is_described})
        return list(compare_metadata(context, Base.metadata))


def is_described(name: str | None, kind: str, parents: object) -> bool:
    # Partitions come and go with the months; what they look like is said by the tables they are parts of.
    is_part = kind == "table" and any(re.match(rf"{each.name}_(before_\d|\d|default)", name or "") for each in PARTED)
    return is_ours(name, kind, parents) and not is_part


def test_models_and_migrations_agree(engine: Engine) -> None:
    assert differences(engine) == []


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE team ADD COLUMN extra INTEGER",
        "DROP INDEX ix_contact_domain",
        "CREATE INDEX ix_team_extra ON team (name, id)",
        "DROP TABLE review_item",
    ],
)
def test_a_difference_between_models_and_migrations_is_seen(engine: Engine, change: str) -> None:
    with transaction(engine) as session:
        session.execute(text(change))
    assert differences(engine) != []


@pytest.mark.parametrize(
    ("column", "kind"), [("name", String(77)), ("name", Integer())], ids=["another length", "another type"]
)
def test_a_changed_column_type_is_seen(engine: Engine, column: str, kind: String | Integer) -> None:
    with alone(engine) as connection:
        operations = Operations(MigrationContext.configure(connection))
        with operations.batch_alter_table("team") as batch:
            batch.alter_column(column, type_=kind, postgresql_using="0" if isinstance(kind, Integer) else None)
    assert differences(engine) != []


def test_an_empty_database_is_brought_up_to_date(empty: Engine) -> None:
    assert (current(empty), is_current(empty)) == (None, False)
    assert pending(empty)[0] == "0001 First tables."
    upgrade(empty)
    assert (current(empty), is_current(empty), pending(empty)) == (VERSIONS[-1].name[:4], True, [])
    assert set(Base.metadata.tables) < set(inspect(empty).get_table_names())


def test_upgrading_twice_is_harmless(engine: Engine) -> None:
    with transaction(engine) as session:
        session.add(Team(name="Sales"))
    upgrade(engine)
    with reading(engine) as session:
        assert session.scalars(select(Team.name)).all() == ["Sales"]


def test_two_upgrades_at_once_are_harmless(empty: Engine, empty_database_url: str) -> None:
    other = open_engine(empty_database_url)
    with ThreadPoolExecutor(1) as pool:
        with alone(empty):
            waiting = pool.submit(upgrade, other)
            with pytest.raises(TimeoutError):
                waiting.result(timeout=0.3)
        upgrade(empty)
        waiting.result(timeout=20)
    assert is_current(empty)
    other.dispose()


@pytest.mark.parametrize("database_url", [pytest.param("postgresql", marks=pytest.mark.server)], indirect=True)
def test_a_migration_gives_up_where_a_table_is_in_use_and_says_how_to_go_on(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrate, "PATIENCE", "50ms")
    with alone(engine) as connection:
        command.downgrade(configured(connection), "0004")
    with transaction(engine) as session:
        session.execute(text("LOCK TABLE recipient IN ACCESS SHARE MODE"))
        with pytest.raises(DatabaseUnavailable, match="nothing was changed; run inbox-worker migrate again"):
            upgrade(engine)
    assert current(engine) == "0004"
    upgrade(engine)
    assert is_current(engine)


def test_a_failing_change_of_the_schema_leaves_nothing_behind(empty: Engine) -> None:
    def change(*statements: str) -> None:
        with alone(empty) as connection:
            for statement in statements:
                connection.execute(text(statement))

    with pytest.raises(DBAPIError):
        change("CREATE TABLE half (id INTEGER)", "SELECT nothing")
    assert inspect(empty).get_table_names() == []


def test_rebuilding_a_table_keeps_the_rows_that_refer_to_it(engine: Engine) -> None:
    with transaction(engine) as session:
        session.add(Team(id=1, name="Sales"))
        session.flush()
        session.add(Contact(id=1, team_id=1, address="ada@example.org", domain="example.org"))
        session.flush()
        session.add(SecondAddress(contact_id=1, address="ada@example.net"))
    with alone(engine) as connection:
        operations = Operations(MigrationContext.configure(connection))
        with operations.batch_alter_table("contact", recreate="auto") as batch:
            batch.add_column(Column("extra", Integer))
            batch.alter_column("domain", type_=String(300))
    with reading(engine) as session:
        assert session.scalar(select(func.count()).select_from(SecondAddress)) == 1


def test_a_change_that_breaks_a_foreign_key_is_refused(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path}/inbox.sqlite")
    upgrade(engine)
    with pytest.raises(RuntimeError, match="broke 1 foreign keys"), alone(engine) as connection:
        connection.execute(text("INSERT INTO contact (team_id, address, domain) VALUES (404, 'a', 'b')"))
    with reading(engine) as session:
        assert session.scalar(select(func.count()).select_from(Contact)) == 0
    engine.dispose()


def test_a_schema_of_a_newer_version_is_left_alone(engine: Engine) -> None:
    with transaction(engine) as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    assert not is_current(engine)
    for act in (upgrade, pending):
        with pytest.raises(DatabaseUnavailable, match="9999; install that version"):
            act(engine)


@pytest.mark.parametrize("path", VERSIONS, ids=lambda path: path.stem)
def test_a_migration_imports_nothing_of_ours(path: Path) -> None:
    tree = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    imported = {
        node.module if isinstance(node, ast.ImportFrom) else node.names[0].name for node in tree if _imports(node)
    }
    assert imported <= {"alembic", "procrastinate.schema", "sqlalchemy", "sqlalchemy.dialects", "typing"}


def _imports(node: ast.AST) -> bool:
    return isinstance(node, ast.Import | ast.ImportFrom)


def test_a_full_disk_is_told_as_what_it_is_and_changes_nothing(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path}/inbox.sqlite")
    engine.dispose()
    event.listen(engine, "connect", lambda connection, _record: connection.execute("PRAGMA max_page_count=9"))
    with pytest.raises(OperationalError, match="database or disk is full"):
        upgrade(engine)
    assert (inspect(engine).get_table_names(), current(engine)) == ([], None)
    engine.dispose()


def test_a_draft_names_types_of_the_database_and_none_of_ours(tmp_path: Path) -> None:
    folder = copytree(FOLDER, tmp_path / "migrations", ignore=ignore_patterns("0*.py"))
    draft("everything", folder)
    drafted = (folder / "versions" / "0001_everything.py").read_text(encoding="utf-8")
    assert 'sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False)' in drafted.replace("'", '"')
    assert 'sa.Column("status", sa.String(length=40), nullable=False)' in drafted.replace("'", '"')
    assert "models" not in drafted


def test_a_draft_of_what_is_the_same_changes_nothing(tmp_path: Path) -> None:
    folder = copytree(FOLDER, tmp_path / "migrations")
    draft("nothing new", folder)
    drafted = (folder / "versions" / f"{len(VERSIONS) + 1:04}_nothing_new.py").read_text(encoding="utf-8")
    assert "create_table" not in drafted
    assert "    pass" in drafted
