"""Opening the database: one behaviour on SQLite and on PostgreSQL, and a sentence where it cannot be opened."""

import socket
import sqlite3
import stat
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from models import engine as engines
from models.session import DatabaseUnavailable, open_engine, transaction


@pytest.fixture
def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_server_that_is_down_is_named_without_its_password(closed_port: int) -> None:
    with pytest.raises(DatabaseUnavailable) as caught:
        open_engine(f"postgresql://ada:hunter2@127.0.0.1:{closed_port}/inbox?password=hunter2")
    message = str(caught.value)
    assert "INBOX_DATABASE_URL=postgresql+psycopg://ada:***@127.0.0.1" in message
    assert "see that the server runs" in message
    assert "hunter2" not in message


@pytest.mark.server
def test_a_database_that_does_not_exist_is_unavailable(postgres_url: str) -> None:
    with pytest.raises(DatabaseUnavailable, match='database "nowhere" does not exist'):
        open_engine(postgres_url.rpartition("/")[0] + "/nowhere")


@pytest.mark.server
@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_every_spelling_of_postgresql_uses_psycopg(postgres_url: str, scheme: str) -> None:
    engine = open_engine(f"{scheme}://{postgres_url.partition('://')[2]}")
    assert engine.url.drivername == "postgresql+psycopg"
    engine.dispose()


@pytest.mark.parametrize("url", ["", "nonsense", "mysql://ada:hunter2@host/inbox", "postgresql://ada:hunter2@host:x/y"])
def test_a_url_we_cannot_read_is_refused_without_being_shown(url: str) -> None:
    with pytest.raises(DatabaseUnavailable, match="INBOX_DATABASE_URL is no URL") as caught:
        open_engine(url)
    assert "hunter2" not in str(caught.value)


def test_an_unquoted_at_sign_in_the_password_is_explained_and_kept_secret() -> None:
    with pytest.raises(DatabaseUnavailable, match="%40") as caught:
        open_engine("postgresql://ada:hunter@2@host/inbox")
    assert "hunter" not in str(caught.value)


def test_a_new_sqlite_file_comes_with_its_folder_and_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "inbox.sqlite"
    open_engine(f"sqlite:///{path}").dispose()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_sqlite_runs_with_the_promised_pragmas(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path}/inbox.sqlite")
    with transaction(engine) as session:
        found = {
            name: session.scalar(text(f"PRAGMA {name}"))
            for name in ("journal_mode", "synchronous", "busy_timeout", "foreign_keys")
        }
    engine.dispose()
    assert found == {"journal_mode": "wal", "synchronous": 1, "busy_timeout": 30_000, "foreign_keys": 1}


def _a_folder(path: Path) -> None:
    path.mkdir()


def _no_database(path: Path) -> None:
    path.write_bytes(b"Dear Ada, this is a letter and no database at all. " * 20)


@pytest.mark.parametrize("make", [_a_folder, _no_database])
def test_a_path_that_holds_no_database_is_unavailable(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "thing")
    with pytest.raises(DatabaseUnavailable, match=r"INBOX_DATABASE_URL=sqlite.*; see that this user may write"):
        open_engine(f"sqlite:///{tmp_path}/thing")


def test_a_folder_that_cannot_be_made_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DatabaseUnavailable, match="see that this user may write"):
        open_engine(f"sqlite:///{tmp_path}/file/inbox.sqlite")


def test_many_processes_may_open_a_new_sqlite_file_at_once(tmp_path: Path) -> None:
    start = threading.Barrier(8)

    def open_it(_: int) -> None:
        start.wait()
        open_engine(f"sqlite:///{tmp_path}/inbox.sqlite").dispose()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(open_it, range(8)))


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:"])
def test_a_database_in_memory_is_refused(url: str) -> None:
    with pytest.raises(DatabaseUnavailable, match=r"names no file.*write sqlite:///file"):
        open_engine(url)


def test_a_new_file_that_another_holds_all_the_time_is_waited_for_and_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "BUSY_SECONDS", 0.2)
    path = tmp_path / "inbox.sqlite"
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(DatabaseUnavailable, match="another process has been writing"):
            open_engine(f"sqlite:///{path}")
        other.execute("ROLLBACK")
    open_engine(f"sqlite:///{path}").dispose()


def test_where_the_driver_of_postgresql_lacks_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(DatabaseUnavailable, match=r"pip install 'inbox-worker\[postgres\]'"):
        open_engine("postgresql://ada:hunter2@127.0.0.1/inbox")


def test_who_is_refused_at_once_while_another_opens_the_new_file_tries_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite refuses some of them without any waiting, though only at an unlucky moment: here it does so twice."""
    refused: list[str] = []

    class Unlucky(sqlite3.Connection):
        def execute(self, statement: str, *values: object) -> sqlite3.Cursor:
            if "journal_mode" in statement and len(refused) < 2:
                refused.append(statement)
                raise sqlite3.OperationalError("database is locked")
            return super().execute(statement, *values)

    monkeypatch.setattr(engines, "BUSY_STEP", 0.001)
    with closing(sqlite3.connect(":memory:", factory=Unlucky)) as connection:
        engines._prepare(connection, None)  # noqa: SLF001 - the moment cannot be met from outside
        assert len(refused) == 2
        assert connection.execute("PRAGMA secure_delete").fetchone() == (1,)
