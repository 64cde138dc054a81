"""What a worker of a fleet may do: what it holds, as long as it knows that it holds it."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine

from worker.duties import OUTBOX, SHARD, TIMERS, duty_of
from worker.errors import MailboxError, Trouble
from worker.leases import STALLED, Lease, Leases


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
