"""Many rows by one statement: what is written comes back, and lists find what IN finds, on both databases."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.errors import UniqueViolation
from sqlalchemy import Engine, event, func, select
from sqlalchemy.exc import DataError, DBAPIError
from sqlalchemy.orm import Session

from models import rows as written
from models.among import among, unindexed
from models.json_text import Ready, as_json
from models.rows import FEW, bulk_insert, insert_new, insert_returning, update_rows
from models.session import reading, transaction
from models.tables.handling import AsideMessage
from models.tables.mail import InboundMessage, MessageState
from models.tables.mailboxes import Mailbox
from models.tables.mailing import Contact, SecondAddress
from models.tables.outside import EventType, OutboxEvent
from models.tables.people import Team

NOON = datetime(2026, 3, 4, 12, 0, 0, 123456, tzinfo=UTC)
FEWER_EXAMPLES = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
# Whatever an array of PostgreSQL is written with is in here more often than by chance.
TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20),
    st.text('\\"{},NUL \n\t%', max_size=8),
    st.sampled_from(["NULL", "null", "", "{}", "(1,2)", "%s", "a\\"]),
)


@pytest.fixture
def engine(engine: Engine) -> Engine:
    with transaction(engine) as session:
        session.add(Team(id=1, name="Sales"))
    return engine


def names(engine: Engine) -> set[str]:
    with reading(engine) as session:
        return set(session.scalars(select(Team.name)))


def outbox_row(subject: str, **changes: Any) -> dict[str, Any]:
    row = {"team_id": 1, "type": EventType.STATUS_CHANGED, "payload": {}, "endpoint": None, "recorded_at": NOON}
    return {"subject": subject} | row | changes


def contact_rows(*addresses: str) -> list[dict[str, Any]]:
    return [{"team_id": 1, "address": address, "domain": address.rpartition("@")[2]} for address in addresses]


@FEWER_EXAMPLES
@given(st.lists(st.tuples(TEXTS, st.none() | TEXTS, st.dictionaries(TEXTS, st.none() | TEXTS)), max_size=3 * FEW))
def test_few_rows_and_many_come_back_as_they_were_and_in_their_order(
    engine: Engine, rows: list[tuple[str, str | None, dict[str, str | None]]]
) -> None:
    wanted = [
        (subject, endpoint, payload, NOON + timedelta(minutes=number))
        for number, (subject, endpoint, payload) in enumerate(rows)
    ]
    with transaction(engine) as session:
        session.query(OutboxEvent).delete()
        new = [outbox_row(s, endpoint=e, payload=p, recorded_at=at) for s, e, p, at in wanted]
        assert insert_new(session, OutboxEvent, new) == len(rows)
    with reading(engine) as session:
        found = session.scalars(select(OutboxEvent).order_by(OutboxEvent.id)).all()
    assert [(row.subject, row.endpoint, row.payload, row.recorded_at) for row in found] == wanted
    assert {row.type for row in found} <= {EventType.STATUS_CHANGED}


@pytest.mark.parametrize("count", [2, 3 * FEW])
def test_only_what_is_new_is_returned(engine: Engine, count: int) -> None:
    addresses = [f"{number}@client.example" for number in range(count)]
    with transaction(engine) as session:
        insert_new(session, Contact, contact_rows(addresses[0]))
        new = insert_returning(session, Contact, contact_rows(*addresses), ("id", "address"))
        assert insert_returning(session, Contact, contact_rows(*addresses), ("id", "address")) == []
        stored = {row.id: row.address for row in session.scalars(select(Contact))}
    assert sorted(address for _, address in new) == sorted(addresses[1:])
    assert all(stored[row_id] == address for row_id, address in new)


@pytest.mark.parametrize("count", [2, 3 * FEW])
def test_an_update_changes_the_named_columns_of_the_named_rows(engine: Engine, count: int) -> None:
    with transaction(engine) as session:
        insert_new(session, Contact, contact_rows(*(f"{number}@old.example" for number in range(count + 1))))
        ids = list(session.scalars(select(Contact.id).order_by(Contact.id)))
        update_rows(session, Contact, [{"id": each, "domain": f"d{each}"} for each in ids[1:]])
        update_rows(session, Contact, [])
    with reading(engine) as session:
        found = {row.id: (row.address, row.domain) for row in session.scalars(select(Contact))}
    assert found[ids[0]] == ("0@old.example", "old.example")
    assert all(found[each] == (f"{number}@old.example", f"d{each}") for number, each in enumerate(ids[1:], 1))


@FEWER_EXAMPLES
@given(st.sets(TEXTS, max_size=12), st.sets(TEXTS, max_size=12))
def test_a_list_finds_what_in_finds(engine: Engine, stored: set[str], asked: set[str]) -> None:
    with transaction(engine) as session:
        session.query(Contact).delete()
        insert_new(session, Contact, contact_rows(*stored))
        by_text = session.scalars(select(Contact.address).where(among(Contact.address, "asked")), {"asked": asked})
        assert set(by_text) == stored & asked
        ids = {row.id for row in session.scalars(select(Contact)) if row.address in asked} | {-1}
        by_id = session.scalars(select(Contact.address).where(among(Contact.id, "ids")), {"ids": ids})
        assert set(by_id) == stored & asked


def test_a_list_is_looked_up_by_the_index(engine: Engine) -> None:
    statements: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *call: statements.append(call[2]))
    columns = Contact.__table__.c
    with reading(engine) as session:
        # Without statistics SQLite would rather read all contacts of the team.
        query = select(columns.id).where(among(columns.id, "ids"), unindexed(columns.team_id) == 1)
        session.execute(query, {"ids": [1, 2]})
        if engine.dialect.name == "sqlite":
            plan = session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {statements[-1]}", ("[1, 2]", 1)).all()
            assert "SEARCH contact USING INTEGER PRIMARY KEY" in plan[0][3]
        else:
            # Cast from anything else, the array would be read anew for every row, and no estimate would know it.
            assert "contact.id = ANY (%(ids)s::BIGINT[])" in statements[-1]


def test_one_statement_takes_any_number_of_rows_on_postgresql(engine: Engine) -> None:
    statements: list[str] = []
    with transaction(engine) as session:
        event.listen(engine, "before_cursor_execute", lambda *call: statements.append(call[2]))
        insert_new(session, Contact, contact_rows(*(f"{number}@client.example" for number in range(9_000))))
    assert len(statements) == 1


@pytest.mark.server
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize("count", [1, 3 * FEW])
def test_what_is_too_long_for_a_column_is_refused_and_not_cut(engine: Engine, count: int) -> None:
    with pytest.raises(DataError, match="too long"), transaction(engine) as session:
        insert_new(session, Contact, contact_rows(*(f"{number:0321}" for number in range(count))))


def test_naive_times_are_refused(engine: Engine) -> None:
    with pytest.raises(ValueError, match="naive time"), transaction(engine) as session:
        insert_new(session, OutboxEvent, [outbox_row("a", recorded_at=NOON.replace(tzinfo=None))])


def test_rows_to_change_are_written_after_what_the_session_still_holds(engine: Engine) -> None:
    with transaction(engine) as session:
        contact = Contact(id=7, team_id=1, address="ada@client.example", domain="old")
        session.add(contact)
        update_rows(session, Contact, [{"id": 7, "domain": "new"}])
        rows = [{"contact_id": 7, "address": "ada@home.example"}]
        assert insert_returning(session, SecondAddress, rows, ("address",)) == [("ada@home.example",)]
    with reading(engine) as session:
        assert session.get_one(Contact, 7).domain == "new"


def test_what_the_session_holds_follows_an_update(engine: Engine) -> None:
    with transaction(engine) as session:
        contact = Contact(id=7, team_id=1, address="ada@client.example", domain="old")
        session.add(contact)
        update_rows(session, Contact, [{"id": 7, "domain": "new"}])
        assert contact.domain == "new"
    assert contact.domain == "new"


def test_json_that_is_ready_is_written_as_it_is(engine: Engine) -> None:
    with transaction(engine) as session:
        insert_new(session, OutboxEvent, [outbox_row("a", payload=Ready('{"a": [1, "x"]}'))])
    with reading(engine) as session:
        assert session.scalars(select(OutboxEvent.payload)).one() == {"a": [1, "x"]}


@given(st.recursive(st.none() | st.booleans() | st.text() | st.floats(allow_nan=False), st.lists))
def test_json_means_what_the_standard_library_means(value: Any) -> None:
    assert json.loads(as_json(value)) == json.loads(json.dumps(value))
    assert json.loads(as_json({"key": value})) == {"key": json.loads(json.dumps(value))}


def test_half_a_surrogate_pair_is_kept_as_json_writes_it(engine: Engine) -> None:
    assert as_json(["\ud83d", "ü"]) == r'["\ud83d", "\u00fc"]'
    with transaction(engine) as session:
        insert_new(session, OutboxEvent, [outbox_row("a", payload={"text": "\ud83d"})])
    with reading(engine) as session:
        assert session.scalars(select(OutboxEvent.payload)).one() == {"text": "\ud83d"}


def test_octets_come_back_whether_rows_are_few_or_many(engine: Engine) -> None:
    octets = [bytes([number, 0, 255]) + b'\\"{},NULL' for number in range(3 * FEW)]
    with transaction(engine) as session:
        session.add(Mailbox(id=1, team_id=1, name="m", host="h", port=993, username="u", password="p"))
        for number in range(len(octets) + 1):
            message = {
                "id": number, "mailbox_id": 1, "folder": "INBOX", "uidvalidity": 1, "uid": number,
                "content_hash": "", "arrived_at": NOON, "size": 1, "state": MessageState.JUDGED, "recorded_at": NOON,
            }  # fmt: skip
            insert_new(session, InboundMessage, [message])
        rows = [{"message_id": at, "raw": raw, "last_attempt_at": NOON} for at, raw in enumerate([*octets, None])]
        insert_new(session, AsideMessage, rows[:2])
        insert_new(session, AsideMessage, rows[2:])
    with reading(engine) as session:
        found = session.scalars(select(AsideMessage.raw).order_by(AsideMessage.message_id))
        assert list(found) == [*octets, None]


def test_rows_in_bulk_arrive_as_the_models_have_them(engine: Engine) -> None:
    columns = ("team_id", "type", "subject", "payload", "recorded_at")
    subject = 'tab\t, \\N, new\nline, "quoted" and ü'
    with transaction(engine) as session:
        rows = ((1, EventType.DNE_ADDED, subject, {"note": None, "number": n}, NOON) for n in range(3))
        bulk_insert(session, OutboxEvent.__table__, columns, rows)
    with reading(engine) as session:
        found = session.scalars(select(OutboxEvent).order_by(OutboxEvent.id)).all()
    assert [(each.type, each.subject, each.payload, each.recorded_at, each.dispatched_at) for each in found] == [
        (EventType.DNE_ADDED, subject, {"note": None, "number": n}, NOON, None) for n in range(3)
    ]


def test_rows_in_bulk_see_what_the_session_holds_and_go_with_its_transaction(engine: Engine) -> None:
    def add_and_fail(session: Session) -> None:
        session.add(Team(id=5, name="Press"))
        bulk_insert(session, Contact.__table__, ("team_id", "address", "domain"), [(5, "a@b.example", "b.example")])
        assert session.scalar(select(func.count()).select_from(Contact)) == 1
        raise KeyError

    with pytest.raises(KeyError), transaction(engine) as session:
        add_and_fail(session)
    assert names(engine) == {"Sales"}


def test_a_row_in_bulk_that_is_stored_already_is_an_error(engine: Engine) -> None:
    with pytest.raises((DBAPIError, UniqueViolation)), transaction(engine) as session:
        bulk_insert(session, Team.__table__, ("name",), [("Sales",)])


def test_rows_in_bulk_are_taken_as_they_come(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(written, "WRITTEN_AT_ONCE", 2)
    with transaction(engine) as session:
        bulk_insert(session, Team.__table__, ("id", "name"), ((number, f"team {number}") for number in range(2, 7)))
    assert names(engine) == {"Sales", *(f"team {number}" for number in range(2, 7))}
