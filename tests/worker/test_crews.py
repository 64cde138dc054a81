"""The crew that backfills share: one while any of them needs it, ended when none does."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Engine

from config.settings import Settings
from models.session import reading, transaction
from models.tables.handling import Wish
from tests.lab import Lab, deliver, now, recent
from tests.servers import PrivateDovecot
from worker.act import Act
from worker.errands.requests import ask, request_of
from worker.reading import crews as module
from worker.reading.crew import Crew
from worker.reading.crews import Crews
from worker.reading.visit import PollReport
from worker.schedule import Daemon

SECONDS = 60


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was begun and ended, by the classifier it judges with."""
    told: list[str] = []

    @contextmanager
    def side_by_side(_: Settings, classifier: Any) -> Iterator[Any]:
        told.append(f"begin {classifier}")
        yield object()
        told.append(f"end {classifier}")

    monkeypatch.setattr(module, "side_by_side", side_by_side)
    return told


def crews(linger: float = 0) -> Crews:
    return Crews(Settings(), linger)


def use(made: Crews, classifier: str) -> Any:
    return made.use(classifier)  # type: ignore[arg-type]


def test_two_backfills_share_one_and_the_last_ends_it(told: list[str]) -> None:
    made = crews()
    with use(made, "a") as first:
        with use(made, "a") as second:
            assert first is second
        assert told == ["begin a"]
    assert told == ["begin a", "end a"]


def test_another_classifier_has_another(told: list[str]) -> None:
    made = crews()
    with use(made, "a") as first, use(made, "b") as second:
        assert first is not second
    assert told == ["begin a", "begin b", "end b", "end a"]


def test_one_that_lingers_is_there_for_the_next_and_ends_when_the_daemon_does(told: list[str]) -> None:
    made = crews(600)
    with use(made, "a") as first:
        pass
    with use(made, "a") as second:
        assert first is second
        made.close()
        assert told == ["begin a"]
    made.close()
    assert told == ["begin a", "end a"]


def test_one_that_lingered_ends_by_itself_unless_it_was_used_since(told: list[str]) -> None:
    made = crews(600)
    with use(made, "a"):
        pass
    [kept] = made._kept  # noqa: SLF001
    [timer] = made._timers  # noqa: SLF001
    with use(made, "a"):
        pass
    timer.function(*timer.args)
    assert told == ["begin a"]
    made._end(kept, kept.turn)  # noqa: SLF001
    assert told == ["begin a", "end a"]
    made.close()


def test_what_fails_in_one_leaves_the_crew_to_the_others(told: list[str]) -> None:
    made = crews()
    with use(made, "a"):
        with pytest.raises(ValueError, match="mail"), use(made, "a"):
            raise ValueError("mail")
        assert told == ["begin a"]
    assert told == ["begin a", "end a"]


@pytest.mark.server
def test_a_backfill_of_the_console_is_understood_by_processes_that_end_with_it(
    engine: Engine, dovecot: PrivateDovecot, imap_user: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    mails = recent(12, 0)
    lab = Lab(engine, dovecot, imap_user)
    lab.furnish(mails)
    deliver(dovecot, imap_user, mails)
    pools: list[Executor] = []
    processes = Crew._processes  # noqa: SLF001

    def noted(self: Crew, count: int) -> Executor:
        pools.append(processes(self, count))
        return pools[-1]

    monkeypatch.setattr(Crew, "_processes", noted)
    settings = Settings(batch_messages=10, backfill_processes=2)
    nobody: Any = lambda: None  # noqa: E731 - nothing is classified
    daemon = Daemon(engine, settings, lambda *_: PollReport(), now, nobody)
    with transaction(engine) as session:
        request = ask(session, 1, 1, Wish.BACKFILL, Act("petra", now()))
    try:
        until = time.monotonic() + SECONDS
        while state(engine, request) != "done" and time.monotonic() < until:
            daemon.jobs.look()
            time.sleep(0.01)
        assert state(engine, request) == "done"
    finally:
        daemon.stop.set()
        daemon.close()
    assert lab.outcome().messages == len(mails)
    [pool] = pools
    with pytest.raises(RuntimeError, match="after shutdown"):
        pool.submit(print)


def state(engine: Engine, request_id: int) -> str:
    with reading(engine) as session:
        return str(request_of(session, 1, request_id, now())["state"])
