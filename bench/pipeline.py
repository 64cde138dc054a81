"""Backfill from a real Dovecot over TLS, beside its floor and beside the script one would write first.

    python -m bench.pipeline [--mails 20000] [--repeat 3] [--long 200000]

Every run is a process of its own, so that its memory is its own. With --long a mailbox of so many mails is taken in as
well, killed on the way and run again: how much memory that takes as it goes on, and what is done twice. Prints tables
and writes bench/pipeline.json.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from sqlalchemy import Engine, func, select

from bench.mails import OURS, make
from config.settings import Settings
from models.base import Base
from models.session import open_engine, reading
from models.tables.mail import InboundMessage
from models.tables.standing import RecipientEvent
from tests.servers import PrivateDovecot, PrivatePostgres
from worker.secrets.vault import new_key

ROOT = Path(__file__).parent.parent
PYTHON = [sys.executable, "-W", "ignore"]
LOOK_SECONDS = 0.5
MEMORY_SECONDS = 2.0
"""Between two looks at memory: the system walks through all of it for each, so that often costs a tenth of a core."""
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")
KILLED_AT = 0.4
"""The part of the mails after which a backfill is killed."""
FLOOR = "fetch, parse, features, insert"
OBVIOUS = "obvious script"
OURS_RUN = "inbox-worker backfill"
_FETCHED = re.compile(r"body_count=(\d+)")


@dataclass(frozen=True)
class Run:
    """One run."""

    name: str
    mails: int
    seconds: float
    cpu_seconds: float
    peak_mb: float

    @property
    def rate(self) -> float:
        return self.mails / self.seconds


class Process:
    """A command under measurement, with the processes that it starts."""

    def __init__(self, command: list[str], environment: Mapping[str, str]) -> None:
        self._popen = subprocess.Popen(
            [*PYTHON, *command], env=dict(environment), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True, start_new_session=True,
        )  # fmt: skip
        self.start = time.perf_counter()
        self.peak_mb = 0.0
        self._cpu: dict[int, float] = {}
        """CPU seconds of each of its processes, as they were seen last."""
        self._ended = threading.Event()
        self._watch = threading.Thread(target=self._look)
        self._watch.start()

    def end(self, name: str) -> tuple[float, float]:
        """Wait until it has ended well; return its seconds, and the CPU seconds of all its processes.

        Those of the processes that it starts are read twice a second, so the last of each may be missing.
        """
        output, errors = self._popen.stdout, self._popen.stderr
        said = (output.read() if output else "") + (errors.read() if errors else "")
        _, status, usage = os.wait4(self._popen.pid, 0)
        seconds = time.perf_counter() - self.start
        self._popen.returncode = status
        self._leave()
        if status:
            raise SystemExit(f"{name} failed: {said}")
        others = sum(cpu for pid, cpu in self._cpu.items() if pid != self._popen.pid)
        return seconds, usage.ru_utime + usage.ru_stime + others

    def kill(self) -> None:
        """Kill it, and it alone: what it has started has to notice."""
        self._popen.send_signal(signal.SIGKILL)
        self._popen.communicate()
        self._leave()

    def is_running(self) -> bool:
        return (
            bool(Path(f"/proc/{self._popen.pid}/stat").exists())
            and "State:\tZ" not in Path(f"/proc/{self._popen.pid}/status").read_text()
        )

    def memory_mb(self) -> float:
        """Return what all its processes hold; what they share is counted once (PSS)."""
        total = 0.0
        for process in self._processes():
            with suppress(OSError, StopIteration):
                lines = (process / "smaps_rollup").read_text().splitlines()
                total += next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024
        return total

    def _processes(self) -> Iterator[Path]:
        for process in Path("/proc").iterdir():
            with suppress(OSError):
                if process.name.isdigit() and os.getsid(int(process.name)) == self._popen.pid:
                    yield process

    def _look(self) -> None:
        due = 0.0
        while not self._ended.wait(LOOK_SECONDS):
            if time.monotonic() >= due:
                self.peak_mb = max(self.peak_mb, self.memory_mb())
                due = time.monotonic() + MEMORY_SECONDS
            for process in self._processes():
                with suppress(OSError):
                    fields = (process / "stat").read_text().rpartition(") ")[2].split()
                    self._cpu[int(process.name)] = (int(fields[11]) + int(fields[12])) / CLOCK_TICKS

    def _leave(self) -> None:
        self._ended.set()
        self._watch.join()


def timed(name: str, mails: int, command: list[str], environment: Mapping[str, str]) -> Run:
    process = Process(command, environment)
    seconds, cpu_seconds = process.end(name)
    return Run(name, mails, seconds, cpu_seconds, process.peak_mb)


class Bench:
    """One mailbox of so many mails on a private Dovecot."""

    def __init__(self, dovecot: PrivateDovecot, mails: int, folder: Path) -> None:
        self.dovecot, self.mails, self.folder, self.user = dovecot, mails, folder, f"bench{mails}"
        self.sends = folder / f"sends-{mails}.jsonl"
        self.octets = 0
        with self.sends.open("w") as sends:

            def delivered() -> Iterator[tuple[bytes, object]]:
                for sample in make(mails):
                    sends.write(json.dumps(sample.send) + "\n")
                    self.octets += len(sample.raw)
                    yield sample.raw, sample.arrived_at

            dovecot.deliver_many(self.user, delivered())
        self.password = folder / "password"
        self.password.write_text(dovecot.password(self.user))
        self.imap = ["localhost", str(dovecot.tls_port), self.user, dovecot.password(self.user), dovecot.ca_file]

    def fetch_only(self) -> Run:
        return timed("fetch", self.mails, ["-m", "bench.fetch_only", *self.imap], os.environ)

    def floor(self, database: str, url: str) -> Run:
        return timed(f"{FLOOR}; {database}", self.mails, ["-m", "bench.floor", url, *self.imap], os.environ)

    def obvious(self, database: str, url: str) -> Run:
        return timed(f"{OBVIOUS}; {database}", self.mails, ["-m", "bench.obvious", url, *self.imap], os.environ)

    def prepare(self, url: str) -> dict[str, str]:
        """Make the database of a backfill; return its environment."""
        environment = os.environ | {
            "INBOX_DATABASE_URL": url,
            "INBOX_SECRET_KEYS": new_key(),
            "INBOX_BACKFILL_MEGABYTES_A_DAY": "100000",
        }
        for words in (
            ["migrate"],
            ["mailboxes", "add", OURS, "--host", "localhost", "--port", str(self.dovecot.tls_port), "--username",
             self.user, "--password-file", str(self.password), "--ca-file", self.dovecot.ca_file],
            ["sends", "import", str(self.sends)],
        ):  # fmt: skip
            subprocess.run(
                [*PYTHON, "-m", "worker", *words], env=environment, cwd=ROOT, check=True, capture_output=True
            )
        return environment

    def backfill(self, database: str, url: str) -> Run:
        return timed(f"{OURS_RUN}; {database}", self.mails, BACKFILL, self.prepare(url))


BACKFILL = ["-m", "worker", "backfill", OURS]


@dataclass(frozen=True)
class Resumed:
    """What came of a backfill that was killed on the way and run again; every mail of ours causes one event.

    `memory` holds (mails taken in, MB of all its processes), as time went on.
    """

    database: str
    mails: int
    recorded_at_kill: int
    rate_after: float
    fetched_twice: int
    in_hand: int
    recorded: int
    events: int
    memory: list[tuple[int, float]]


def resumed(bench: Bench, database: str, url: str) -> Resumed:
    """Kill a backfill and run it again; Dovecot's log tells how many mails were fetched in all."""
    environment = bench.prepare(url)
    engine = open_engine(url)
    before = fetched(bench.dovecot)
    process = Process(BACKFILL, environment)
    memory = list(watched(process, engine, bench.mails, KILLED_AT))
    process.kill()
    at_kill = count(engine, InboundMessage)
    process = Process(BACKFILL, environment)
    memory += watched(process, engine, bench.mails, 1.0)
    seconds, _ = process.end("the second run")
    wait_until(lambda: fetched(bench.dovecot) - before >= bench.mails)
    result = Resumed(
        database, bench.mails, at_kill, (bench.mails - at_kill) / seconds,
        fetched(bench.dovecot) - before - bench.mails, Settings().batch_messages,
        count(engine, InboundMessage), count(engine, RecipientEvent), memory,
    )  # fmt: skip
    engine.dispose()
    return result


def watched(process: Process, engine: Engine, mails: int, until: float) -> Iterator[tuple[int, float]]:
    """Yield (mails taken in, MB of all its processes) at each twentieth, until that part is taken in."""
    step = mails // 20
    reached = highest(engine) // step
    while reached < until * 20 and process.is_running():
        time.sleep(LOOK_SECONDS)
        taken = highest(engine)
        if taken // step > reached:
            reached = taken // step
            yield taken, process.memory_mb()


def count(engine: Engine, model: type[Base]) -> int:
    with reading(engine) as session:
        return session.scalar(select(func.count()).select_from(model)) or 0


def highest(engine: Engine) -> int:
    """Return about how many messages were taken in; to count them every time would slow down what is measured."""
    with reading(engine) as session:
        return session.scalar(select(func.max(InboundMessage.id))) or 0


def fetched(dovecot: PrivateDovecot) -> int:
    """Return how many messages were handed over in the sessions that have ended."""
    return sum(map(int, _FETCHED.findall((dovecot.folder / "dovecot.log").read_text())))


def wait_until(is_so: Callable[[], bool], seconds: float = 10) -> None:
    until = time.monotonic() + seconds
    while not is_so() and time.monotonic() < until:
        time.sleep(LOOK_SECONDS)


class Databases:
    """New databases of both kinds, as many as are asked for."""

    def __init__(self, postgres: PrivatePostgres, folder: Path) -> None:
        self._postgres, self._folder, self._made = postgres, folder, 0

    def new(self, database: str) -> str:
        self._made += 1
        name = f"bench_{self._made}"
        return (
            f"sqlite:///{self._folder}/{name}.sqlite" if database == "SQLite" else self._postgres.create_database(name)
        )


def measure(bench: Bench, databases: Databases, repeat: int) -> Iterator[Run]:
    for _ in range(repeat):
        yield bench.fetch_only()
        for database in ("SQLite", "PostgreSQL"):
            yield bench.floor(database, databases.new(database))
            yield bench.backfill(database, databases.new(database))
            yield bench.obvious(database, databases.new(database))


def told(run: Run) -> Run:
    print(f"{run.name}: {run.rate:.0f} mails/s, {run.peak_mb:.0f} MB", file=sys.stderr)
    return run


def print_rates(runs: list[Run]) -> None:
    rates: dict[str, float] = {}
    for name in dict.fromkeys(run.name for run in runs):
        rates[name] = statistics.median(run.rate for run in runs if run.name == name)
    print("| What | Mails a second (median) | CPU ms a mail | Peak MB | times the obvious script | times the floor |")
    print("|---|--:|--:|--:|--:|--:|")
    for name, rate in rates.items():
        same = [run for run in runs if run.name == name]
        cpu = statistics.median(1000 * run.cpu_seconds / run.mails for run in same)
        database = name.rpartition("; ")[2]
        peer, floor = rates.get(f"{OBVIOUS}; {database}"), rates.get(f"{FLOOR}; {database}")
        ratios = [f"{rate / each:.2f}" if each else "" for each in (peer, floor)]
        print(f"| {name} | {rate:.0f} | {cpu:.2f} | {max(run.peak_mb for run in same):.0f} | {' | '.join(ratios)} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mails", type=int, default=20_000)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--long", type=int, default=0, help="also take in a mailbox of so many mails")
    options = parser.parse_args()
    interrupted: list[Resumed] = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench")))
        dovecot = stack.enter_context(PrivateDovecot())
        databases = Databases(stack.enter_context(PrivatePostgres()), folder)
        bench = Bench(dovecot, options.mails, folder)
        print(f"{options.mails} mails, {bench.octets / options.mails / 1000:.1f} KB on average", file=sys.stderr)
        runs = [told(run) for run in measure(bench, databases, options.repeat)]
        if options.long:
            large = Bench(dovecot, options.long, folder)
            for database in ("SQLite", "PostgreSQL"):
                interrupted.append(resumed(large, database, databases.new(database)))
                print(interrupted[-1], file=sys.stderr)
    print_rates(runs)
    for each in interrupted:
        print(f"\nKilled with SIGKILL, {each}")
    document = {
        "runs": [asdict(run) for run in runs],
        "resumed": [asdict(each) for each in interrupted],
    }
    (ROOT / "bench" / "pipeline.json").write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
