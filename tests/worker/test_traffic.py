"""The octets that may be read of a mailbox a day."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, func, select

from config.settings import Settings
from models.session import reading, transaction
from models.tables.handling import MailboxTraffic, Purpose
from models.tables.mailboxes import Mailbox
from tests.worker.small_world import furnish
from worker.errors import Trouble
from worker.writing.traffic import budget_of, forget, left, spend, used_up

NOW = datetime(2026, 5, 4, 23, 59, tzinfo=UTC)
LIVE, BACKFILL = Purpose.LIVE, Purpose.BACKFILL


@pytest.fixture
def engine(engine: Engine) -> Engine:
    furnish(engine)
    with transaction(engine) as session:
        session.add(Mailbox(id=2, team_id=1, name="other", host="h", port=993, username="u", password="p"))
    return engine


def remains(engine: Engine, mailbox_id: int = 1, purpose: Purpose = LIVE, now: datetime = NOW) -> int:
    with reading(engine) as session:
        return left(session, mailbox_id, purpose, now, 1_000)


def test_what_was_read_adds_up_for_each_mailbox_and_purpose_of_a_day(engine: Engine) -> None:
    with transaction(engine) as session:
        for octets in (300, 150):
            spend(session, 1, LIVE, NOW, octets)
            assert left(session, 1, LIVE, NOW, 1_000) == 1_000 - (300 if octets == 300 else 450)
        spend(session, 1, BACKFILL, NOW, 900)
    assert remains(engine) == 550
    assert remains(engine, purpose=BACKFILL) == 100
    assert remains(engine, mailbox_id=2) == 1_000
    assert remains(engine, now=NOW + timedelta(minutes=1)) == 1_000


def test_a_day_is_one_of_utc(engine: Engine) -> None:
    with transaction(engine) as session:
        spend(session, 1, LIVE, datetime.fromisoformat("2026-05-05T01:30:00+02:00"), 400)
    assert remains(engine) == 600


def test_more_than_the_budget_leaves_nothing_and_more_than_a_number_of_32_bits_fits(engine: Engine) -> None:
    with transaction(engine) as session:
        for _ in range(3):
            spend(session, 1, BACKFILL, NOW, 2**31)
    assert remains(engine, purpose=BACKFILL) == 0


def test_nothing_is_spent_by_what_is_rolled_back(engine: Engine) -> None:
    def fails() -> None:
        with transaction(engine) as session:
            spend(session, 1, LIVE, NOW, 400)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()
    assert remains(engine) == 1_000


def test_two_that_read_at_once_both_count(engine: Engine) -> None:
    together = threading.Barrier(2)

    def reader() -> None:
        together.wait()
        for _ in range(10):
            with transaction(engine) as session:
                spend(session, 1, LIVE, NOW, 10)

    threads = [threading.Thread(target=reader) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert remains(engine) == 800


def test_days_long_past_are_forgotten(engine: Engine) -> None:
    with transaction(engine) as session:
        for days in (0, 31, 32, 400):
            spend(session, 1, LIVE, NOW - timedelta(days=days), 1)
    forget(engine, NOW)
    with reading(engine) as session:
        assert session.scalar(select(func.count()).select_from(MailboxTraffic)) == 2


def test_a_used_up_budget_says_when_it_goes_on_and_which_setting_allows_more() -> None:
    settings = Settings(mailbox_megabytes_a_day=7)
    assert budget_of(settings, LIVE) == 7_000_000
    assert budget_of(settings, BACKFILL) == 1_000_000_000
    error = used_up("mila", LIVE, NOW, settings)
    assert (error.permanent, error.trouble) == (False, Trouble.BUDGET)
    assert "the 7 MB a day" in str(error)
    assert "after 2026-05-05 00:00 UTC. INBOX_MAILBOX_MEGABYTES_A_DAY allows more" in str(error)
    assert "INBOX_BACKFILL_MEGABYTES_A_DAY" in str(used_up("mila", BACKFILL, NOW, settings))


def test_by_default_both_budgets_together_stay_below_what_gmail_allows() -> None:
    settings = Settings()
    assert sum(budget_of(settings, purpose) for purpose in Purpose) < 2_500_000_000
