"""What a worker of a fleet may do: what it holds, as long as it knows that it holds it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, text

from models.session import open_engine, transaction
from tests.databases import postgres_database
from worker.daemon.duties import OUTBOX, SHARD, TIMERS, duty_of
from worker.errors import MailboxError, Trouble
from worker.fleet.leases import STALLED, Lease, Leases


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def leases(clock: Clock) -> Leases:
    made = Leases(clock)
    made.take(Lease(duty_of(2), 7, 1), clock())
    return made


def test_the_mailboxes_of_a_shard_are_whose_it_is(leases: Leases) -> None:
    assert leases.owns(2 * SHARD)
    assert leases.owns(3 * SHARD - 1)
    assert not leases.owns(3 * SHARD)
    assert leases.shards() == [2]
    assert not leases.has(TIMERS)


def test_what_was_not_confirmed_for_long_may_not_be_done(leases: Leases, clock: Clock) -> None:
    clock.now += STALLED
    assert not leases.owns(2 * SHARD)
    assert leases.shards() == []
    leases.confirm(clock())
    assert leases.owns(2 * SHARD)


def test_a_confirmation_that_came_late_takes_nothing_back(leases: Leases, clock: Clock) -> None:
    leases.confirm(clock() - STALLED)
    assert leases.owns(2 * SHARD)


def test_a_lease_that_was_dropped_counts_no_more_but_a_newer_one_does(leases: Leases, clock: Clock) -> None:
    newer = Lease(duty_of(2), 8, 1)
    leases.take(newer, clock())
    leases.drop(Lease(duty_of(2), 7, 1))
    assert leases.held() == [newer]
    leases.drop(newer)
    assert not leases.owns(2 * SHARD)


def test_duties_that_are_no_mailboxes_are_no_shards(leases: Leases, clock: Clock) -> None:
    leases.take(Lease(OUTBOX, 9, 1), clock())
    assert leases.has(OUTBOX)
    assert leases.shards() == [2]


def test_who_holds_no_lease_of_a_mailbox_writes_nothing_for_it(engine: Engine) -> None:
    with pytest.raises(MailboxError, match="another worker") as refused, Leases().writer(engine, 1)():
        raise AssertionError("it may not get here")
    assert refused.value.trouble is Trouble.TURN


def test_what_began_on_one_lease_is_not_written_on_a_later_one(queued: Engine, leases: Leases, clock: Clock) -> None:
    writer = leases.writer(queued, 2 * SHARD)
    with writer() as session:
        assert session.scalar(text("SELECT count(*) FROM procrastinate_jobs")) == 1
    leases.drop(Lease(duty_of(2), 7, 1))
    with writer():
        pass  # The batch in hand of a duty that is being handed over.
    with transaction(queued) as session:
        session.execute(text("UPDATE procrastinate_jobs SET id = 8"))
    leases.take(Lease(duty_of(2), 8, 1), clock())
    with leases.writer(queued, 2 * SHARD)():
        pass
    with pytest.raises(MailboxError, match="another worker"), writer():
        raise AssertionError("it may not get here")


@pytest.fixture
def queued(postgres_url: str, postgres_template: str) -> Iterator[Engine]:
    """A database in which worker 1 does job 7, the shard 2."""
    with postgres_database(postgres_url, postgres_template) as url:
        engine = open_engine(url)
        with transaction(engine) as session:
            session.execute(text("INSERT INTO procrastinate_workers (id) OVERRIDING SYSTEM VALUE VALUES (1)"))
            columns = "id, queue_name, task_name, lock, status, worker_id"
            session.execute(
                text(f"INSERT INTO procrastinate_jobs ({columns}) VALUES (7, 'q', 'duty', 'shard:2', 'doing', 1)")  # noqa: S608
            )
        yield engine
        engine.dispose()
