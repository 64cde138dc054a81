"""The past of a mailbox from files: each mail once, and what stops it leaves off between two pieces."""

from __future__ import annotations

from collections.abc import Callable
from unittest import mock

import pytest
from sqlalchemy import Engine, func, select

from config.settings import Settings
from models.session import reading
from models.tables.mail import InboundMessage
from tests.worker.small_world import NOW, furnish
from tests.worker.test_resilience import DESK
from worker.backfill import backfill_files
from worker.errands.service import station
from worker.reading.crew import InTurn
from worker.reading.visit import PollReport, Watch

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

MAILS = [
    (f"past/{number}.eml", f"From: p{number}@client.example\r\nMessage-ID: <{number}@c>\r\n\r\nYes.\r\n".encode())
    for number in range(5)
]


@pytest.fixture
def engine(engine: Engine) -> Engine:
    furnish(engine)
    return engine


def backfilled(
    engine: Engine, messages: list[tuple[str, bytes]], stopping: Callable[[], bool] = lambda: False
) -> tuple[PollReport, list[tuple[int, int]]]:
    """Take in messages, two in a piece; return the report and what was told of progress."""
    told: list[tuple[int, int]] = []
    watch = Watch(clock=lambda: NOW, stopping=stopping, progress=lambda coming, done: told.append((coming, done)))
    return backfill_files(station(engine, Settings(), watch, understanding=InTurn(2)), DESK, messages), told


def recorded(engine: Engine) -> int:
    with reading(engine) as session:
        return session.scalar(select(func.count(InboundMessage.id))) or 0


def test_what_was_taken_in_before_is_counted_and_not_taken_in_again(engine: Engine) -> None:
    report, told = backfilled(engine, MAILS[:3])
    assert (report.applied.states["unmatched"], report.applied.states["seen before"]) == (3, 0)
    assert told == [(2, 2), (1, 1)]
    # A piece of which everything is known already, one of which half is, and a new one.
    report, told = backfilled(engine, MAILS)
    assert (report.applied.states["unmatched"], report.applied.states["seen before"]) == (2, 3)
    assert told == [(2, 2), (2, 2), (1, 1)]
    assert (recorded(engine), report.more) == (5, False)


def test_a_backfill_that_is_stopped_says_that_there_is_more_and_goes_on_later(engine: Engine) -> None:
    answers = iter([False, True])
    report, _ = backfilled(engine, MAILS, lambda: next(answers))
    assert (recorded(engine), report.more) == (2, True)
    report, _ = backfilled(engine, MAILS)
    assert (report.applied.states["unmatched"], report.applied.states["seen before"]) == (3, 2)
    assert (recorded(engine), report.more) == (5, False)


def test_where_everything_is_known_nobody_waits_for_a_transaction(engine: Engine) -> None:
    backfilled(engine, MAILS)
    refusing = mock.Mock(side_effect=AssertionError("a transaction was begun"))
    where = station(engine, Settings(), Watch(clock=lambda: NOW), writer=refusing, understanding=InTurn(2))
    assert backfill_files(where, DESK, MAILS).applied.states["seen before"] == 5
