"""Many endpoints at once: a slow one holds up nobody, and whoever is told to stop does so within one request."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import wait
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from models.session import reading, transaction
from models.tables.outside import DeliveryState, EventType, WebhookEndpoint
from tests.keys import VAULT
from tests.worker.receiver import Heard, Receiver, Say, receiving
from tests.worker.small_world import furnish
from worker.webhooks import lanes as module
from worker.webhooks.deliver import target_in
from worker.webhooks.dispatch import dispatch
from worker.webhooks.endpoints import add_endpoint, list_deliveries, pause_endpoint
from worker.webhooks.guard import Target
from worker.webhooks.lanes import Lanes, Tally
from worker.webhooks.post import Line
from worker.writing.outbox import Told, tell


def clock() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def engine(engine: Engine) -> Engine:
    furnish(engine)
    return engine


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as server:
        yield server


@contextmanager
def opened(engine: Engine, open_line: Callable[[Target], Line] = Line) -> Iterator[Lanes]:
    stop = threading.Event()
    lanes = Lanes(engine, clock, VAULT, stop.is_set, open_line)
    try:
        yield lanes
    finally:
        stop.set()
        lanes.close()


def add(engine: Engine, receiver: Receiver, *names: str) -> None:
    with transaction(engine) as session:
        for name in names:
            endpoint = WebhookEndpoint(team_id=1, name=name, url=receiver.url, types=[], allow_private=True)
            add_endpoint(session, endpoint, VAULT, clock())


def happen(engine: Engine, number: int) -> None:
    with transaction(engine) as session:
        told = [Told(EventType.DNE_ADDED, f"{n}@client.example", {"n": n}) for n in range(number)]
        tell(session, 1, told, clock())
    dispatch(engine, clock())


def slowly(seconds: float, status: int = 204) -> Callable[[Heard], Say]:
    return lambda _: (time.sleep(seconds), Say(status))[1]


def heard_by(receiver: Receiver, lanes: Lanes, number: int, seconds: float) -> bool:
    """Start lanes as the daemon does, until the receiver has heard so many requests."""
    ends = time.monotonic() + seconds
    while len(receiver.heard) < number and time.monotonic() < ends:
        lanes.start()
        time.sleep(0.02)
    return len(receiver.heard) >= number


def test_many_slow_endpoints_leave_threads_for_the_others(
    engine: Engine, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "THREADS", 8)
    monkeypatch.setattr(module, "SLOW_THREADS", 4)
    monkeypatch.setattr(module, "SLOW", timedelta(seconds=0.1))
    with receiving() as slow:
        slow.answer = slowly(0.3)
        add(engine, slow, *[f"slow {n}" for n in range(8)])
        happen(engine, 50)
        with opened(engine) as lanes:
            assert heard_by(slow, lanes, 16, 20)
            add(engine, receiver, "quick")
            happen(engine, 1)
            assert heard_by(receiver, lanes, 1, 5)


def test_a_turn_ends_by_time_and_the_next_endpoint_gets_the_thread(
    engine: Engine, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "THREADS", 1)
    monkeypatch.setattr(module, "TURN", timedelta(seconds=0.2))
    with receiving() as busy:
        busy.answer = slowly(0.05)
        add(engine, busy, "busy")
        happen(engine, 150)
        add(engine, receiver, "other")
        happen(engine, 1)
        with opened(engine) as lanes:
            assert heard_by(receiver, lanes, 1, 5)


def test_what_is_due_is_tried_once_however_long_it_takes(
    engine: Engine, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.webhooks.deliver.FIRST_PAUSE", 0.01)
    receiver.answer = slowly(0.02, status=500)
    add(engine, receiver, "crm")
    happen(engine, 30)
    with opened(engine) as lanes:
        assert lanes.deliver_all() == Tally(0, 30)
    assert set(Counter(heard.id for heard in receiver.heard).values()) == {1}


def test_what_happens_while_everything_due_is_delivered_waits_for_the_next_time(
    engine: Engine, receiver: Receiver
) -> None:
    def more(_: Heard) -> Say:
        if len(receiver.heard) < 20:
            happen(engine, 1)
        return Say()

    receiver.answer = more
    add(engine, receiver, "crm")
    happen(engine, 2)
    with opened(engine) as lanes:
        assert lanes.deliver_all() == Tally(2, 0)


def test_a_slow_endpoint_does_not_keep_a_quick_one_from_getting_all_that_is_due(
    engine: Engine, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TURN", timedelta(seconds=0.05))
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.05)
    held = threading.Event()
    with receiving() as slow:
        slow.answer = lambda _: (held.wait(30), Say())[1]
        add(engine, slow, "slow")
        add(engine, receiver, "quick")
        happen(engine, 200)
        with opened(engine) as lanes:
            delivering = threading.Thread(target=lanes.deliver_all)
            delivering.start()
            ends = time.monotonic() + 10  # A request that hangs takes longer.
            while len(receiver.heard) < 200 and time.monotonic() < ends:
                time.sleep(0.02)
            assert len(receiver.heard) == 200
            assert len(slow.heard) == 1
            lanes.stopping = lambda: True
            held.set()
            delivering.join()


def test_told_to_stop_the_lanes_wait_for_one_request_that_hangs_and_no_longer(
    engine: Engine, receiver: Receiver
) -> None:
    held = threading.Event()
    receiver.answer = lambda _: (held.wait(30), Say())[1]
    add(engine, receiver, "crm")
    happen(engine, 5)
    with opened(engine, lambda target: Line(target, whole=0.5)) as lanes:
        started = lanes.start()
        while not receiver.heard:
            time.sleep(0.01)
        began = time.monotonic()
        lanes.stopping = lambda: True
        lanes.close()
        assert time.monotonic() - began < 5
        assert wait(started, 0).not_done == set()
    held.set()
    with transaction(engine) as session:
        rows = list_deliveries(session, 1, "crm", state=DeliveryState.PENDING, limit=9)
    assert sum(row["attempts"] for row in rows) == 1
    assert len(rows) == 5


def test_an_endpoint_that_is_paused_before_its_lane_begins_is_left_alone(
    engine: Engine, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    add(engine, receiver, "crm")
    happen(engine, 1)

    def paused(session: Session, endpoint_id: int) -> Target | None:
        with transaction(engine) as other:
            pause_endpoint(other, 1, "crm", clock())
        return target_in(session, endpoint_id)

    lines: list[Target] = []

    def noted(target: Target) -> Line:
        lines.append(target)
        return Line(target)

    monkeypatch.setattr(module, "target_in", paused)
    with opened(engine, noted) as lanes:
        assert lanes.deliver_all() == Tally(0, 0)
    assert (lines, receiver.heard, caplog.text) == ([], [], "")
    with reading(engine) as session:
        (row,) = list_deliveries(session, 1, "crm", state=DeliveryState.PENDING, limit=10)
    assert row["attempts"] == 0
