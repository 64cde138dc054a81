"""A worker takes in one range: whatever keeps it from that, the range is let go, told of, or left to another."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Never

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.exc import OperationalError

from config.settings import Settings
from models.session import DatabaseUnavailable, reading, transaction
from models.tables.handling import BackfillRange, Wish
from tests.worker.small_world import NOW, furnish
from worker.act import Act
from worker.errands.job import Cord
from worker.errands.requests import ask
from worker.errors import MailboxError, Trouble
from worker.fleet import range_work
from worker.fleet.range_work import RangeWork
from worker.fleet.ranges import Span, coordinate, lay_out
from worker.imap.manners import Hosts


@dataclass
class Workshop:
    """Does what the test says in place of opening a mailbox."""

    engine: Engine
    does: Callable[[Cord], object]
    settings: Settings = field(default_factory=Settings)
    opened: int = 0

    def clock(self) -> datetime:
        return NOW

    def wrote(self, *_: Any) -> None:
        raise AssertionError("nothing is written here")

    @contextmanager
    def visiting(self, cord: Cord, *_: Any) -> Iterator[Never]:
        self.opened += 1
        self.does(cord)
        raise AssertionError("the test ends it before")
        yield


class World:
    """One range at a host that takes one connection."""

    def __init__(self, engine: Engine) -> None:
        furnish(engine)
        with transaction(engine) as session:
            request_id = ask(session, 1, 1, Wish.BACKFILL, Act("petra", NOW))
        own = coordinate(engine, (request_id, 0, {}), "me")
        lay_out(engine, (own, "me"), [Span("INBOX", 7, 1, 40, 30)], NOW, None)
        self.engine, self.hosts = engine, Hosts(1, 1_000)
        self.workshop = Workshop(engine, lambda _: None)
        self.work = RangeWork(self.workshop, self.hosts)  # type: ignore[arg-type]

    def row(self) -> BackfillRange:
        with reading(self.engine) as session:
            return session.scalars(select(BackfillRange).where(BackfillRange.folder == "INBOX")).one()

    def carry_out(self, error: Exception | None = None, stopping: Callable[[], bool] = lambda: False) -> bool:
        def fails(_: Cord) -> None:
            if error:
                raise error

        if error:
            self.workshop.does = fails
        return self.work.carry_out(self.row().id, stopping)

    def is_left_as_it_was(self) -> bool:
        row = self.row()
        return (row.ended_at, row.again_at, row.error) == (None, None, None)

    def may_connect(self) -> bool:
        return self.hosts.take("h", NOW + timedelta(seconds=1))


@pytest.fixture
def world(engine: Engine) -> World:
    return World(engine)


def failure(trouble: Trouble) -> MailboxError:
    return MailboxError("said so", permanent=False, trouble=trouble)


def test_while_the_database_is_away_the_range_is_left_to_another(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: Any) -> Never:
        raise DatabaseUnavailable("nobody answers")

    with monkeypatch.context() as broken:
        broken.setattr(range_work, "take", away)
        assert not world.carry_out()
    assert not world.carry_out(OperationalError("INSERT", None, Exception("gone")))
    assert world.workshop.opened == 1
    assert world.is_left_as_it_was()
    assert world.may_connect()


def test_a_range_that_is_cut_waits_for_no_server_and_what_breaks_then_is_held_against_nobody(world: World) -> None:
    heard = []

    def cut_in_the_middle(cord: Cord) -> Never:
        ours, theirs = socket.socketpair()
        with ours, theirs:
            cord.begun(ours.dup())
            theirs.settimeout(10)
            world.work.cut()
            heard.append(theirs.recv(1))
        raise failure(Trouble.NETWORK)

    world.workshop.does = cut_in_the_middle
    assert not world.carry_out(stopping=lambda: True)
    assert heard == [b""]
    assert world.is_left_as_it_was()
    assert world.row().holder is None
    assert world.may_connect()
    # What it was cut with is given up: another cut finds nothing.
    world.work.cut()


def test_where_the_host_has_no_room_the_range_rests_or_goes_back_at_once_when_its_worker_ends(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(range_work, "TURN_SECONDS", 0.05)
    monkeypatch.setattr(range_work, "STEP", 0.01)
    world.hosts.take("h", NOW)
    assert not world.carry_out(stopping=lambda: True)
    assert world.is_left_as_it_was()
    assert world.carry_out()
    row = world.row()
    assert row.again_at is not None
    assert NOW < row.again_at <= NOW + timedelta(seconds=1)
    assert (row.holder, row.error, world.workshop.opened) == (None, None, 0)


def test_room_that_comes_while_it_waits_is_taken(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(range_work, "STEP", 0.0)
    world.hosts.take("h", NOW)
    looks = []

    def another_goes() -> bool:
        looks.append(1)
        if len(looks) == 2:
            world.hosts.give_back("h")
        return False

    assert world.carry_out(failure(Trouble.TURN), another_goes)
    assert world.workshop.opened == 1


def test_what_another_worker_has_by_now_is_left_to_it(world: World) -> None:
    assert world.carry_out(failure(Trouble.TURN))
    assert world.is_left_as_it_was()
    assert world.may_connect()


def test_a_host_that_calls_connections_too_many_is_heeded_and_the_range_rests(world: World) -> None:
    assert world.carry_out(failure(Trouble.CROWDED))
    row = world.row()
    assert (row.error, row.ended_at, row.holder) == ("said so", None, None)
    assert row.again_at is not None
    assert row.again_at > NOW
    assert world.hosts._hosts["h"].refused == 1  # noqa: SLF001 - what is held against it
