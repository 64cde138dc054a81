"""What the benchmark of fleets says of mails is so: none lost, none twice, each where it belongs."""

# ruff: noqa: S608 - all that stands in the queries is ours

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from bench.fleet_site import ALONE, Outcome, Site, site
from bench.tally import FIRST

MAILS = 12


@pytest.fixture(scope="module")
def read() -> Iterator[Site]:
    """A site whose mails the real daemon has read."""
    with site(4, {}) as where, where.workers(ALONE, 1, 1):
        where.wait_polled(time.time())
        numbers = where.announce(MAILS)
        where.deliver(numbers)
        where.wait_taken(numbers)
        assert where.restarts == 0
        yield where


def test_each_mail_that_the_daemon_reads_acts_once_and_whatever_else_becomes_of_one_is_counted(read: Site) -> None:
    def outcome_after(*changes: str) -> Outcome:
        with read.installation.rows() as connection:
            for change in changes:
                connection.execute(change.encode())
        return read.outcome(range(MAILS))

    assert outcome_after() == Outcome(MAILS, 0, 0, 0, 0)
    first, second, third = (f"message_id LIKE '%-{FIRST + number}@%'" for number in range(3))
    assert outcome_after(f"UPDATE inbound_message SET uid = uid + 100 WHERE {first}").misplaced == 1
    of_second = f"SELECT id FROM inbound_message WHERE {second}"
    events = f"recipient_event WHERE message_id IN ({of_second})"
    recipients = f"SELECT recipient_id FROM {events}"
    assert outcome_after(f"UPDATE recipient SET status = 'Active' WHERE id IN ({recipients})").unmoved == 1
    assert outcome_after(f"DELETE FROM {events}") == Outcome(MAILS, 1, 0, 1, 0)
    again = outcome_after(
        f"CREATE TABLE again AS SELECT * FROM inbound_message WHERE {third}",
        "UPDATE again SET id = id + 1000, uid = uid + 100",
        "INSERT INTO inbound_message OVERRIDING SYSTEM VALUE TABLE again",
    )
    assert again == Outcome(MAILS, 1, 1, 2, 0)
    assert not again.is_right
