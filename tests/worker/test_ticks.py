"""What the daemon does besides polling: each step fails alone, and a long sleep is caught up with in pieces."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select, update
from sqlalchemy.exc import OperationalError

from classifier.verdict import Absence
from config.settings import Settings
from models.events import Status
from models.session import reading, transaction
from models.tables.mailboxes import Mailbox
from models.tables.mailing import Recipient
from tests.keys import VAULT
from tests.worker.small_world import NOW, a_mail, furnish, send_all, statuses, take_in
from worker.daemon import ticks
from worker.daemon.ticks import Pauses, Step, due_contacts
from worker.reading.visit import PollReport
from worker.schedule import Daemon
from worker.webhooks.lanes import Lanes

LATER = NOW + timedelta(days=30)


@pytest.fixture
def engine(engine: Engine) -> Engine:
    furnish(engine)
    return engine


def all_away(engine: Engine) -> list[int]:
    """Let everybody be away until long before LATER; return the contacts."""
    send_all(engine)
    for name in ("anna", "ben"):
        for campaign in (1, 2):
            take_in(engine, a_mail(Absence(), hours=200, answers=(f"{name}-{campaign}-0@us",)))
    with reading(engine) as session:
        contacts = select(Recipient.contact_id).where(Recipient.next_change_at.is_not(None)).distinct()
        return sorted(session.scalars(contacts))


def poisoned(guilty: int) -> Callable[[Any, Any, datetime], Any]:
    refold = ticks.refold

    def failing(session: Any, contact_ids: Any, now: datetime) -> Any:
        if guilty in contact_ids:
            raise ValueError("poison")
        return refold(session, contact_ids, now)

    return failing


def test_pauses_end_in_pieces_each_in_its_own_transaction(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ticks, "MOST_DUE", 1)
    contacts = all_away(engine)
    assert due_contacts(engine, NOW) == []
    assert due_contacts(engine, LATER) == [[each] for each in contacts]
    assert set(statuses(engine).values()) == {"Out of Office"}
    Pauses(engine, lambda: LATER).end()
    assert set(statuses(engine).values()) == {"Active"}
    assert due_contacts(engine, LATER) == []


def test_told_to_stop_the_catching_up_ends_after_the_piece_in_hand(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ticks, "MOST_DUE", 1)
    all_away(engine)
    answers = iter([False, True])
    Pauses(engine, lambda: LATER, lambda: next(answers)).end()
    assert sorted(statuses(engine).values()) == ["Active", "Active", "Out of Office", "Out of Office"]


def test_a_fold_that_leaves_a_recipient_due_is_not_repeated_within_a_tick(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    all_away(engine)
    folds: list[int] = []

    def stuck(_session: Any, contact_ids: list[int], _now: datetime) -> None:
        folds.extend(contact_ids)

    monkeypatch.setattr(ticks, "refold", stuck)
    pauses = Pauses(engine, lambda: LATER)
    pauses.end()
    assert len(folds) == len(set(folds)) == 2
    pauses.end()
    assert len(folds) == 4


def test_a_contact_that_cannot_be_folded_keeps_no_other_pause_from_ending(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    guilty, _ = all_away(engine)
    monkeypatch.setattr(ticks, "refold", poisoned(guilty))
    pauses = Pauses(engine, lambda: LATER)
    pauses.end()
    assert pauses.guilty == {guilty}
    assert sorted(statuses(engine).values()) == ["Active", "Active", "Out of Office", "Out of Office"]
    pauses.end()
    assert len(caplog.records) == 1


def test_while_the_database_is_away_nobody_passes_for_one_that_cannot_be_folded(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    all_away(engine)

    def away(*_: Any) -> Any:
        raise OperationalError("SELECT", None, Exception("gone"))

    pauses = Pauses(engine, lambda: LATER)
    with monkeypatch.context() as broken:
        broken.setattr(ticks, "refold", away)
        with pytest.raises(OperationalError):
            pauses.end()
    assert pauses.guilty == set()
    pauses.end()
    assert set(statuses(engine).values()) == {"Active"}


def test_a_step_that_fails_is_told_once_a_minute_and_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    seconds = iter(range(10**6))
    tries: list[int] = []

    def failing() -> None:
        tries.append(1)
        raise ValueError("the fold is broken")

    step = Step("ending pauses", 1, failing, lambda: NOW + timedelta(seconds=next(seconds)))
    for _ in range(120):
        step()
    assert [record.message for record in caplog.records] == ["ending pauses failed; it is tried again in a minute"] * 2
    assert len(tries) == 2


def test_a_step_that_failed_while_the_clock_was_ahead_does_not_rest_until_then() -> None:
    times, done = iter([LATER, LATER, NOW]), list[int]()

    def fails_first() -> None:
        done.append(1)
        if len(done) == 1:
            raise ValueError("broken")

    step = Step("counting", 0, fails_first, lambda: next(times))
    step()
    step()
    assert len(done) == 1
    step()
    assert len(done) == 2


def test_a_failing_step_stops_no_other_and_no_poll(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: Any) -> Any:
        raise ValueError("broken")

    polled: list[int] = []

    def poll_one(mailbox: Mailbox, *_: Any) -> PollReport:
        polled.append(mailbox.id)
        return PollReport()

    all_away(engine)
    monkeypatch.setattr("worker.daemon.regular.dispatch", failing)
    monkeypatch.setattr("worker.daemon.regular.look", failing)
    daemon = Daemon(engine, Settings(), poll_one, lambda: LATER)
    lanes = Lanes(engine, lambda: LATER, VAULT)
    monkeypatch.setattr(Lanes, "start", failing)
    monkeypatch.setattr("worker.daemon.keeper.LISTEN_SECONDS", 0)
    for step in daemon.steps(lanes):
        step()
    daemon.tick()
    daemon.close()
    lanes.close()
    assert polled == [1]
    assert set(statuses(engine).values()) == {Status.ACTIVE.value}
    with reading(engine) as session:
        mailbox = session.get_one(Mailbox, 1)
        assert mailbox.last_success_at == LATER
        assert mailbox.next_poll_at is not None
        assert mailbox.next_poll_at > LATER


def test_a_recipient_that_others_folded_meanwhile_is_folded_as_of_now(engine: Engine) -> None:
    """A long catching up asks for the time at each piece."""
    all_away(engine)
    with transaction(engine) as session:
        session.execute(update(Recipient).values(next_change_at=NOW))
    times = iter([NOW, LATER])
    Pauses(engine, lambda: next(times)).end()
    assert set(statuses(engine).values()) == {"Active"}


def test_a_step_comes_again_until_it_is_told_to_stop() -> None:
    stop = threading.Event()
    done: list[int] = []

    def work() -> None:
        done.append(1)
        if len(done) == 3:
            stop.set()

    Step("counting", 0, work, lambda: NOW).loop(stop)
    assert len(done) == 3
