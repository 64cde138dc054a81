"""Very many mailboxes in which little happens, in one process: what waiting costs, and how soon a mail is noticed.

    python -m bench.idle [--mailboxes 2000] [--seconds 60] [--mails 300]

The real daemon on a real Dovecot over TLS and on PostgreSQL, with the settings as they come but for the connections to
one host, since all mailboxes are on one here. Prints a table and writes bench/idle.json.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.crowd import CrowdedDovecot, Fleet, NotingPostgres, watched
from bench.processes import ROOT, Daemon, wait_until
from bench.tally import Tally, prepare, tally

SETTLE = 10
APART = 0.3
"""Seconds between two mails, on average."""
FIRST_MAILS = 20


@dataclass(frozen=True)
class Figure:
    what: str
    value: float
    unit: str


def settle(daemon: Daemon, port: int) -> int:
    """Wait until no connection opens any more; return how many are open."""
    before = -1
    while (now := daemon.connections(port)) > before:
        before = now
        time.sleep(SETTLE)
    return now


def deliver(fleet: Fleet, numbers: range, daemon: Daemon) -> Tally:
    """Deliver single mails to mailboxes by chance, and wait until all were taken in."""
    chance = random.Random(numbers.start)  # noqa: S311 - the same mailboxes every time
    given = {}
    for number in numbers:
        given[number] = fleet.dovecot.give(number, chance.randrange(fleet.dovecot.mailboxes))
        time.sleep(chance.uniform(0, 2 * APART))

    def arrived() -> bool:
        return fleet.ask("SELECT count(*) FROM inbound_message") >= numbers.stop

    wait_until("the mails' rows", arrived, daemon, 900)
    return tally(fleet, given, among=numbers)


def measure(fleet: Fleet, seconds: int, mails: int) -> Iterator[Figure]:
    daemon, port = fleet.daemon(), fleet.dovecot.tls_port
    daemon.start()
    try:
        yield Figure("until every mailbox was read once", wait_until("first poll", fleet.all_read, daemon, 600), "s")
        yield Figure("CPU of that, a mailbox", 1000 * daemon.cpu() / fleet.dovecot.mailboxes, "ms")
        yield Figure("connections kept", settle(daemon, port), "")
        cpu, start = daemon.cpu(), time.monotonic()
        time.sleep(seconds)
        share = (daemon.cpu() - cpu) / (time.monotonic() - start)
        yield Figure("CPU while nothing happens", 100 * share, "% of a core")
        yield Figure("memory while nothing happens", daemon.memory_mb(), "MB")
        first = deliver(fleet, range(FIRST_MAILS), daemon)
        yield Figure(f"longest wait of the first {FIRST_MAILS} mails (the encoder is loaded)", first.delay_max, "s")
        found = deliver(fleet, range(FIRST_MAILS, FIRST_MAILS + mails), daemon)
        yield Figure("mails delivered after them", found.delivered, "")
        yield Figure("lost", first.lost + found.lost, "")
        yield Figure("doubled", first.doubled + found.doubled, "")
        yield Figure("from delivery to status, median", found.delay_p50, "s")
        yield Figure("from delivery to status, 99 %", found.delay_p99, "s")
        yield Figure("from delivery to status, longest", found.delay_max, "s")
        yield Figure("memory at the end", daemon.memory_mb(), "MB")
    finally:
        daemon.end()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mailboxes", type=int, default=2_000)
    parser.add_argument("--seconds", type=int, default=60, help="how long nothing happens")
    parser.add_argument("--mails", type=int, default=300, help="single mails afterwards, but for the first few")
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench")))
        stack.enter_context(watched(options.mailboxes + 1_000))
        dovecot = stack.enter_context(CrowdedDovecot(options.mailboxes))
        postgres = stack.enter_context(NotingPostgres())
        fleet = Fleet(dovecot, postgres.create_database("idle"), folder)
        prepare(fleet, FIRST_MAILS + options.mails)
        figures = []
        for each in measure(fleet, options.seconds, options.mails):
            print(f"{each.what}: {each.value:.2f} {each.unit}", file=sys.stderr)
            figures.append(each)
    result = {"mailboxes": options.mailboxes, "seconds": options.seconds, "figures": [asdict(each) for each in figures]}
    (ROOT / "bench" / "idle.json").write_text(json.dumps(result, indent=1) + "\n")
    print(f"| {options.mailboxes} mailboxes | |\n|---|---|")
    for each in figures:
        print(f"| {each.what} | {each.value:.{0 if each.value == int(each.value) else 2}f} {each.unit} |")


if __name__ == "__main__":
    main()
