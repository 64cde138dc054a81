"""What a fleet is measured on: a simulated mail server, a PostgreSQL, hosts where the system makes them, workers."""

from __future__ import annotations

import random
import signal
import sys
import tempfile
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from bench.crowd import Installation, NotingPostgres
from bench.hosts import Hosts, why_not
from bench.mails import Sample, make
from bench.processes import Daemon
from bench.simulated import SimulatedServer
from bench.tally import BEFORE, DIFFERENT, FIRST, NUMBER, Tally, import_sends, tally
from models.status import Status
from tests.servers.private import HOST
from worker.cli import COMMANDS

MOST_HOSTS = 4
ALONE, WORKER = "run", "worker"
"""The commands: the single process, and one of many."""
LOOKS_APART = 0.2
MOST_RESTARTS = 30
LONGEST = 600.0
"""Seconds that anything may take before it counts as failed."""
QUIET_SECONDS = 60.0
"""So long nothing may come in before what is missing counts as lost."""
TAKEN = f"SELECT count(*) FROM inbound_message AS message WHERE {NUMBER} >= "  # noqa: S608 - nothing of a stranger's
PLACES = f"""
SELECT {NUMBER} AS number, mailbox.username, message.uid
FROM inbound_message AS message JOIN mailbox ON mailbox.id = message.mailbox_id
"""  # noqa: S608 - the same
STATUSES = f"""
SELECT {NUMBER} AS number, recipient.status FROM recipient_event AS event
JOIN inbound_message AS message ON message.id = event.message_id JOIN recipient ON recipient.id = event.recipient_id
"""  # noqa: S608 - the same


class TooSlowError(Exception):
    """Something did not happen in time; the message says what."""


@dataclass(frozen=True)
class Outcome:
    """What became of the mails of one measurement, each of which should have one row and one event."""

    delivered: int
    lost: int
    doubled: int
    misplaced: int
    """Rows that lie in another mailbox, or under another UID, than the mail server gave them."""
    unmoved: int
    """Mails by which the status of their person did not change, as each answer's and bounce's does."""

    @property
    def is_right(self) -> bool:
        return not (self.lost or self.doubled or self.misplaced or self.unmoved)


@dataclass
class Site:
    """Everything that runs, and every mail that was delivered: its number with mailbox and UID, and with when."""

    server: SimulatedServer
    postgres: NotingPostgres
    installation: Installation
    samples: Sequence[Sample]
    hosts: Hosts | None
    places: dict[int, tuple[str, int]] = field(default_factory=dict)
    given: dict[int, float] = field(default_factory=dict)
    announced: int = 0
    """How many mails' sends are imported."""
    restarts: int = 0
    """How often one of the workers that work now had ended, and was started again."""
    _working: list[Daemon] = field(default_factory=list)
    _next: list[int] = field(default_factory=list)
    _chance: random.Random = field(default_factory=lambda: random.Random(1))  # noqa: S311 - the same mailboxes every time

    def announce(self, count: int) -> range:
        """Import the sends that so many mails will answer; return the numbers of the mails."""
        numbers = range(self.announced, self.announced + count)
        import_sends(self.installation, self.samples, numbers)
        self.announced = numbers.stop
        return numbers

    def deliver(self, numbers: Sequence[int]) -> None:
        """Deliver mails, each to the next mailbox in a shuffled order."""
        boxes = [self._next_box() for _ in numbers]
        delivered = self.server.deliver(list(zip(boxes, numbers, strict=True)))
        for number, box, (uid, at) in zip(numbers, boxes, delivered, strict=True):
            self.places[number] = f"box{box}", uid
            self.given[number] = at

    def wait_taken(self, numbers: range) -> float:
        """Wait until mails of these numbers are in, or nothing comes any more; return when the last one came."""
        newest, before = time.monotonic(), -1
        while before < len(numbers) and time.monotonic() - newest < QUIET_SECONDS:
            with suppress(psycopg.OperationalError):
                count = self.installation.ask(f"{TAKEN}{numbers.start}")
                if count > before:
                    before, newest = count, time.monotonic()
            self._see_to_workers()
            time.sleep(LOOKS_APART)
        return newest

    def boxes_of(self, host: int) -> list[int]:
        """Return the mailboxes that a host was the last one to work on; all, where nobody can be told apart."""
        peers = self.server.ask("each")["peer"]
        address = self.hosts.address(host) if self.hosts else None
        return [box for box, peer in enumerate(peers) if address in {peer, None}]

    def wait_polled(self, since: float, boxes: Collection[int] | None = None, most: float = LONGEST) -> float:
        """Wait until mailboxes (default: all) were polled since then; return how many seconds after it the last was.

        Raises:
            TooSlowError: not within `most` seconds.
        """
        while True:
            polled_at = self.server.ask("each")["polled_at"]
            times = [polled_at[box] for box in boxes] if boxes is not None else polled_at
            late = sum(at <= since for at in times)
            if not late:
                return time.time() - since
            if time.time() - since > most:
                raise TooSlowError(f"{late} of {len(times)} mailboxes were not polled within {most:.0f} seconds")
            self._see_to_workers()
            time.sleep(LOOKS_APART)

    def outcome(self, numbers: range) -> Outcome:
        """Compare what is in the database with what was delivered of these numbers."""
        given = {number: self.given[number] for number in numbers}
        found: Tally = tally(self.installation, given, among=numbers)
        with self.installation.rows() as connection:
            places = [(number, (user, uid)) for number, user, uid in connection.execute(PLACES.encode())]
            statuses = [(number, status) for number, status in connection.execute(STATUSES.encode())]
        return Outcome(
            len(given), found.lost, found.doubled,
            sum(number in given and self.places[number] != place for number, place in places),
            sum(number in given and status == Status.ACTIVE.value for number, status in statuses),
        )  # fmt: skip

    @contextmanager
    def workers(self, command: str, count: int, poll_seconds: int) -> Iterator[list[Daemon]]:
        """Let so many workers work, each on a host of its own where there are any; they end in order, or by force."""
        environment = self.installation.environment | {"INBOX_POLL_SECONDS": str(poll_seconds)}
        name = f"{command}-{datetime.now(UTC):%H%M%S}"
        workers = [
            Daemon(
                environment, self.installation.folder / f"{name}-{number}.log", [command],
                self.hosts.within(number) if self.hosts else [],
            )
            for number in range(count)
        ]  # fmt: skip
        try:
            for worker in workers:
                worker.start()
            self._working, self.restarts = workers, 0
            yield workers
        finally:
            self._working = []
            for worker in workers:
                # One that is halted hears nothing else.
                worker.signal(signal.SIGCONT)
                worker.end()

    def _see_to_workers(self) -> None:
        """Start workers again that ended, as their supervisor would, unless they do nothing else."""
        for worker in self._working:
            if worker.has_failed():
                self.restarts += 1
                if self.restarts > MOST_RESTARTS:
                    raise SystemExit(f"workers end again and again: {worker.log.read_text()[-2000:]}")
                worker.end()
                worker.start()

    def _next_box(self) -> int:
        if not self._next:
            self._next = list(range(self.server.mailboxes))
            self._chance.shuffle(self._next)
        return self._next.pop()


def commands() -> list[str]:
    """Return which of the two commands this version has."""
    return [name for name in (ALONE, WORKER) if name in COMMANDS]


@contextmanager
def site(mailboxes: int, environment: Mapping[str, str]) -> Iterator[Site]:
    """Build everything up; nothing of it stays."""
    samples = list(make(DIFFERENT, start=datetime.now(UTC).replace(microsecond=0) - BEFORE, first=FIRST))
    with ExitStack() as stack:
        reason = why_not()
        hosts = None if reason else stack.enter_context(Hosts(MOST_HOSTS))
        if reason:
            print(f"no hosts of their own for the workers: {reason}; overlaps are not seen", file=sys.stderr)
        address = hosts.gateway if hosts else HOST
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench")))
        raws = [sample.raw for sample in samples]
        server = stack.enter_context(SimulatedServer(mailboxes, raws, FIRST, address))
        postgres = stack.enter_context(NotingPostgres(address))
        installation = Installation(server, postgres.create_database("fleet"), folder)
        installation.environment |= environment
        yield Site(server, postgres, installation, samples, hosts)
