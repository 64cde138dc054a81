"""What became of every mail that was delivered: lost, doubled, and how long it took to its committed event."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bench.crowd import Fleet, Installation
from bench.mails import Sample, make

BEFORE = timedelta(days=60)
"""How long ago the first of the mails was sent that are answered."""

FIRST = 7_000_000
"""What the mails are numbered from in their text: no other number in it looks so."""
DIFFERENT = 2_000
"""Mails that are made; of more there are copies with numbers, addresses and Message-IDs of their own."""

NUMBER = f"substring(message.message_id from '^<?(?:reply|report)-([0-9]+)@')::int - {FIRST}"
ROWS = f"SELECT {NUMBER} AS number FROM inbound_message AS message"  # noqa: S608 - nothing of a stranger's in it
EVENTS = f"""
SELECT substring(contact.address from '^person([0-9]+)@')::int - {FIRST} AS person,
       {NUMBER} AS number,
       extract(epoch from pg_xact_commit_timestamp(event.xmin))::float AS committed
FROM recipient_event AS event
JOIN inbound_message AS message ON message.id = event.message_id
JOIN recipient ON recipient.id = event.recipient_id
JOIN contact ON contact.id = recipient.contact_id
"""  # noqa: S608 - the same


@dataclass(frozen=True)
class Tally:
    """How many mails were delivered, and what became of them; delays in seconds."""

    delivered: int
    lost: int
    doubled: int
    delay_p50: float
    delay_p99: float
    delay_max: float

    @property
    def is_right(self) -> bool:
        return not self.lost and not self.doubled


def prepare(fleet: Fleet, count: int) -> None:
    """Import the sends of so many mails and put the mails aside for delivery, numbered from 0."""
    start = datetime.now(UTC).replace(microsecond=0) - BEFORE
    samples = list(make(min(count, DIFFERENT), start=start, first=FIRST))
    sends = fleet.folder / "sends.jsonl"
    with sends.open("w") as file:
        for number in range(count):
            sample = samples[number % len(samples)]
            of_sample, own = f"{FIRST + number % len(samples)}", f"{FIRST + number}"
            fleet.dovecot.put_aside(number, sample.raw.replace(of_sample.encode(), own.encode()))
            file.write(json.dumps(sample.send).replace(of_sample, own) + "\n")
    fleet.run("sends", "import", str(sends))


def import_sends(installation: Installation, samples: Sequence[Sample], numbers: range) -> None:
    """Import the sends that mails of these numbers answer, as copies of the samples'."""
    sends = installation.folder / f"sends-{numbers.start}.jsonl"
    with sends.open("w") as file:
        for number in numbers:
            of_sample = number % len(samples)
            send = json.dumps(samples[of_sample].send)
            file.write(send.replace(f"{FIRST + of_sample}", f"{FIRST + number}") + "\n")
    installation.run("sends", "import", str(sends))


def tally(fleet: Installation, given: Mapping[int, float], among: Collection[int] | None = None) -> Tally:
    """Compare what is in the database with what was delivered.

    A mail is lost where it has no row or its person has no event by it, and doubled where it has several of either or
    an event of anybody else.

    Args:
        fleet: whose database.
        given: number of the mail -> when it was delivered, seconds since 1970.
        among: leaves aside the rows of all other mails.
    """
    with fleet.rows() as connection:
        found = [number for (number,) in connection.execute(ROWS.encode())]
        events = connection.execute(EVENTS.encode()).fetchall()
    if among is not None:
        found = [number for number in found if number in among]
        events = [event for event in events if event[1] in among]
    rows = Counter(found)
    by_mail = Counter(number for _, number, _ in events)
    right = {number: committed for person, number, committed in events if person == number}
    lost = [number for number in given if not rows[number] or number not in right]
    doubled = [number for number in {*rows, *by_mail} if rows[number] > 1 or by_mail[number] > 1 or number not in given]
    delays = [committed - given[number] for number, committed in right.items() if number in given]
    return Tally(
        len(given), len(lost), len(doubled), percentile(delays, 0.5), percentile(delays, 0.99), max(delays, default=0.0)
    )


def percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")
