"""The daemon: who is polled when, on how many threads, and what is written down of it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from sqlalchemy import Engine, func, select, update

from config.settings import Settings
from models.session import DatabaseUnavailable, reading, transaction
from models.tables.mailboxes import Mailbox
from tests.faulty_proxy import Faults, FaultyProxy
from tests.servers import PASSWORD, PrivateDovecot
from tests.worker.small_world import NOW, furnish
from worker import schedule
from worker.daemon.due import Due, due_mailboxes, spread
from worker.daemon.duties import duty_of
from worker.daemon.keeper import Keeper
from worker.daemon.ticks import Step
from worker.errors import MailboxError, Trouble
from worker.fleet.leases import Lease, Leases
from worker.imap.account import Account
from worker.mailbox import reach
from worker.reading.visit import PollReport
from worker.schedule import Daemon

SETTINGS = Settings(poll_seconds=60, poll_threads=1)
SECONDS = 10
LONGEST = timedelta(hours=5)


@pytest.fixture
def many(engine: Engine) -> Engine:
    """Five mailboxes."""
    furnish(engine)
    with transaction(engine) as session:
        session.add_all(
            Mailbox(id=number, team_id=1, name=f"m{number}", host="Host", port=1, username="u", password="p")
            for number in range(2, 6)
        )
    return engine


@pytest.fixture
def daemons() -> Iterator[Callable[..., Daemon]]:
    made: list[Daemon] = []

    def make(engine: Engine, poll: Any, settings: Settings = SETTINGS) -> Daemon:
        made.append(Daemon(engine, settings, poll, lambda: NOW))
        return made[-1]

    yield make
    for each in made:
        each.stop.set()
        each.close()


def until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not done() and time.monotonic() < deadline:
        time.sleep(0.005)
    assert done()


def due(engine: Engine) -> list[int]:
    return [each.mailbox_id for each in due_mailboxes(engine, NOW, 100, lambda _: True, LONGEST)]


def test_mailboxes_with_news_and_mailboxes_that_are_due_take_turns(many: Engine, daemons: Any) -> None:
    polled: list[int] = []
    begin = threading.Event()

    def poll(mailbox: Mailbox, *_: Any) -> PollReport:
        begin.wait(SECONDS)
        polled.append(mailbox.id)
        return PollReport()

    daemon = daemons(many, poll)
    daemon.turns.wake(1)
    until(lambda: daemon.turns._working == 1 and not daemon.turns._told)  # noqa: SLF001 - the one thread has its work
    with transaction(many) as session:
        session.execute(update(Mailbox).where(Mailbox.id >= 4).values(next_poll_at=NOW + timedelta(seconds=9)))
    daemon.tick()
    daemon.turns.wake(4)
    daemon.turns.wake(5)
    begin.set()
    until(lambda: len(polled) == 5)
    assert polled in ([1, 2, 4, 3, 5], [1, 4, 2, 5, 3])


def test_a_mailbox_is_polled_by_one_thread_at_a_time_and_again_if_news_came_meanwhile(
    many: Engine, daemons: Any
) -> None:
    running, most, polled = [0], [0], [0]

    def poll(*_: Any) -> PollReport:
        running[0] += 1
        most[0] = max(most[0], running[0])
        time.sleep(0.02)
        running[0] -= 1
        polled[0] += 1
        return PollReport()

    daemon = daemons(many, poll, Settings(poll_threads=4))
    daemon.turns.wake(1)
    until(lambda: bool(running[0]))
    for _ in range(3):
        daemon.turns.wake(1)
    until(lambda: polled[0] == 2)
    assert most == [1]


def test_a_tick_queues_what_the_threads_can_do_and_nothing_twice(many: Engine, daemons: Any) -> None:
    begin, polled = threading.Event(), list[int]()

    def poll(mailbox: Mailbox, *_: Any) -> PollReport:
        begin.wait(SECONDS)
        polled.append(mailbox.id)
        return PollReport()

    daemon = daemons(many, poll)
    daemon.tick()
    daemon.tick()
    begin.set()
    until(lambda: len(polled) == 5)
    daemon.tick()
    assert sorted(polled) == [1, 2, 3, 4, 5]
    assert due(many) == []


def test_a_machine_that_has_no_thread_left_for_a_moment_delays_polls_and_loses_none(
    many: Engine, daemons: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    polled: list[int] = []
    daemon = daemons(
        many, lambda mailbox, *_: polled.append(mailbox.id) or PollReport(), Settings(poll_threads=2, poll_seconds=60)
    )

    def fail(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    for _ in range(3):
        with monkeypatch.context() as patched:
            patched.setattr(threading.Thread, "start", fail)
            with pytest.raises(RuntimeError):
                daemon.tick()
    daemon.tick()
    until(lambda: len(polled) == 5)
    until(lambda: daemon.turns._working == 0)  # noqa: SLF001 - no thread is counted that is not there
    assert sorted(polled) == [1, 2, 3, 4, 5]


def test_after_stopping_nothing_begins(many: Engine, daemons: Any) -> None:
    polled: list[int] = []
    daemon = daemons(many, lambda mailbox, *_: polled.append(mailbox.id) or PollReport())
    daemon.stop.set()
    daemon.tick()
    daemon.turns.wake(1)
    daemon.close()
    daemon.turns.wake(2)
    assert polled == []


@pytest.mark.server
def test_stopping_does_not_wait_for_who_only_drips_however_often_a_poll_tries(
    many: Engine, dovecot: PrivateDovecot, imap_user: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedule, "GRACE_SECONDS", 0.1)
    monkeypatch.setattr(schedule, "TICK_SECONDS", 0.1)
    began = threading.Event()
    with FaultyProxy(dovecot.port, Faults(chunk=1, pause=1.0)) as proxy:
        account = Account("localhost", proxy.port, imap_user, PASSWORD, "plain", timeout=60)

        def poll(mailbox: Mailbox, keeper: Keeper, _: Callable[[], bool]) -> PollReport:
            began.set()
            for _ in range(3):
                with (
                    suppress(MailboxError),
                    keeper.line(mailbox.id, account, lambda begun: reach(account, "mila", begun)),
                ):
                    pass
            return PollReport()

        daemon = Daemon(many, SETTINGS, poll, lambda: NOW)
        daemon.tick()
        assert began.wait(SECONDS)
        daemon.stop.set()
        start = time.monotonic()
        daemon.close()
        assert time.monotonic() - start < SECONDS


def test_hosts_that_may_not_be_reached_now_keep_no_other_waiting(many: Engine) -> None:
    with transaction(many) as session:
        session.execute(update(Mailbox).where(Mailbox.id == 5).values(host="other"))
    found = due_mailboxes(many, NOW, 2, lambda each: each.host == "other", LONGEST)
    assert [each.mailbox_id for each in found] == [5]
    assert isinstance(found[0], Due)


def test_a_mailbox_that_is_not_let_in_is_stopped_at_the_third_time_without_a_success(
    many: Engine, daemons: Any
) -> None:
    troubles = iter(
        [Trouble.SIGN_IN, Trouble.SIGN_IN, None, Trouble.SIGN_IN, Trouble.TURN, Trouble.SIGN_IN, Trouble.SIGN_IN]
    )

    def poll(*_: Any) -> PollReport:
        trouble = next(troubles)
        if trouble is None:
            return PollReport()
        raise MailboxError("mila: not let in", permanent=True, trouble=trouble)

    daemon = daemons(many, poll)
    stopped = []
    for _ in range(7):
        daemon.turns.work(1)  # one poll without its thread
        daemon.write_down()
        with reading(many) as session:
            stopped.append(session.get_one(Mailbox, 1).stopped_at)
    assert stopped == [None] * 6 + [NOW]
    assert 1 not in due(many)


def test_a_mailbox_that_was_mended_may_be_refused_anew_before_it_is_stopped(many: Engine, daemons: Any) -> None:
    def poll(*_: Any) -> PollReport:
        raise MailboxError("mila: not let in", permanent=True, trouble=Trouble.SIGN_IN)

    daemon = daemons(many, poll)
    stopped = []
    for attempt in range(6):
        if attempt == 3:
            with transaction(many) as session:
                mailbox = session.get_one(Mailbox, 1)
                mailbox.password, mailbox.stopped_at = "another", None
        daemon.turns.work(1)  # one poll without its thread
        daemon.write_down()
        with reading(many) as session:
            stopped.append(session.get_one(Mailbox, 1).stopped_at is not None)
    assert stopped == [False, False, True] * 2


def test_waiting_for_its_turn_is_no_failure(many: Engine, daemons: Any) -> None:
    def poll(*_: Any) -> PollReport:
        raise MailboxError("as many connections are open as are allowed", permanent=False, trouble=Trouble.TURN)

    with transaction(many) as session:
        session.execute(update(Mailbox).values(failures=2, last_error="before"))
    daemon = daemons(many, poll)
    daemon.turns.work(1)  # one poll without its thread
    daemon.write_down()
    with reading(many) as session:
        mailbox = session.get_one(Mailbox, 1)
        assert (mailbox.failures, mailbox.last_error) == (2, "before")
        assert mailbox.next_poll_at is not None
        assert NOW < mailbox.next_poll_at < NOW + timedelta(minutes=1)


def test_what_describes_a_mailbox_is_read_again_once_it_changed_and_results_are_no_change(
    many: Engine, daemons: Any
) -> None:
    seen: list[str] = []
    daemon = daemons(many, lambda mailbox, *_: seen.append(mailbox.host) or PollReport())

    def poll() -> None:
        with transaction(many) as session:
            session.execute(update(Mailbox).values(next_poll_at=None, revision=Mailbox.revision))
        (first,) = due_mailboxes(many, NOW, 1, lambda each: each.mailbox_id == 1, LONGEST)
        daemon.turns.work(1, first)  # one poll without its thread
        daemon.write_down()

    poll()
    with reading(many) as session:
        before = session.scalar(select(Mailbox.revision).where(Mailbox.id == 1))
    poll()
    with transaction(many) as session:
        session.get_one(Mailbox, 1).host = "new"
    poll()
    assert seen == ["h", "h", "new"]
    with reading(many) as session:
        after = session.scalar(select(Mailbox.revision).where(Mailbox.id == 1))
    assert after == before + 1  # type: ignore[operator]


def test_a_start_finds_every_mailbox_soon_and_leaves_those_that_were_refused_their_pause(many: Engine) -> None:
    far = NOW + timedelta(minutes=50)
    with transaction(many) as session:
        session.execute(update(Mailbox).values(next_poll_at=far))
        session.execute(update(Mailbox).where(Mailbox.id == 2).values(failures=3))
        session.execute(update(Mailbox).where(Mailbox.id == 3).values(next_poll_at=None))
    spread(many, Settings(poll_seconds=3600, host_connects_a_second=5), NOW, Random(1))  # noqa: S311 - spreads load
    with reading(many) as session:
        times = {row.id: row.next_poll_at for row in session.execute(select(Mailbox.id, Mailbox.next_poll_at))}
        latest = session.scalar(select(func.max(Mailbox.next_poll_at)).where(Mailbox.id != 2))
    assert times[2] == far
    assert latest is not None
    assert latest <= NOW + timedelta(seconds=1)


@pytest.mark.parametrize("fails", [False, True], ids=["at its limit", "for its budget"])
def test_what_a_poll_left_for_the_next_one_is_written_down(many: Engine, daemons: Any, *, fails: bool) -> None:
    def poll(*_: Any) -> PollReport:
        if fails:
            error = MailboxError("used up", permanent=False, trouble=Trouble.BUDGET)
            error.backlog = 7
            raise error
        return PollReport(more=True, backlog=7)

    daemon = daemons(many, poll)
    daemon.turns.work(1)  # one poll without its thread
    daemon.write_down()
    with reading(many) as session:
        assert session.get_one(Mailbox, 1).backlog == 7


@pytest.mark.parametrize(
    "words", ["odd \0 words", "a lone \ud800 surrogate", "x" * 10_000], ids=["NUL", "surrogate", "much"]
)
def test_whatever_a_server_says_its_result_is_written_and_polling_goes_on(
    many: Engine, daemons: Any, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    # Of what is logged here the test's own report could not be sent to who runs it.
    caplog.set_level(logging.CRITICAL, "worker.daemon.polls")

    def poll(*_: Any) -> PollReport:
        raise MailboxError(words, permanent=False, trouble=Trouble.PROTOCOL)

    daemon = daemons(many, poll)
    daemon.turns.work(1)  # one poll without its thread
    daemon.write_down()
    with reading(many) as session:
        assert session.get_one(Mailbox, 1).failures == 1


def test_a_mailbox_that_was_removed_before_its_turn_came_is_not_polled(many: Engine, daemons: Any) -> None:
    polled: list[int] = []
    daemon = daemons(many, lambda mailbox, *_: polled.append(mailbox.id) or PollReport())
    daemon.turns.work(5)  # one poll without its thread
    (before,) = due_mailboxes(many, NOW, 1, lambda each: each.mailbox_id == 5, LONGEST)
    with transaction(many) as session:
        session.delete(session.get_one(Mailbox, 5))
    daemon.turns.work(5)  # one poll without its thread
    assert polled == [5]
    # Nor is what was known of it, should it be due as it was.
    daemon.turns.work(5, before)
    assert polled == [5]


def test_a_poll_that_meets_no_database_is_a_failure_that_is_told_in_a_line(
    many: Engine, daemons: Any, caplog: pytest.LogCaptureFixture
) -> None:
    def poll(*_: Any) -> PollReport:
        raise DatabaseUnavailable("nobody answers")

    daemon = daemons(many, poll)
    daemon.turns.work(1)  # one poll without its thread
    daemon.write_down()
    assert [(each.levelno, each.exc_info) for each in caplog.records] == [(logging.WARNING, None)]
    with reading(many) as session:
        assert session.get_one(Mailbox, 1).failures == 1


@pytest.mark.parametrize(
    ("error", "level"),
    [(DatabaseUnavailable("nobody answers"), logging.WARNING), (ValueError("odd row"), logging.ERROR)],
)
def test_a_poll_that_cannot_begin_leaves_its_mailbox_due_and_the_thread_goes_on(
    many: Engine, daemons: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture,
    error: Exception, level: int,
) -> None:  # fmt: skip
    def fails(*_: Any) -> Any:
        raise error

    polled: list[int] = []
    daemon = daemons(many, lambda mailbox, *_: polled.append(mailbox.id) or PollReport())
    with monkeypatch.context() as broken:
        broken.setattr("worker.daemon.polls.reading", fails)
        daemon.tick()
        until(lambda: not daemon.turns.busy())
    daemon.write_down()
    assert {each.levelno for each in caplog.records} == {level}
    assert (polled, due(many)) == ([], [1, 2, 3, 4, 5])
    daemon.tick()
    until(lambda: len(polled) == 5)


def test_the_connections_of_mailboxes_that_are_polled_no_more_are_hung_up(
    many: Engine, daemons: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    daemon = daemons(many, lambda *_: PollReport())
    dropped: list[int] = []
    daemon.leave()
    monkeypatch.setattr(Keeper, "kept", lambda _: {1, 2, 3, 4, 99})
    monkeypatch.setattr(Keeper, "drop", lambda _, mailbox_id: dropped.append(mailbox_id))
    with transaction(many) as session:
        session.execute(update(Mailbox).where(Mailbox.id == 2).values(paused_at=NOW))
        session.execute(update(Mailbox).where(Mailbox.id == 3).values(stopped_at=NOW))
    daemon.leave()
    assert sorted(dropped) == [2, 3, 99]
    daemon.leases = Leases()
    dropped.clear()
    daemon.leave()
    assert sorted(dropped) == [1, 2, 3, 4, 99]


def test_results_that_no_database_would_take_are_dropped_and_the_mailbox_stays_due(
    many: Engine, daemons: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    daemon = daemons(many, lambda *_: PollReport())
    daemon.turns.work(1)  # one poll without its thread
    with monkeypatch.context() as broken:
        broken.setattr("worker.daemon.results.write_results", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            daemon.write_down()
    daemon.write_down()
    assert 1 in due(many)


def test_a_due_time_that_a_wrong_clock_wrote_is_none(many: Engine) -> None:
    with transaction(many) as session:
        session.execute(update(Mailbox).values(next_poll_at=NOW + timedelta(hours=4)))
        session.execute(update(Mailbox).where(Mailbox.id == 2).values(next_poll_at=NOW + timedelta(hours=26)))
    assert due(many) == [2]


def test_a_mailbox_in_the_place_of_a_removed_one_is_polled_as_what_it_is(many: Engine, daemons: Any) -> None:
    """SQLite gives a removed row's id to the next one."""
    seen: list[str] = []
    daemon = daemons(many, lambda mailbox, *_: seen.append(mailbox.username) or PollReport())

    def poll() -> None:
        (found,) = due_mailboxes(many, NOW, 1, lambda each: each.mailbox_id == 5, LONGEST)
        daemon.turns.work(5, found)  # one poll without its thread

    poll()
    with transaction(many) as session:
        session.delete(session.get_one(Mailbox, 5))
    with transaction(many) as session:
        session.add(Mailbox(id=5, team_id=1, name="new", host="host", port=1, username="another", password="p"))
    poll()
    assert seen == ["u", "another"]


def test_a_refusal_does_not_overrule_who_mended_the_mailbox_meanwhile(many: Engine, daemons: Any) -> None:
    passwords = iter(["first", "second", "third"])

    def poll(*_: Any) -> PollReport:
        with transaction(many) as session:
            session.get_one(Mailbox, 1).password = next(passwords)
        raise MailboxError("mila: not let in", permanent=True, trouble=Trouble.SIGN_IN)

    daemon = daemons(many, poll)
    for _ in range(3):
        daemon.turns.work(1)  # one poll without its thread
        daemon.write_down()
    with reading(many) as session:
        mailbox = session.get_one(Mailbox, 1)
        assert (mailbox.stopped_at, mailbox.failures) == (None, 0)


def test_news_that_came_before_a_poll_began_needs_no_other(many: Engine, daemons: Any) -> None:
    polled: list[int] = []
    daemon = daemons(many, lambda mailbox, *_: polled.append(mailbox.id) or PollReport())
    daemon.turns._busy.add(1)  # noqa: SLF001 - as if it were queued
    daemon.turns.wake(1)
    daemon.turns.work(1)  # one poll without its thread
    daemon.close()
    assert polled == [1]


def test_a_step_that_rests_does_not_spin() -> None:
    times: list[int] = []

    def failing() -> None:
        times.append(1)
        raise ValueError("broken")

    step = Step("hearing", 0, failing, lambda: NOW)
    step()
    assert step._pause() == 60  # noqa: SLF001 - what the loop waits
    assert times == [1]


def test_a_worker_that_loses_a_mailbox_stops_its_poll_and_polls_it_no_more(many: Engine) -> None:
    polled: list[int] = []
    leases = Leases()
    lease = Lease(duty_of(0), 1, 1)
    leases.take(lease, leases.clock())

    def poll(mailbox: Mailbox, _: Keeper, stopping: Callable[[], bool]) -> PollReport:
        assert not stopping()
        leases.drop(lease)
        assert stopping()
        polled.append(mailbox.id)
        return PollReport()

    daemon = Daemon(many, SETTINGS, poll, lambda: NOW, leases=leases)
    for mailbox_id in (1, 1, 2):
        daemon.turns.work(mailbox_id)
    daemon.write_down()
    assert polled == [1]
    assert 1 in due(many)
    daemon.stop.set()
    daemon.close()
