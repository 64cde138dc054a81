"""Very many mailboxes with much mail while everything breaks: nothing may be lost, nothing may come twice.

    python -m bench.soak [--mailboxes 1000] [--mails 100000] [--minutes 10] [--no-faults]

The real daemon on a real Dovecot over TLS and on PostgreSQL; mail comes evenly. In the first fifth of the time the
daemon is killed three times (kill -9) and started again; all the time connections of some mailboxes are broken; half
way the server restarts. Growth of memory is counted from two minutes after the last kill. Prints a table, writes
bench/soak.json, and fails where a mail was lost or doubled.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path

from bench.crowd import CrowdedDovecot, Fleet, NotingPostgres, watched
from bench.processes import ROOT, Daemon, wait_until
from bench.tally import Tally, prepare, tally

KILLS = (0.05, 0.12, 0.2)
KILLED = "daemon killed"
RESTART = 0.5
KICKS_APART = 10.0
WARM_SECONDS = 120
LOOKS_APART = 1.0
QUIET_SECONDS = 240
"""So long nothing may come in before what is missing counts as lost: several polls."""


@dataclass
class Attendant:
    """Breaks things when it is time to, and looks at the memory of the daemon in between."""

    dovecot: CrowdedDovecot
    daemon: Daemon
    seconds: float
    with_faults: bool
    faults: Counter[str] = field(default_factory=Counter)
    memory: list[tuple[float, float]] = field(default_factory=list)
    """Seconds since the beginning, and MB."""
    over: threading.Event = field(default_factory=threading.Event)
    _last_start: float = 0.0

    def attend(self) -> None:
        """Work until it is over."""
        start = time.monotonic()
        coming = self._plan() if self.with_faults else []
        while not self.over.wait(LOOKS_APART):
            at = time.monotonic() - start
            while coming and coming[0][0] <= at:
                _, what, do = coming.pop(0)
                do()
                self.faults[what] += 1
                if what == KILLED:
                    self._last_start = at
                print(f"{at:.0f} s: {what}", file=sys.stderr)
            self.memory.append((at, self.daemon.memory_mb()))

    def growth(self) -> tuple[float, float]:
        """Return the memory (MB) when the last process was warm, and at the end."""
        warm = [mb for at, mb in self.memory if at >= self._last_start + WARM_SECONDS]
        return (warm or [self.memory[-1][1]])[0], self.memory[-1][1]

    def by_minute(self) -> list[float]:
        """Return the memory (MB) at the beginning of each minute."""
        first = {int(at // 60): mb for at, mb in reversed(self.memory)}
        return [round(first[minute]) for minute in sorted(first)]

    def _plan(self) -> list[tuple[float, str, Callable[[], None]]]:
        chance = random.Random(2)  # noqa: S311 - the same faults every time

        def kill() -> None:
            self.daemon.end(signal.SIGKILL)
            self.daemon.start()

        def kick() -> None:
            self.dovecot.kick_some(f"box{chance.randrange(1, 10)}{chance.randrange(10)}*")

        kicks = [(at * KICKS_APART, "connections of some mailboxes broken", kick)
                 for at in range(1, int(self.seconds / KICKS_APART))]  # fmt: skip
        kills = [(share * self.seconds, KILLED, kill) for share in KILLS]
        restart = (RESTART * self.seconds, "mail server restarted", self.dovecot.restart)
        return sorted([*kicks, *kills, restart], key=lambda each: each[0])


def deliver(dovecot: CrowdedDovecot, mails: int, seconds: float) -> dict[int, float]:
    """Deliver the mails evenly over the time, each to the next mailbox in a shuffled order."""
    chance = random.Random(1)  # noqa: S311 - the same order every time
    boxes = list(range(dovecot.mailboxes))
    given = {}
    start = time.monotonic()
    for number in range(mails):
        if number % len(boxes) == 0:
            chance.shuffle(boxes)
        time.sleep(max(0.0, start + number * seconds / mails - time.monotonic()))
        given[number] = dovecot.give(number, boxes[number % len(boxes)])
    return given


@dataclass(frozen=True)
class Result:
    mailboxes: int
    minutes: float
    faults: dict[str, int]
    tally: Tally
    drained_seconds: float
    cpu_seconds: float
    cpu_share: float
    idle_mb: float
    warm_mb: float
    end_mb: float
    mb_by_minute: list[float]
    tracebacks: int


def soak(fleet: Fleet, mails: int, minutes: float, *, faults: bool) -> Result:
    daemon = fleet.daemon()
    attendant = Attendant(fleet.dovecot, daemon, 60 * minutes, faults)
    helper = threading.Thread(target=attendant.attend)
    daemon.start()
    try:
        wait_until("first poll", fleet.all_read, daemon, 600)
        idle_mb, cpu, start = daemon.memory_mb(), daemon.cpu(), time.monotonic()
        helper.start()
        given = deliver(fleet.dovecot, mails, 60 * minutes)
        drained = drain(fleet, mails)
        took = time.monotonic() - start
    finally:
        attendant.over.set()
        if helper.ident:
            helper.join()
        daemon.end()
    spent = daemon.cpu() - cpu
    warm, end = attendant.growth()
    return Result(
        fleet.dovecot.mailboxes, minutes, dict(attendant.faults), tally(fleet, given), drained, spent, spent / took,
        idle_mb, warm, end, attendant.by_minute(), daemon.log.read_text().count("Traceback"),
    )  # fmt: skip


def drain(fleet: Fleet, mails: int) -> float:
    """Wait until all mail is in, or nothing comes any more; return the seconds."""
    start = newest = time.monotonic()
    before = -1
    while (count := fleet.ask("SELECT count(*) FROM inbound_message")) < mails:
        if count > before:
            before, newest = count, time.monotonic()
        if time.monotonic() - newest > QUIET_SECONDS:
            break
        time.sleep(1)
    return time.monotonic() - start


def rows(result: Result) -> Iterator[tuple[str, str]]:
    mailboxes, found = result.mailboxes, result.tally
    yield "mailboxes", f"{mailboxes}"
    yield "mails delivered", f"{found.delivered} in {result.minutes:g} minutes"
    yield "faults", ", ".join(f"{what}: {count}" for what, count in sorted(result.faults.items())) or "none"
    yield "lost", f"{found.lost}"
    yield "doubled", f"{found.doubled}"
    yield "from delivery to status, median", f"{found.delay_p50:.2f} s"
    yield "from delivery to status, 99 %", f"{found.delay_p99:.2f} s"
    yield "from delivery to status, longest", f"{found.delay_max:.2f} s"
    yield "after the last delivery everything was in within", f"{result.drained_seconds:.0f} s"
    yield (
        "CPU of the daemon",
        f"{100 * result.cpu_share:.0f} % of a core, {1000 * result.cpu_seconds / found.delivered:.1f} ms a mail",
    )
    yield "CPU a mailbox", f"{1000 * result.cpu_seconds / mailboxes:.0f} ms in all"
    yield "memory before the first mail", f"{result.idle_mb:.0f} MB"
    yield "memory when warm, at the end", f"{result.warm_mb:.0f} MB, {result.end_mb:.0f} MB"
    yield "memory a mailbox at the end", f"{1024 * result.end_mb / mailboxes:.0f} KB"
    yield "unexpected errors in the log", f"{result.tracebacks}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mailboxes", type=int, default=1_000)
    parser.add_argument("--mails", type=int, default=100_000)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--faults", action=argparse.BooleanOptionalAction, default=True)
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench")))
        stack.enter_context(watched(options.mailboxes + 1_000))
        dovecot = stack.enter_context(CrowdedDovecot(options.mailboxes))
        postgres = stack.enter_context(NotingPostgres())
        fleet = Fleet(dovecot, postgres.create_database("soak"), folder)
        prepare(fleet, options.mails)
        result = soak(fleet, options.mails, options.minutes, faults=options.faults)
    (ROOT / "bench" / "soak.json").write_text(json.dumps(asdict(result), indent=1) + "\n")
    print("| | |\n|---|---|")
    for what, value in rows(result):
        print(f"| {what} | {value} |")
    sys.exit(not result.tally.is_right)


if __name__ == "__main__":
    main()
