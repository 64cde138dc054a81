"""Months of messages: made ahead of time, by one of many workers, without ever refusing or losing a row."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, Select, func, select, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from models.partitions import Month, any_beside, drop_before, keep_ahead, later, month_of, months
from models.session import open_engine, reading, transaction
from models.tables.mail import VERDICT_OF_MESSAGE, InboundMessage, MessageClue, MessageState, VerdictRow
from models.tables.mailboxes import Mailbox
from models.tables.people import Team

NOW = datetime(2090, 5, 17, 12, tzinfo=UTC)
POSTGRES = pytest.mark.parametrize(
    "database_url", [pytest.param("postgresql", marks=pytest.mark.server)], indirect=True
)
SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
NOBODY = select(InboundMessage.id).where(InboundMessage.id < 0)


@pytest.fixture
def engine(engine: Engine) -> Engine:
    with transaction(engine) as session:
        session.add(Team(id=1, name="Sales"))
        session.flush()
        session.add(Mailbox(id=1, team_id=1, name="m@us.example", host="h", port=993, username="u", password="p"))
    return engine


def put(session: Session, number: int, at: datetime) -> None:
    """Record a message with a verdict and two clues, as the writer does."""
    session.add(
        InboundMessage(
            id=number, mailbox_id=1, folder="INBOX", uidvalidity=1, uid=number, content_hash=str(number),
            arrived_at=at, size=1, state=MessageState.JUDGED, recorded_at=at,
        )
    )  # fmt: skip
    session.flush()
    session.add(VerdictRow(message_id=number, kind="reply", details={"number": number}, recorded_at=at))
    session.add_all(MessageClue(message_id=number, value=value, recorded_at=at) for value in ("a", "b"))
    session.flush()


def place(session: Session, number: int) -> set[str]:
    """Return in which partitions the rows of a message lie."""
    return {
        name
        for each in ("verdict", "message_clue")
        for name in session.scalars(
            text(f"SELECT tableoid::regclass::text FROM {each} WHERE message_id = :id"),  # noqa: S608 - one of two
            {"id": number},
        )
    }


def names(found: Sequence[Month]) -> set[str]:
    return {each.name for each in found}


def both(*months: str) -> set[str]:
    return {f"{each}_{month}" for each in ("verdict", "message_clue") for month in months}


def stored(session: Session) -> tuple[int, int]:
    counts = [session.scalar(select(func.count()).select_from(each)) or 0 for each in (VerdictRow, MessageClue)]
    return counts[0], counts[1]


@POSTGRES
def test_this_month_and_the_next_two_are_made_where_they_are_missing(engine: Engine) -> None:
    with transaction(engine) as session:
        assert names(keep_ahead(session, NOW)) == both("2090_05", "2090_06", "2090_07")
        assert keep_ahead(session, NOW) == []
    with transaction(engine) as session:
        assert names(keep_ahead(session, NOW.replace(month=6))) == both("2090_08")


@POSTGRES
def test_the_months_before_the_change_are_one(engine: Engine) -> None:
    with transaction(engine) as session:
        assert keep_ahead(session, datetime(2020, 2, 1, tzinfo=UTC)) == []
        assert all(each.since is None for each in months(session))
        put(session, 1, datetime(2020, 2, 1, tzinfo=UTC))
        assert {name.rpartition("_before_")[0] for name in place(session, 1)} == {"verdict", "message_clue"}


@POSTGRES
def test_a_row_lies_in_its_month_and_the_month_ends_at_midnight_utc(engine: Engine) -> None:
    with transaction(engine) as session:
        session.execute(text("SET LOCAL TIME ZONE 'Pacific/Kiritimati'"))
        keep_ahead(session, NOW)
        put(session, 1, datetime(2090, 5, 31, 23, 59, 59, tzinfo=UTC))
        put(session, 2, datetime(2090, 6, 1, tzinfo=UTC))
        assert (place(session, 1), place(session, 2)) == (both("2090_05"), both("2090_06"))


@POSTGRES
def test_a_row_of_a_month_that_is_missing_is_taken_all_the_same_and_moves_into_it(engine: Engine) -> None:
    with transaction(engine) as session:
        put(session, 1, NOW)
        put(session, 2, NOW.replace(year=2091))
        assert place(session, 1) == both("default")
        keep_ahead(session, NOW)
        assert (place(session, 1), place(session, 2)) == (both("2090_05"), both("default"))
        assert stored(session) == (2, 4)
        assert session.scalars(select(VerdictRow.details).order_by(VerdictRow.message_id)).first() == {"number": 1}


@POSTGRES
def test_a_verdict_goes_with_its_message_whatever_month_it_lies_in(engine: Engine) -> None:
    with transaction(engine) as session:
        keep_ahead(session, NOW)
        put(session, 1, NOW)
        session.delete(session.get_one(InboundMessage, 1))
        session.flush()
        session.expire_all()
        assert stored(session) == (0, 0)


@POSTGRES
def test_two_workers_at_once_make_each_month_once(engine: Engine, database_url: str) -> None:
    other = open_engine(database_url)

    def keep() -> list[Month]:
        with transaction(other) as session:
            return keep_ahead(session, NOW)

    with ThreadPoolExecutor(1) as pool:
        with transaction(engine) as session:
            assert len(keep_ahead(session, NOW)) == 6
            waiting = pool.submit(keep)
            # Longer than anybody else's lock is waited for.
            with pytest.raises(TimeoutError):
                waiting.result(timeout=1)
        assert waiting.result(timeout=20) == []
    other.dispose()


@POSTGRES
@pytest.mark.parametrize("change", ["make", "drop"])
def test_whoever_uses_the_tables_is_not_waited_for_long(engine: Engine, database_url: str, change: str) -> None:
    other = open_engine(database_url)
    with transaction(engine) as session:
        keep_ahead(session, NOW)
    changes: dict[str, Callable[[Session], object]] = {
        "make": lambda session: keep_ahead(session, NOW.replace(year=2091)),
        "drop": lambda session: drop_before(session, date(2091, 1, 1), NOBODY),
    }
    with reading(other) as busy, transaction(engine) as session:
        stored(busy)
        with pytest.raises(OperationalError, match="lock timeout"):
            changes[change](session)
        session.rollback()
    other.dispose()


@POSTGRES
def test_whole_months_are_dropped_and_what_is_kept_of_them_moves_beside_them(engine: Engine) -> None:
    with transaction(engine) as session:
        keep_ahead(session, NOW)
        for number, month in enumerate((5, 5, 6, 7), 1):
            put(session, number, NOW.replace(month=month))
        gone = drop_before(session, date(2090, 7, 1), select(InboundMessage.id).where(InboundMessage.id == 2))
        assert names([each for each in gone if each.since]) == both("2090_05", "2090_06")
        assert names(months(session)) == both("2090_07")
        assert [place(session, number) for number in (1, 2, 3, 4)] == [set(), both("default"), set(), both("2090_07")]
        assert session.scalar(select(func.count()).select_from(InboundMessage)) == 4
        assert drop_before(session, date(2090, 7, 1), NOBODY) == []


@SQLITE
def test_sqlite_keeps_everything_in_one_table(engine: Engine) -> None:
    with transaction(engine) as session:
        put(session, 1, NOW)
        found = (keep_ahead(session, NOW), months(session), drop_before(session, date(2099, 1, 1), NOBODY))
        assert found == ([], [], [])
        assert stored(session) == (1, 2)
        assert not any_beside(session, date(2000, 1, 1))


def looked_into(session: Session, query: Select[*tuple[Any, ...]]) -> set[str]:
    """Return which partitions of verdicts PostgreSQL reads for a query."""
    statement = query.compile(session.connection(), compile_kwargs={"literal_binds": True})
    plan = session.connection().exec_driver_sql(f"EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) {statement}").scalars()
    lines = [line for line in plan if "never executed" not in line]
    return {found[1] for line in lines if (found := re.search(r" on (verdict_\w+)", line))}


@POSTGRES
def test_the_verdicts_of_a_page_of_messages_are_looked_for_in_their_months_alone(engine: Engine) -> None:
    with transaction(engine) as session:
        keep_ahead(session, NOW)
        for number in range(1, 601):
            put(session, number, NOW.replace(month=5 + (number - 1) // 200, day=1 + number % 28))
        session.connection().exec_driver_sql("ANALYZE")
        page = (
            select(InboundMessage.id, VerdictRow.kind)
            .where(InboundMessage.state == MessageState.JUDGED)
            .order_by(InboundMessage.arrived_at.desc())
            .limit(50)
        )
        assert looked_into(session, page.outerjoin(VerdictRow, VERDICT_OF_MESSAGE)) == {"verdict_2090_07"}
        by_id = page.outerjoin(VerdictRow, VerdictRow.message_id == InboundMessage.id)
        assert len(looked_into(session, by_id)) > 1


times = st.datetimes(datetime(2001, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - made aware


@given(times, st.integers(-30, 30))
def test_months_later_and_earlier_are_counted_as_people_count_them(now: datetime, number: int) -> None:
    month = month_of(now)
    assert later(later(month, number), -number) == month
    assert (later(month, number).year - month.year) * 12 + later(month, number).month - month.month == number


@POSTGRES
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(times, min_size=1, max_size=5))
def test_whatever_the_clock_says_the_months_ahead_are_there_and_no_row_is_lost(
    engine: Engine, clock: list[datetime]
) -> None:
    with transaction(engine) as session:
        for number, now in enumerate(clock, 1):
            put(session, number, now)
            keep_ahead(session, now)
            known = [each for each in months(session) if each.table == "verdict"]
            for ahead in (later(month_of(now), step) for step in range(3)):
                assert len([each for each in known if (each.since or date.min) <= ahead < each.until]) == 1
            assert stored(session) == (number, 2 * number)
            assert place(session, number) & both("default") == set()
        session.rollback()
