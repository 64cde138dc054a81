"""Copies of the database: one state, whatever is written meanwhile, for this user alone, over nothing that is there."""

from __future__ import annotations

import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Engine, make_url, select, text

from models.revision import known
from models.session import open_engine, reading, transaction
from models.tables.people import Team
from tests.worker.commanding import Commands
from worker import backup
from worker.backup import Copied, back_up, pg_dump
from worker.errors import InputError


@pytest.fixture
def source(sqlite_template: Path, tmp_path: Path) -> Path:
    path = tmp_path / "inbox.sqlite"
    path.write_bytes(sqlite_template.read_bytes())
    return path


@pytest.fixture
def engine(source: Path) -> Iterator[Engine]:
    engine = open_engine(f"sqlite:///{source}")
    yield engine
    engine.dispose()


def teams(path: Path) -> list[str]:
    copy = open_engine(f"sqlite:///{path}")
    with reading(copy) as session:
        names = list(session.scalars(select(Team.name).order_by(Team.id)))
    copy.dispose()
    return names


def test_a_copy_holds_what_was_committed_while_somebody_writes_and_nobody_waits(
    engine: Engine, source: Path, tmp_path: Path
) -> None:
    target = tmp_path / "copy.sqlite"
    with transaction(engine) as session:
        session.add(Team(name="Sales"))
    with transaction(engine) as session:
        session.add(Team(name="Half written"))
        session.flush()
        copied = back_up(source, target)
    assert copied == Copied(target.stat().st_size, known()[-1])
    assert teams(target) == ["Sales"]
    assert teams(source) == ["Sales", "Half written"]


def test_a_copy_is_for_this_user_alone_and_nothing_else_is_left(source: Path, tmp_path: Path) -> None:
    (tmp_path / "backups").mkdir()
    back_up(source, tmp_path / "backups/copy.sqlite")
    assert stat.S_IMODE((tmp_path / "backups/copy.sqlite").stat().st_mode) == 0o600
    assert [path.name for path in (tmp_path / "backups").iterdir()] == ["copy.sqlite"]


def test_what_was_deleted_is_not_in_the_copy(source: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(source)) as database:
        # As most builds of SQLite are: what is deleted stays where it was until its room is needed.
        database.execute("PRAGMA secure_delete=OFF")
        for statement in ("INSERT INTO team (name) VALUES ('not-to-be-read')", "DELETE FROM team"):
            database.execute(statement)
            database.commit()
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert b"not-to-be-read" in source.read_bytes()
    back_up(source, tmp_path / "copy.sqlite")
    assert b"not-to-be-read" not in (tmp_path / "copy.sqlite").read_bytes()


def test_no_copy_is_written_over_what_is_there(source: Path, tmp_path: Path) -> None:
    (tmp_path / "copy.sqlite").write_text("an older one")
    with pytest.raises(InputError, match="is there already"):
        back_up(source, tmp_path / "copy.sqlite")
    assert (tmp_path / "copy.sqlite").read_text() == "an older one"


def test_of_two_copies_to_one_name_the_second_is_refused(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target, look = tmp_path / "copy.sqlite", backup._look  # noqa: SLF001 - the moment before the name is given

    def meanwhile(made: Path) -> Copied:
        target.write_text("the other one")
        return look(made)

    monkeypatch.setattr(backup, "_look", meanwhile)
    with pytest.raises(InputError, match="meanwhile"):
        back_up(source, target)
    assert target.read_text() == "the other one"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy.sqlite", "inbox.sqlite"]


def test_a_file_system_without_second_names_gets_a_copy_too(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr("os.link", unknown)
    back_up(source, tmp_path / "copy.sqlite")
    assert teams(tmp_path / "copy.sqlite") == []


@pytest.mark.parametrize("content", [None, b"", b"no database at all, but long enough to be looked at as one"])
def test_what_is_no_database_of_ours_gives_no_copy_and_is_not_made(tmp_path: Path, content: bytes | None) -> None:
    source = tmp_path / "inbox.sqlite"
    if content is not None:
        source.write_bytes(content)
    with pytest.raises(InputError, match="nothing is left of the copy"):
        back_up(source, tmp_path / "copy.sqlite")
    assert [path.name for path in tmp_path.iterdir()] == ([] if content is None else ["inbox.sqlite"])


def test_a_database_that_breaks_its_own_rules_gives_no_copy(source: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(source, isolation_level=None)) as database:
        database.execute("CREATE TABLE damaged (name TEXT)")
        database.execute("INSERT INTO damaged VALUES (NULL)")
        database.execute("PRAGMA writable_schema=ON")
        database.execute(
            "UPDATE sqlite_schema SET sql = 'CREATE TABLE damaged (name TEXT NOT NULL)' WHERE name = 'damaged'"
        )
    with pytest.raises(InputError, match=r"NULL value in damaged\.name; nothing is left of the copy"):
        back_up(source, tmp_path / "copy.sqlite")
    assert not (tmp_path / "copy.sqlite").exists()


@pytest.mark.parametrize("place", ["not/there/copy.sqlite", "/sys/copy.sqlite"])
def test_a_place_that_cannot_be_written_is_named(source: Path, tmp_path: Path, place: str) -> None:
    with pytest.raises(InputError, match="name another place"):
        back_up(source, tmp_path / place)


def test_the_command_says_what_it_made_and_what_else_to_keep(run: Commands) -> None:
    run.add_mailbox()
    said = run.done("backup", "copy.sqlite")
    assert f"schema {known()[-1]}" in said.out
    assert f"keep with it {run.folder}/artifacts" in said.out
    assert run("backup", "copy.sqlite").code == 1


def test_a_database_of_an_older_schema_is_copied_as_it_is(run: Commands) -> None:
    run.done("migrate")
    with run.database() as engine, transaction(engine) as session:
        session.execute(text("UPDATE alembic_version SET version_num = '0007'"))
    assert "schema 0007" in run.done("backup", "copy.sqlite").out
    with run.database() as engine, reading(engine) as session:
        assert session.scalar(text("SELECT version_num FROM alembic_version")) == "0007"


def test_of_postgresql_the_command_is_told_without_its_password(run: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INBOX_DATABASE_URL", "postgresql://inbox:sesame@db.example:5433/mail?sslmode=require")
    said = run("backup", "my copy")
    assert (said.code, "sesame" in said.err) == (1, False)
    line = "pg_dump --format=custom '--file=my copy' 'postgresql://inbox@db.example:5433/mail?sslmode=require'"
    assert said.err.endswith(f"run: {line}")


def test_a_password_among_the_parameters_is_not_told_either() -> None:
    url = make_url("postgresql://db.example/mail?password=sesame&sslpassword=sesame")
    assert pg_dump(url, Path("f")) == "pg_dump --format=custom --file=f postgresql://db.example/mail"
