"""What a diagnosis says of the machine: settings, files, disks and the database, each of them made wrong for once."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, make_url, update
from sqlalchemy.orm import Session

from config.settings import Settings
from models.partitions import keep_ahead
from models.session import open_engine, reading, transaction
from models.tables.mail import InboundMessage, MessageClue, MessageState
from models.tables.mailboxes import Mailbox
from tests.databases import postgres_database
from tests.worker.commanding import Commands
from tests.worker.small_world import furnish
from worker.doctor import database
from worker.doctor.configured import console, links, private_files
from worker.doctor.database import clock, integrity, postgresql, sqlite
from worker.doctor.places import artifact_folder, disks, network_file_system
from worker.watch.health import Finding

KEY = "k" * 32
POSTGRES = pytest.mark.parametrize(
    "database_url", [pytest.param("postgresql", marks=pytest.mark.server)], indirect=True
)


def now() -> datetime:
    return datetime.now(UTC)


def ill(findings: Iterable[Finding]) -> dict[str, str]:
    """Return what is not as it should be, and how bad it is; each says what to do."""
    found = {each.what: each for each in findings if each.look or not each.ok}
    assert all(each.mend for each in found.values()), found
    return {what: "look" if each.ok else "FAILED" for what, each in found.items()}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, {}),
        ({"public_url": "https://us.example", "link_keys": KEY}, {}),
        ({"link_keys": KEY}, {"links": "FAILED"}),
        ({"public_url": "https://us.example"}, {"links": "look"}),
        ({"public_url": "http://127.0.0.1:8025", "link_keys": KEY}, {"links": "look"}),
    ],
)
def test_links_need_an_address_that_recipients_reach_and_a_key(given: dict[str, str], expected: dict[str, str]) -> None:
    assert ill(links(Settings(**given))) == expected  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, {}),
        ({"console_host": "::1"}, {}),
        ({"console_host": "0.0.0.0"}, {"console": "look"}),  # noqa: S104 - what it is about
        ({"console_host": "0.0.0.0", "public_url": "https://us.example"}, {}),  # noqa: S104 - the same
    ],
)
def test_a_console_for_others_needs_a_way_with_tls(given: dict[str, str], expected: dict[str, str]) -> None:
    assert ill(console(Settings(**given))) == expected  # type: ignore[arg-type]


def test_files_with_secrets_that_others_may_read_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    database_file = tmp_path / "inbox.sqlite"
    files = {
        tmp_path / "keys": "a key",
        tmp_path / "inbox-worker.toml": 'link_keys = "k"',
        tmp_path / ".env": "INBOX_SECRET_KEYS=k",
        database_file: "",
    }
    for path, content in files.items():
        path.write_text(content)
        path.chmod(0o600)
    environment = {"INBOX_SECRET_KEYS_FILE": str(tmp_path / "keys"), "INBOX_LINK_KEYS_FILE": ""}
    assert ill(private_files(environment, database_file)) == {}
    for path in files:
        path.chmod(0o640)
        (found,) = [each for each in private_files(environment, database_file) if each.look]
        assert str(found.mend).endswith(path.name)
        path.chmod(0o600)


def test_settings_without_a_secret_may_be_read_by_everybody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, content in {"inbox-worker.toml": "poll_seconds = 5", ".env": "INBOX_PUSH=false"}.items():
        (tmp_path / name).write_text(content)
        (tmp_path / name).chmod(0o644)
    assert list(private_files({}, None)) == []


def test_a_disk_is_told_once_with_all_that_lies_on_it_and_fails_where_there_is_no_room(tmp_path: Path) -> None:
    places = {"database": tmp_path, "classifiers": tmp_path / "not" / "there"}
    (enough,) = disks(places, least=1)
    assert (enough.ok, "(database, classifiers)" in enough.says) == (True, True)
    assert ill(disks(places, least=2**60)) == {"disk": "FAILED"}


def test_of_a_file_system_without_a_size_nothing_is_said() -> None:
    assert list(disks({"database": Path("/proc/self")})) == []


def test_a_folder_of_artifacts_that_is_none_fails_and_one_that_is_not_there_is_made_later(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert ill([artifact_folder(tmp_path / "file")]) == {"artifact folder": "FAILED"}
    assert ill([artifact_folder(tmp_path / "none"), artifact_folder(tmp_path)]) == {}
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]


def test_places_that_cannot_even_be_looked_at_end_no_diagnosis(tmp_path: Path) -> None:
    # Its name is too long for a file system; so is a folder refused to a user who may not enter the one above.
    nowhere = tmp_path / ("x" * 300) / "inbox.sqlite"
    assert ill([artifact_folder(nowhere)]) == {"artifact folder": "FAILED"}
    assert ill(disks({"database": nowhere}, least=1)) == {}
    assert list(private_files({}, nowhere)) == []


def test_a_folder_of_artifacts_that_may_only_be_read_is_worth_a_look() -> None:
    # Nobody may make a file there, not even root.
    assert ill([artifact_folder(Path("/sys"))]) == {"artifact folder": "look"}


@pytest.mark.parametrize(
    ("path", "kind"),
    [("/data/inbox.sqlite", None), ("/mnt/shared files/inbox.sqlite", "nfs4"), ("/mnt/other/inbox.sqlite", None)],
)
def test_a_file_on_a_network_file_system_is_told_from_one_of_this_machine(path: str, kind: str | None) -> None:
    mounts = "/dev/vda / ext4 rw,relatime 0 0\nserver:/x /mnt/shared\\040files nfs4 rw,vers=4.2 0 0\n"
    assert network_file_system(Path(path), mounts) == kind


@pytest.fixture
def sqlite_file(sqlite_template: Path, tmp_path: Path) -> Path:
    path = tmp_path / "inbox.sqlite"
    path.write_bytes(sqlite_template.read_bytes())
    return path


def test_a_sqlite_file_that_keeps_no_log_beside_it_fails(sqlite_file: Path) -> None:
    with closing(sqlite3.connect(sqlite_file)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")
    plain = create_engine(f"sqlite:///{sqlite_file}")
    with Session(plain) as session:
        assert ill(sqlite(session, sqlite_file)) == {"sqlite": "FAILED"}
    plain.dispose()
    ours = open_engine(f"sqlite:///{sqlite_file}")
    with reading(ours) as session:
        assert ill(sqlite(session, sqlite_file)) == {}
    ours.dispose()


def test_a_sqlite_file_on_a_network_file_system_fails(sqlite_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "mount_table", lambda: f"server:/x {sqlite_file.parent} nfs rw 0 0\n")
    engine = open_engine(f"sqlite:///{sqlite_file}")
    with reading(engine) as session:
        (found,) = sqlite(session, sqlite_file)
    engine.dispose()
    assert (found.ok, "(nfs)" in found.says) == (False, True)


def test_a_damaged_sqlite_file_is_found_by_a_thorough_diagnosis_alone(run: Commands) -> None:
    run.done("teams", "add", "Sales")
    assert run.done("doctor", "--thorough", "--json").rows[-2]["says"] == "the file is whole"
    path = Path(make_url(run.url).database or "")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (root,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'ix_contact_domain'").fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    with path.open("r+b") as file:
        file.seek((root - 1) * size)
        file.write(b"\xff" * 100)
    run.done("doctor")
    said = run("doctor", "--thorough")
    assert (said.code, "FAILED  integrity: the file is damaged: " in said.out) == (1, True)


def test_an_undamaged_file_is_whole(sqlite_file: Path) -> None:
    engine = open_engine(f"sqlite:///{sqlite_file}")
    with reading(engine) as session:
        assert integrity(session).ok
    engine.dispose()


@pytest.fixture
def postgres_of_ascii(postgres_url: str) -> Iterator[Engine]:
    with postgres_database(postgres_url, "template0 ENCODING 'SQL_ASCII'") as url:
        engine = open_engine(url)
        yield engine
        engine.dispose()


@pytest.mark.server
def test_a_postgresql_that_cannot_hold_every_letter_fails(postgres_of_ascii: Engine) -> None:
    with reading(postgres_of_ascii) as session:
        assert ill(database.encoding(session)) == {"encoding": "FAILED"}


def diagnosed(engine: Engine, at: datetime | None = None, **settings: int) -> dict[str, str]:
    with reading(engine) as session:
        return ill(postgresql(session, engine.url, Settings(**settings), at or now()))  # type: ignore[arg-type]


@POSTGRES
def test_a_postgresql_that_is_set_up_well_passes(engine: Engine) -> None:
    with transaction(engine) as session:
        keep_ahead(session, now())
    assert diagnosed(engine) == {}


@POSTGRES
def test_more_threads_than_the_server_takes_connections_are_worth_a_look(engine: Engine) -> None:
    assert "connections" not in diagnosed(engine)
    assert diagnosed(engine, poll_threads=90)["connections"] == "look"


@POSTGRES
def test_months_that_nobody_made_fail_and_rows_beside_them_are_worth_a_look(engine: Engine) -> None:
    ahead = now() + timedelta(days=400)
    # A new database has this month, and the others once a daemon runs.
    assert diagnosed(engine)["months"] == "look"
    assert diagnosed(engine, ahead)["months"] == "FAILED"
    furnish(engine)
    with transaction(engine) as session:
        keep_ahead(session, now())
        keep_ahead(session, ahead)
        session.add(
            InboundMessage(
                id=1, mailbox_id=1, folder="INBOX", uidvalidity=1, uid=1, content_hash="1", arrived_at=now(), size=1,
                state=MessageState.JUDGED, recorded_at=now(),
            )
        )  # fmt: skip
        session.flush()
        session.add(MessageClue(message_id=1, value="a", recorded_at=now() + timedelta(days=3_000)))
    assert diagnosed(engine, ahead)["months"] == "look"
    # What lies there of months long gone is kept on purpose.
    with transaction(engine) as session:
        keep_ahead(session, now() + timedelta(days=4_000))
    assert "months" not in diagnosed(engine, now() + timedelta(days=4_000))


@POSTGRES
def test_a_connection_over_the_network_without_tls_is_worth_a_look(engine: Engine) -> None:
    assert "encryption" not in diagnosed(engine)
    # The same server under a name that is not this machine's.
    url = engine.url.set(host="db.example").update_query_dict({"hostaddr": engine.url.host or ""})
    far = open_engine(url.render_as_string(hide_password=False))
    assert diagnosed(far)["encryption"] == "look"
    far.dispose()
    for host in (None, "/var/run/postgresql"):  # A socket.
        with reading(engine) as session:
            found = ill(postgresql(session, engine.url._replace(host=host), Settings(), now()))
        assert "encryption" not in found


@pytest.mark.parametrize(("number", "well"), [(120_020, False), (130_000, True), (180_001, True)])
def test_an_old_postgresql_fails(number: int, *, well: bool) -> None:
    assert database.version(number, "it").ok is well


@POSTGRES
def test_a_clock_that_differs_from_the_databases_fails(engine: Engine) -> None:
    with reading(engine) as session:
        assert ill(clock(session, now())) == {}
        assert ill(clock(session, now() - timedelta(hours=1))) == {"clock": "FAILED"}


def test_a_clock_behind_what_was_written_down_fails(engine: Engine) -> None:
    furnish(engine)
    with transaction(engine) as session:
        session.execute(update(Mailbox).values(last_success_at=now() + timedelta(days=1)))
    with reading(engine) as session:
        assert ill(clock(session, now())) == {"clock": "FAILED"}
    with transaction(engine) as session:
        session.execute(update(Mailbox).values(last_success_at=now()))
    with reading(engine) as session:
        assert ill(clock(session, now())) == {}
