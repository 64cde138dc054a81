"""What is measured of a fleet: how fast it is, and how soon everything is polled again after something broke."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from bench.fleet_site import Outcome, Site, TooSlowError
from bench.processes import Daemon

WARM_MAILS = 20
"""Mails for each worker before any are counted, since the first one loads the encoder."""
STEADY_MAILS = 10
"""Mails a second while something breaks."""
STEADY_SECONDS = 300
"""For which there are sends; nothing comes afterwards."""


@dataclass(frozen=True)
class Scale:
    """How long and how much: seconds of a look at polls, mails of a burst, seconds that something stays broken."""

    seconds: float
    mails: int
    broken_seconds: float
    poll_seconds: int
    """Between two polls of a mailbox while something breaks; for speed it is a second."""


@dataclass(frozen=True)
class Speed:
    """How fast so many workers are while all mailboxes are due all the time; CPU in cores.

    A process polls no more than fifty mailboxes a second for each of its threads (`worker.schedule.QUEUED`).
    """

    command: str
    workers: int
    first_round_seconds: float
    polls_a_second: float
    worker_cpu: float
    server_cpu: float
    memory_mb: float
    mails_a_second: float
    cpu_ms_a_mail: float
    """What the workers spend while the burst is taken in, their polls of other mailboxes included."""
    overlaps: int | None
    held_twice: int
    outcome: Outcome


@dataclass(frozen=True)
class Recovery:
    """How a fleet got over a fault."""

    fault: str
    command: str
    workers: int
    touched: int
    """Mailboxes of the worker that broke, or all of them."""
    usual_seconds: float
    """In which all mailboxes are polled once while nothing is broken."""
    seconds: float | None
    """From the fault until the last touched mailbox was polled again; None: not in time, or by nobody else."""
    back_seconds: float | None
    """From the mending until all mailboxes were polled; None where nothing had to be mended."""
    restarts: int
    """Of workers that ended by themselves."""
    overlaps: int | None
    outcome: Outcome


@contextmanager
def warm(site: Site, command: str, count: int, poll_seconds: int) -> Iterator[tuple[list[Daemon], float]]:
    """Let workers work until each has polled and read mail; give them, and how long the first round took."""
    with site.workers(command, count, poll_seconds) as workers:
        start = time.time()
        first = site.wait_polled(start)
        numbers = site.announce(WARM_MAILS * count)
        site.deliver(numbers)
        site.wait_taken(numbers)
        yield workers, first


def speed(site: Site, command: str, count: int, scale: Scale) -> Speed:
    """Measure polls while nothing comes, then how fast a burst of mails is taken in."""
    before = site.server.ask("totals")
    with warm(site, command, count, 1) as (workers, first):
        start, cpu, then = time.monotonic(), cpu_of(workers), site.server.ask("totals")
        time.sleep(scale.seconds)
        took, spent, now = time.monotonic() - start, cpu_of(workers) - cpu, site.server.ask("totals")
        numbers = site.announce(scale.mails)
        burst, cpu = time.monotonic(), cpu_of(workers)
        site.deliver(numbers)
        taken = site.wait_taken(numbers) - burst
        a_mail = 1000 * (cpu_of(workers) - cpu) / len(numbers)
        held, memory = site.server.ask("totals")["held_twice"], sum(each.memory_mb() for each in workers)
    overlaps = overlaps_since(site, before["overlaps"])
    return Speed(
        command, count, first, (now["polls"] - then["polls"]) / took, spent / took, (now["cpu"] - then["cpu"]) / took,
        memory, len(numbers) / taken, a_mail, overlaps, int(held), site.outcome(numbers),
    )  # fmt: skip


def overlaps_since(site: Site, before: float) -> int | None:
    """Return how many overlaps there were; None where workers cannot be told apart."""
    return int(site.server.ask("totals")["overlaps"] - before) if site.hosts else None


def cpu_of(workers: Sequence[Daemon]) -> float:
    """Return the CPU seconds of all workers until now."""
    return sum(each.cpu() for each in workers)


Break = Callable[[Site, Sequence[Daemon]], Callable[[], None] | None]
"""Breaks something; returns what mends it, unless that is done already."""


def kill(_: Site, workers: Sequence[Daemon]) -> Callable[[], None] | None:
    """Kill a worker without a word; one that was alone is started again at once, as its supervisor would."""
    workers[0].end(signal.SIGKILL)
    if len(workers) == 1:
        workers[0].start()
        return None
    return workers[0].start


def restart(site: Site, _: Sequence[Daemon]) -> None:
    """Restart PostgreSQL, whoever is connected."""
    site.postgres.down()
    site.postgres.up()


def drop(site: Site, _: Sequence[Daemon]) -> None:
    """End every connection to PostgreSQL."""
    with site.installation.rows() as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )


def cut(site: Site, _: Sequence[Daemon]) -> Callable[[], None]:
    """Let every packet from and to a worker's host vanish."""
    hosts = site.hosts
    if hosts is None:
        raise RuntimeError("without hosts none can be cut off")
    hosts.cut(0)
    return lambda: hosts.join(0)


def halt(_: Site, workers: Sequence[Daemon]) -> Callable[[], None]:
    """Halt a worker as it stands."""
    workers[0].signal(signal.SIGSTOP)
    return lambda: workers[0].signal(signal.SIGCONT)


FAULTS: Mapping[str, tuple[Break, bool]] = {
    "kill": (kill, True),
    "postgres": (restart, False),
    "cut": (cut, True),
    "halt": (halt, True),
    "drop": (drop, False),
}
"""What can break, and whether that touches one worker alone."""


def recovery(site: Site, fault: str, command: str, count: int, scale: Scale) -> Recovery:
    """Break something while mail comes; see when all is polled again, and that every mail acted once."""
    do, is_of_one = FAULTS[fault]
    before = site.server.ask("totals")["overlaps"]
    with warm(site, command, count, scale.poll_seconds) as (workers, _):
        usual = site.wait_polled(time.time())
        with mail_coming(site) as numbers:
            touched = site.boxes_of(0) if is_of_one else list(range(site.server.mailboxes))
            at = time.time()
            mend = do(site, workers)
            # Nobody does a lone worker's work meanwhile.
            seconds = None if mend and count == 1 else until_polled(site, at, touched)
            back = None
            if mend:
                time.sleep(max(0.0, at + scale.broken_seconds - time.time()))
                at = time.time()
                mend()
                back = until_polled(site, at, None)
        delivered = range(numbers[0], numbers[-1] + 1)
        site.wait_taken(delivered)
        overlaps = overlaps_since(site, before)
    return Recovery(
        fault, command, count, len(touched), usual, seconds, back, site.restarts, overlaps, site.outcome(delivered)
    )


@contextmanager
def mail_coming(site: Site) -> Iterator[list[int]]:
    """Let mail come evenly; give the numbers of what came so far."""
    announced = site.announce(STEADY_MAILS * STEADY_SECONDS)
    came: list[int] = []
    over = threading.Event()

    def bring() -> None:
        for number in announced:
            site.deliver([number])
            came.append(number)
            if over.wait(1 / STEADY_MAILS):
                return

    thread = threading.Thread(target=bring)
    thread.start()
    try:
        yield came
    finally:
        over.set()
        thread.join()


def until_polled(site: Site, since: float, boxes: Sequence[int] | None) -> float | None:
    """Wait as `Site.wait_polled`; None where that takes too long."""
    try:
        return site.wait_polled(since, boxes)
    except TooSlowError as error:
        print(f"{error}", file=sys.stderr)
        return None
