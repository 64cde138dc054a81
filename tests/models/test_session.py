"""Sessions: one behaviour on SQLite and on PostgreSQL."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, event, func, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError, StatementError
from sqlalchemy.orm import Session

from models import engine as engines
from models.session import (
    DatabaseUnavailable,
    insert_new,
    lock_contacts,
    open_engine,
    reading,
    transaction,
)
from models.tables.learning import Artifact
from models.tables.mailboxes import Mailbox
from models.tables.mailing import Contact, SecondAddress
from models.tables.people import Team
from tests.servers import PrivatePostgres

NOON = datetime(2026, 3, 4, 12, 0, 0, 123456, tzinfo=UTC)


def names(engine: Engine) -> set[str]:
    with reading(engine) as session:
        return set(session.scalars(select(Team.name)))


def artifact(**changes: Any) -> Artifact:
    row = {"version": "1", "path": "a", "sha256": "0" * 64, "metrics": {"f1": 0.9}, "recorded_at": NOON}
    return Artifact(**(row | changes))


def a_team(engine: Engine) -> int:
    with transaction(engine) as session:
        team = Team(name="Sales")
        session.add(team)
        session.flush()
        return team.id


def fail_after(engine: Engine, do: Callable[[Session], object]) -> None:
    """Do something in a transaction that ends in a KeyError."""
    with transaction(engine) as session:
        do(session)
        session.flush()
        raise KeyError


def test_a_transaction_commits_at_its_end(engine: Engine) -> None:
    with transaction(engine) as session:
        session.add(Team(name="Sales"))
    assert names(engine) == {"Sales"}


def test_an_error_takes_everything_back(engine: Engine) -> None:
    with pytest.raises(KeyError):
        fail_after(engine, lambda session: session.add(Team(name="Sales")))
    assert names(engine) == set()


def test_rows_stay_readable_after_the_commit(engine: Engine) -> None:
    with transaction(engine) as session:
        team = Team(name="Sales")
        session.add(team)
    assert team.name == "Sales"


def test_a_savepoint_that_fails_keeps_the_rest(engine: Engine) -> None:
    with transaction(engine) as session:
        session.add(Team(name="before"))
        with pytest.raises(IntegrityError), session.begin_nested():
            session.add_all([Team(name="inside"), Team(name="before")])
        session.add(Team(name="after"))
    assert names(engine) == {"before", "after"}


def test_a_released_savepoint_goes_with_its_transaction(engine: Engine) -> None:
    def add_in_a_savepoint(session: Session) -> None:
        with session.begin_nested():
            session.add(Team(name="inside"))

    with pytest.raises(KeyError):
        fail_after(engine, add_in_a_savepoint)
    assert names(engine) == set()


def test_two_writers_at_once_both_succeed(engine: Engine) -> None:
    team_id, start = a_team(engine), threading.Barrier(2)

    def write(who: str) -> None:
        start.wait()
        for number in range(20):
            with transaction(engine) as session:
                session.scalar(select(func.count()).select_from(Contact))
                session.add(Contact(team_id=team_id, address=f"{who}{number}@example.org", domain="example.org"))

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(write, ["ada", "ben"]))
    with reading(engine) as session:
        assert session.scalar(select(func.count()).select_from(Contact)) == 40


def test_a_reader_sees_one_state_while_another_writes(engine: Engine) -> None:
    with reading(engine) as session:
        assert session.scalar(select(func.count()).select_from(Team)) == 0
        a_team(engine)
        assert session.scalar(select(func.count()).select_from(Team)) == 0
    assert names(engine) == {"Sales"}


def test_a_reader_cannot_write_and_the_next_writer_can(engine: Engine) -> None:
    with pytest.raises(DBAPIError), reading(engine) as session:
        insert_new(session, Team, [{"name": "Sales"}])
    a_team(engine)
    assert names(engine) == {"Sales"}


def test_foreign_keys_hold(engine: Engine) -> None:
    with pytest.raises(IntegrityError), transaction(engine) as session:
        session.add(Contact(team_id=404, address="ada@example.org", domain="example.org"))


def test_naive_times_are_refused(engine: Engine) -> None:
    with pytest.raises(StatementError, match="naive time"), transaction(engine) as session:
        session.add(artifact(recorded_at=NOON.replace(tzinfo=None)))


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    moment=st.datetimes(
        datetime(1970, 1, 2),  # noqa: DTZ001 - Hypothesis adds the zone itself
        datetime(2200, 1, 1),  # noqa: DTZ001 - the same
        timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=45)), timezone(timedelta(hours=-9))]),
    )
)
def test_times_come_back_aware_utc_and_equal(engine: Engine, moment: datetime) -> None:
    with transaction(engine) as session:
        session.query(Artifact).delete()
        session.add(artifact(recorded_at=moment))
    with reading(engine) as session:
        found = session.scalars(select(Artifact.recorded_at)).one()
    assert found == moment
    assert found.tzinfo is UTC or found.utcoffset() == timedelta(0)


def test_only_new_rows_are_inserted_and_counted(engine: Engine) -> None:
    with transaction(engine) as session:
        assert insert_new(session, Team, [{"name": "Sales"}]) == 1
        assert insert_new(session, Team, [{"name": "Sales"}]) == 0
        assert insert_new(session, Team, [{"name": "Sales"}, {"name": "Press"}, {"name": "Press"}]) == 1
        assert insert_new(session, Team, []) == 0
    assert names(engine) == {"Sales", "Press"}


def test_inserting_new_rows_fills_defaults_and_keeps_json_and_times(engine: Engine) -> None:
    row = {"team_id": a_team(engine), "name": "box", "host": "h", "port": 993, "username": "u", "password": "p"}
    with transaction(engine) as session:
        insert_new(session, Mailbox, [row | {"addresses": ["me@example.org"], "paused_at": NOON}])
    with reading(engine) as session:
        box = session.scalars(select(Mailbox)).one()
    assert (box.security, box.failures, box.folders) == ("tls", 0, [])
    assert (box.addresses, box.paused_at) == (["me@example.org"], NOON)


def test_more_rows_than_a_statement_has_variables_are_inserted(engine: Engine) -> None:
    team_id = a_team(engine)
    rows = [{"team_id": team_id, "address": f"{n}@example.org", "domain": "example.org"} for n in range(12_000)]
    with transaction(engine) as session:
        assert insert_new(session, Contact, rows) == 12_000
        assert insert_new(session, Contact, rows) == 0


def test_rows_may_refer_to_what_the_session_still_holds(engine: Engine) -> None:
    team_id = a_team(engine)
    with transaction(engine) as session:
        session.add(Contact(id=7, team_id=team_id, address="ada@example.org", domain="example.org"))
        assert insert_new(session, SecondAddress, [{"contact_id": 7, "address": "ada@example.net"}]) == 1


def test_rows_that_name_different_columns_are_refused(engine: Engine) -> None:
    with pytest.raises(ValueError, match="different columns"), transaction(engine) as session:
        insert_new(session, Team, [{"name": "Sales"}, {"name": "Press", "id": 9}])


def test_only_known_keys_are_forgiven(engine: Engine) -> None:
    with pytest.raises(IntegrityError), transaction(engine) as session:
        insert_new(session, Team, [{"name": None}])


def test_contacts_are_locked_in_id_order_and_in_chunks(engine: Engine) -> None:
    statements: list[Any] = []
    event.listen(engine, "before_cursor_execute", lambda *call: statements.append(call[2:4]))
    with transaction(engine) as session:
        lock_contacts(session, [*range(1_200, 0, -1), 5])
    locks = [(sql, list(values.values())) for sql, values in statements if "FOR UPDATE" in sql]
    if engine.dialect.name == "sqlite":
        assert locks == []
        return
    assert all("ORDER BY contact.id FOR UPDATE" in sql for sql, _ in locks)
    arrays = [[int(value) for value in array.strip("{}").split(",")] for _, (array,) in locks]
    assert [len(array) for array in arrays] == [500, 500, 200]
    assert [value for array in arrays for value in array] == list(range(1, 1_201))


def test_a_locked_contact_makes_the_next_writer_wait(engine: Engine) -> None:
    team_id = a_team(engine)
    with transaction(engine) as session:
        session.add(Contact(id=1, team_id=team_id, address="ada@example.org", domain="old"))
    order: list[str] = []
    started = threading.Event()

    def second() -> None:
        started.set()
        with transaction(engine) as session:
            lock_contacts(session, [1])
            order.append(session.scalars(select(Contact.domain)).one())

    with ThreadPoolExecutor(1) as pool:
        with transaction(engine) as session:
            lock_contacts(session, [1])
            waiting = pool.submit(second)
            started.wait()
            with pytest.raises(TimeoutError):
                waiting.result(timeout=0.3)
            session.scalars(select(Contact)).one().domain = "new"
        waiting.result(timeout=10)
    assert order == ["new"]


@pytest.mark.server
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_connection_that_breaks_in_a_transaction_gives_database_unavailable(engine: Engine) -> None:

    def hang_up(session: Session) -> None:
        insert_new(session, Team, [{"name": "Sales"}])
        mine = session.scalar(text("SELECT pg_backend_pid()"))
        with transaction(engine) as other:
            other.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": mine})
        session.scalar(select(1))

    with pytest.raises(DatabaseUnavailable, match="see that the server runs"):
        fail_after(engine, hang_up)
    assert names(engine) == set(), "the pool has replaced the broken connection, and nothing was written"


@pytest.mark.server
def test_a_stopped_postgresql_gives_database_unavailable() -> None:
    with PrivatePostgres() as server:
        engine = open_engine(server.url())
        with transaction(engine) as session:
            assert session.scalar(select(1)) == 1
    for begin in (transaction, reading):
        with pytest.raises(DatabaseUnavailable, match="see that the server runs"), begin(engine):
            pytest.fail("nothing runs without a database")
    engine.dispose()


def test_an_error_names_no_value_of_its_statement(engine: Engine) -> None:
    with pytest.raises(DBAPIError) as error, transaction(engine) as session:
        session.execute(text("SELECT * FROM nowhere WHERE address = :address"), {"address": "anna@client.example"})
    assert "nowhere" in str(error.value)
    assert "anna@" not in str(error.value)


def test_a_writer_that_never_ends_is_named_and_the_database_works_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "BUSY_SECONDS", 0.1)
    engine = open_engine(f"sqlite:///{tmp_path}/inbox.sqlite")
    with transaction(engine), pytest.raises(DatabaseUnavailable, match="another process has been writing"):
        a_team(engine)
    with transaction(engine) as session:
        assert insert_new(session, Team, []) == 0
    engine.dispose()
