"""The engine of a fleet, as one worker meets it: what was lost is noticed, what died is recovered."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from procrastinate import App, PsycopgConnector
from procrastinate.exceptions import ConnectorException
from procrastinate.manager import JobManager
from psycopg_pool import AsyncConnectionPool
from sqlalchemy import Engine, make_url, text

from models.session import open_engine, reading, transaction
from tests.databases import postgres_database
from worker import queue
from worker.cli.asking import ask_for_training
from worker.daemon.duties import OUTBOX, TIMERS
from worker.fleet import board as boards
from worker.fleet import chores
from worker.fleet import engine as engines
from worker.fleet.assigner import Assigner
from worker.fleet.board import Board, EngineLostError
from worker.fleet.chores import Chores
from worker.fleet.engine import HEARTBEAT, connector
from worker.fleet.leases import STALLED, Leases
from worker.queue import Member

pytestmark = [pytest.mark.server, pytest.mark.xdist_group("fleet")]
SECONDS = 60


@pytest.fixture
def engine(postgres_url: str, postgres_template: str) -> Iterator[Engine]:
    with postgres_database(postgres_url, postgres_template) as url:
        engine = open_engine(url)
        yield engine
        engine.dispose()


def until(found: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + SECONDS
    while not (value := found()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return value


def present_as(engine: Engine) -> int | None:
    with reading(engine) as session:
        return session.scalar(
            text("SELECT worker_id FROM procrastinate_jobs WHERE task_name = 'presence' AND status = 'doing'")
        )


def test_a_worker_whose_heart_stopped_begins_anew_even_where_no_other_would_tell(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    member = Member(engine.url, Leases())
    member.start()
    try:
        first = until(lambda: present_as(engine))
        beat, failures = JobManager.update_heartbeat, iter([True])

        async def failing(self: JobManager, worker_id: int) -> None:
            if next(failures, False):
                raise ConnectorException
            await beat(self, worker_id)

        monkeypatch.setattr(JobManager, "update_heartbeat", failing)
        until(lambda: present_as(engine) not in {first, None})
    finally:
        member.stop()


def test_a_worker_that_lost_its_engine_is_one_of_the_fleet_again_in_a_moment(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    leases = Leases()
    member = Member(engine.url, leases)
    asks, lost = PsycopgConnector.execute_query_all_async, iter([True])

    async def loses(self: PsycopgConnector, query: Any, **arguments: Any) -> Any:
        if query == engines._MINE and leases.has(TIMERS) and next(lost, False):  # noqa: SLF001
            raise ConnectorException
        return await asks(self, query, **arguments)

    monkeypatch.setattr(PsycopgConnector, "execute_query_all_async", loses)
    member.start()
    try:
        until(lambda: any("the job engine was lost" in each for each in caplog.messages))
        first = {lease.worker_id for lease in leases.held()}
        until(lambda: leases.has(TIMERS) and {lease.worker_id for lease in leases.held()} != first)
    finally:
        member.stop()
    assert leases.held() == []


def test_what_a_worker_did_when_it_lost_its_engine_it_has_again_unless_it_waits_for_another(engine: Engine) -> None:
    leases = Leases()
    member = Member(engine.url, leases)
    columns = "queue_name, task_name, lock, queueing_lock, status, args"
    rows = [
        (member.name, "duty", TIMERS, TIMERS, "doing"),
        (member.name, "duty", OUTBOX, None, "doing"),
        (member.name, "presence", member.name, member.name, "doing"),
    ]
    with transaction(engine) as session:
        former = [
            session.execute(
                text(
                    f"INSERT INTO procrastinate_jobs ({columns})"  # noqa: S608 - ours
                    " VALUES (:a, :b, :c, :d, :e, jsonb_build_object('duty', cast(:c AS text))) RETURNING id"
                ),
                dict(zip("abcde", row, strict=True)),
            ).scalar_one()
            for row in rows
        ]
        # Of what it did last, the next job waits for the very same worker already.
        session.execute(
            text(
                "UPDATE procrastinate_jobs SET queueing_lock = 'outbox' WHERE id = :id",
            ),
            {"id": former[1]},
        )
        waits = session.execute(
            text(
                f"INSERT INTO procrastinate_jobs ({columns})"  # noqa: S608 - ours
                " VALUES (:queue, 'duty', 'outbox', 'outbox', 'todo', '{\"duty\": \"outbox\"}') RETURNING id"
            ),
            {"queue": member.name},
        ).scalar_one()
    member.start()
    try:
        until(lambda: leases.has(TIMERS) and leases.has(OUTBOX))
        assert {lease.duty: lease.job_id for lease in leases.held()} == {TIMERS: former[0], OUTBOX: waits}
        with reading(engine) as session:
            ids = set(session.scalars(text("SELECT id FROM procrastinate_jobs")))
        assert ids.isdisjoint(former[1:])
    finally:
        member.stop()


def test_a_worker_that_is_told_to_end_before_it_begins_connects_to_nobody() -> None:
    member = Member(make_url("postgresql+psycopg://nobody@127.0.0.1:1/nothing"), Leases())
    member.stop()
    # As it is told in the moment between having a loop and having connected.
    asyncio.run(member._once())  # noqa: SLF001
    member.start()
    member.stop()


def test_a_worker_does_not_look_for_what_it_holds_before_it_is_present(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(queue, "HEARTBEAT", 0.002)
    member = Member(engine.url, Leases())
    member.start()
    try:
        until(lambda: present_as(engine))
    finally:
        member.stop()
    assert [each.message for each in caplog.records if each.name == "worker.queue"] == []


def test_a_worker_that_ends_gives_every_duty_back_however_long_that_takes(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    ended: list[str] = []

    def let_go(duty: str) -> None:
        time.sleep(3 * HEARTBEAT)
        ended.append(duty)

    leases = Leases()
    member = Member(engine.url, leases, left=let_go)
    member.start()
    until(lambda: leases.has(TIMERS) and leases.has(OUTBOX))
    member.stop()
    assert sorted(ended) == sorted([TIMERS, OUTBOX])
    with reading(engine) as session:
        left = session.scalars(text("SELECT task_name FROM procrastinate_jobs WHERE status = 'doing'")).all()
        workers = session.scalar(text("SELECT count(*) FROM procrastinate_workers"))
    said = [each.message for each in caplog.records if each.name == "worker.queue"]
    assert (left, workers, said) == ([], 0, [])


def test_what_one_worker_has_too_much_goes_to_another_once_nothing_of_it_is_in_hand(engine: Engine) -> None:
    left, mine, theirs = list[str](), Leases(), Leases()
    first, second = Member(engine.url, mine, left=left.append), Member(engine.url, theirs)
    first.start()
    try:
        until(lambda: mine.has(TIMERS) and mine.has(OUTBOX))
        second.start()
        until(lambda: len(mine.held()) == 1 and len(theirs.held()) == 1)
        assert left == [lease.duty for lease in theirs.held()]
    finally:
        second.stop()
        first.stop()


def test_a_worker_that_waits_for_its_engine_ends_when_it_is_told_to(monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = threading.Event()

    async def opened_never(*_: Any, **__: Any) -> None:
        waiting.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(AsyncConnectionPool, "open", opened_never)
    member = Member(make_url("postgresql+psycopg://nobody@127.0.0.1/nothing"), Leases())
    member.start()
    assert waiting.wait(SECONDS)
    stopping = threading.Thread(target=member.stop, daemon=True)
    stopping.start()
    stopping.join(SECONDS)
    assert not stopping.is_alive()


def test_a_job_of_the_dead_is_ended_where_the_next_of_its_kind_waits(engine: Engine) -> None:
    async def dies_and_is_recovered() -> list[str]:
        app = App(connector=connector(make_url(engine.url)))
        task = app.task(name="again", queue="q", queueing_lock="again")(print)
        async with app.open_async():
            await task.defer_async()
            worker = await app.job_manager.register_worker()
            await app.job_manager.fetch_job(queues=["q"], worker_id=worker)
            await task.defer_async()
            await app.job_manager.prune_stalled_workers(-STALLED)
            for job in await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=STALLED):
                await Assigner(app).recover(job)
            return [job.status for job in await app.job_manager.list_jobs_async()]

    assert asyncio.run(dies_and_is_recovered()) == ["todo"]


@dataclass
class Slow:
    """Takes in ranges: begins, and goes on for a while after it was told to stop."""

    seconds: float = 0.0
    done: bool = False
    begun: list[int] = field(default_factory=list)
    was_cut: bool = False

    def carry_out(self, range_id: int, stopping: Callable[[], bool]) -> bool:
        self.begun.append(range_id)
        if not self.done:
            until(stopping)
            time.sleep(self.seconds)
        return self.done

    def cut(self) -> None:
        self.was_cut = True


@dataclass
class Worker:
    """A member that does chores, as a test tells it to."""

    engine: Engine
    ranges: Slow
    ends: threading.Event = field(default_factory=threading.Event)
    board: Board = field(default_factory=Board)

    def __post_init__(self) -> None:
        self.member = Member(
            self.engine.url,
            Leases(),
            chores=Chores(self.board, self.ranges, self.ends.is_set),  # type: ignore[arg-type]
        )
        self.member.start()
        until(lambda: present_as(self.engine))

    def stop(self) -> None:
        self.ends.set()
        self.member.stop()

    def begin(self, *range_ids: int) -> None:
        def begun() -> bool:
            try:
                self.board.begin(1, range_ids)
            except EngineLostError:
                return False
            return True

        until(begun)


def range_jobs(engine: Engine) -> dict[str, str]:
    with reading(engine) as session:
        rows = session.execute(text("SELECT queueing_lock, status FROM procrastinate_jobs WHERE task_name = 'range'"))
        return {row.queueing_lock: row.status for row in rows}


def tasks(engine: Engine) -> set[str]:
    with reading(engine) as session:
        return set(session.scalars(text("SELECT task_name FROM procrastinate_jobs")))


def test_a_range_is_begun_once_and_is_gone_when_it_is_done(engine: Engine) -> None:
    worker = Worker(engine, Slow(done=True))
    try:
        worker.begin(1, 2, 3)
        worker.begin(1, 2, 3)
        until(lambda: not range_jobs(engine))
        assert set(worker.ranges.begun) == {1, 2, 3}
    finally:
        worker.stop()


def test_a_range_goes_back_when_its_worker_ends_however_long_its_batch_takes(engine: Engine) -> None:
    worker = Worker(engine, Slow(seconds=4 * HEARTBEAT))
    worker.begin(1, 3)
    until(lambda: "doing" in range_jobs(engine).values())
    worker.ends.set()
    # It looks several times meanwhile whether it is to end.
    time.sleep(2 * HEARTBEAT)
    assert range_jobs(engine) == {"range:1": "doing", "range:3": "todo"}
    worker.stop()
    assert range_jobs(engine) == {"range:1": "todo", "range:3": "todo"}
    assert worker.ranges.begun == [1]
    assert not worker.ranges.was_cut


def test_a_worker_that_is_to_end_takes_no_more_chores_and_holds_its_duties_until_it_gives_them_back(
    engine: Engine,
) -> None:
    worker = Worker(engine, Slow(done=True))
    leases = worker.member.leases
    try:
        until(lambda: leases.has(TIMERS))
        held = leases.held()
        worker.ends.set()
        # Meanwhile the daemon beside finishes its polls.
        time.sleep(3 * HEARTBEAT)
        worker.begin(1)
        time.sleep(2 * HEARTBEAT)
        assert set(held) <= set(leases.held())
        assert leases.has(TIMERS)
        assert (worker.ranges.begun, range_jobs(engine)) == ([], {"range:1": "todo"})
    finally:
        worker.stop()


def test_a_range_that_does_not_end_is_cut(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "GRACE", 0.1)
    worker = Worker(engine, Slow(seconds=1))
    worker.begin(1)
    until(lambda: "doing" in range_jobs(engine).values())
    worker.stop()
    assert worker.ranges.was_cut
    assert range_jobs(engine) == {"range:1": "todo"}


def test_a_range_that_does_not_end_keeps_no_worker_from_coming_back_to_its_engine(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "LOST_GRACE", 0.1)
    worker = Worker(engine, Slow(seconds=1))
    fetches, lost = JobManager.fetch_job, iter([True])

    async def loses(self: JobManager, queues: Any, worker_id: int) -> Any:
        if worker.member.name in queues and next(lost, False):
            raise ConnectorException
        return await fetches(self, queues=queues, worker_id=worker_id)

    try:
        worker.begin(1)
        until(lambda: worker.ranges.begun)
        monkeypatch.setattr(JobManager, "fetch_job", loses)
        until(lambda: worker.ranges.was_cut)
        until(lambda: len(worker.ranges.begun) == 2)
    finally:
        worker.stop()


def test_two_workers_take_in_two_ranges_of_a_mailbox_together(engine: Engine) -> None:
    first, second = Worker(engine, Slow()), Worker(engine, Slow())
    try:
        first.begin(1, 2, 3, 4)
        until(lambda: len(first.ranges.begun + second.ranges.begun) == 2)
        # Whoever looks first may take both. Each could do two, and still the other two ranges wait.
        time.sleep(2 * HEARTBEAT)
        assert len(set(first.ranges.begun + second.ranges.begun)) == 2
        assert sorted(range_jobs(engine).values()) == ["doing", "doing", "todo", "todo"]
    finally:
        first.stop()
        second.stop()


def test_a_few_jobs_of_each_lane_wait_however_many_ranges_there_are(engine: Engine) -> None:
    worker = Worker(engine, Slow())
    try:
        worker.begin(*range(2, 30, 2), 1, 3)
        jobs = [int(name.partition(":")[2]) for name in range_jobs(engine)]
        assert sorted(each for each in jobs if each % 2) == [1, 3]
        assert sorted(each for each in jobs if not each % 2) == [2, 4, 6, 8]
    finally:
        worker.stop()


def test_a_range_that_breaks_in_an_unforeseen_way_is_not_begun_again_by_itself(engine: Engine) -> None:
    ranges = Slow(done=True)
    worker = Worker(engine, ranges)

    def breaks(range_id: int, _: Callable[[], bool]) -> bool:
        ranges.begun.append(range_id)
        raise ValueError("unforeseen")

    ranges.carry_out = breaks  # type: ignore[method-assign]
    try:
        worker.begin(1)
        until(lambda: ranges.begun and not range_jobs(engine))
        time.sleep(2 * HEARTBEAT)
        assert ranges.begun == [1]
    finally:
        worker.stop()


def test_a_training_that_was_stopped_before_its_end_is_begun_again(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[list[str]] = []
    came = iter([False, True])

    def trains(words: list[str], _: Callable[[], bool]) -> bool:
        begun.append(words)
        return next(came)

    monkeypatch.setattr(chores, "train", trains)
    worker = Worker(engine, Slow())
    try:
        assert ask_for_training(engine.url, ["--base", "none"])
        until(lambda: len(begun) == 2)
        until(lambda: "train" not in tasks(engine))
        assert begun == [["--base", "none"]] * 2
    finally:
        worker.stop()


def test_one_worker_alone_takes_two(engine: Engine) -> None:
    worker = Worker(engine, Slow())
    try:
        worker.begin(1, 2)
        until(lambda: len(worker.ranges.begun) == 2)
    finally:
        worker.stop()


def test_what_waits_is_taken_back_and_what_runs_is_told(engine: Engine) -> None:
    worker = Worker(engine, Slow())
    try:
        worker.begin(1, 3, 5)
        until(lambda: "doing" in range_jobs(engine).values())
        assert worker.board.take_back([1, 3, 5]) == 1
        assert range_jobs(engine) == {"range:1": "doing"}
    finally:
        worker.stop()


def test_a_board_without_its_engine_says_so(engine: Engine) -> None:
    worker = Worker(engine, Slow())
    worker.stop()
    for board in (worker.board, Board()):
        with pytest.raises(EngineLostError):
            board.begin(1, [1])


def test_a_board_whose_loop_has_ended_says_so() -> None:
    board = Board()

    async def attached() -> None:
        board.attach(App(connector=connector(make_url("postgresql+psycopg://nobody@127.0.0.1:1/nothing"))))

    asyncio.run(attached())
    with pytest.raises(EngineLostError):
        board.take_back([1])


@pytest.fixture
def attached() -> Iterator[Board]:
    """A board whose engine lives in a thread, and is never asked."""
    loop, board = asyncio.new_event_loop(), Board()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    async def attach() -> None:
        board.attach(App(connector=connector(make_url("postgresql+psycopg://nobody@127.0.0.1:1/nothing"))))

    asyncio.run_coroutine_threadsafe(attach(), loop).result(SECONDS)
    yield board
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def test_a_board_whose_engine_does_not_answer_says_so_and_keeps_nobody_waiting(
    attached: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    given_up = threading.Event()

    async def lost(*_: Any) -> Any:
        raise ConnectorException

    async def silent(*_: Any) -> Any:
        try:
            await asyncio.Event().wait()
        finally:
            given_up.set()

    monkeypatch.setattr(boards, "_jobs", lost)
    with pytest.raises(EngineLostError):
        attached.take_back([1])
    monkeypatch.setattr(boards, "SECONDS", 0.05)
    monkeypatch.setattr(boards, "_jobs", silent)
    with pytest.raises(EngineLostError):
        attached.begin(1, [1])
    assert given_up.wait(SECONDS)
