"""Backfill from a real Dovecot over TLS, beside fetching only and beside the script one would write first.

    python -m bench.pipeline [--mails 20000] [--repeat 3]

Every run is a process of its own, so that its memory is its own. Prints a table and writes bench/pipeline.json.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.mails import OURS, make
from tests.servers import PrivateDovecot, PrivatePostgres
from worker.vault import new_key

ROOT = Path(__file__).parent.parent
PYTHON = [sys.executable, "-W", "ignore"]


@dataclass(frozen=True)
class Run:
    name: str
    mails: int
    seconds: float
    cpu_seconds: float
    peak_mb: float

    @property
    def rate(self) -> float:
        return self.mails / self.seconds


def timed(name: str, mails: int, command: list[str], environment: dict[str, str]) -> Run:
    start = time.perf_counter()
    process = subprocess.Popen([*PYTHON, *command], env=environment, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    output = process.stdout.read() if process.stdout else ""
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    if status:
        raise SystemExit(f"{name} failed: {output}")
    return Run(name, mails, seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


class Bench:
    """One mailbox of so many mails on a private Dovecot."""

    def __init__(self, dovecot: PrivateDovecot, mails: int, folder: Path) -> None:
        self.dovecot, self.mails, self.folder, self.user = dovecot, mails, folder, f"bench{mails}"
        samples = list(make(mails))
        self.octets = sum(len(sample.raw) for sample in samples)
        dovecot.deliver_many(self.user, ((sample.raw, sample.arrived_at) for sample in samples))
        self.sends = folder / f"sends-{mails}.jsonl"
        self.sends.write_text("".join(json.dumps(sample.send) + "\n" for sample in samples))
        self.password = folder / "password"
        self.password.write_text(dovecot.password(self.user))
        self.imap = ["localhost", str(dovecot.tls_port), self.user, dovecot.password(self.user), dovecot.ca_file]

    def fetch_only(self) -> Run:
        return timed("fetch only", self.mails, ["-m", "bench.fetch_only", *self.imap], dict(os.environ))

    def obvious(self, database: str, url: str) -> Run:
        return timed(
            f"obvious script, {database}", self.mails, ["-m", "bench.obvious", url, *self.imap], dict(os.environ)
        )

    def backfill(self, database: str, url: str) -> Run:
        environment = os.environ | {"INBOX_DATABASE_URL": url, "INBOX_SECRET_KEYS": new_key()}
        for words in (
            ["migrate"],
            ["mailboxes", "add", OURS, "--host", "localhost", "--port", str(self.dovecot.tls_port), "--username",
             self.user, "--password-file", str(self.password), "--ca-file", self.dovecot.ca_file],
            ["sends", "import", str(self.sends)],
        ):  # fmt: skip
            subprocess.run(
                [*PYTHON, "-m", "worker", *words], env=environment, cwd=ROOT, check=True, capture_output=True
            )
        command = ["-m", "worker", "backfill", OURS]
        return timed(f"inbox-worker backfill, {database}", self.mails, command, environment)


def measure(mails: int, repeat: int) -> Iterator[Run]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench")))
        dovecot = stack.enter_context(PrivateDovecot())
        postgres = stack.enter_context(PrivatePostgres())
        small, large = Bench(dovecot, mails // 10, folder), Bench(dovecot, mails, folder)
        print(f"{mails} mails, {large.octets / mails / 1000:.1f} KB on average", file=sys.stderr)
        for turn in range(repeat):
            name = f"turn_{turn}"

            def sqlite(what: str, name: str = name) -> str:
                return f"sqlite:///{folder}/{what}-{name}.sqlite"

            def pg(what: str, name: str = name) -> str:
                return postgres.create_database(f"{what}_{name}")

            yield large.fetch_only()
            yield large.backfill("SQLite", sqlite("large"))
            yield large.backfill("PostgreSQL", pg("large"))
            yield small.backfill("SQLite", sqlite("small"))
            yield small.backfill("PostgreSQL", pg("small"))
            yield small.obvious("SQLite", sqlite("obvious"))
            yield small.obvious("PostgreSQL", pg("obvious"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mails", type=int, default=20_000)
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    runs: dict[tuple[str, int], list[Run]] = {}
    for run in measure(options.mails, options.repeat):
        print(f"{run.name}: {run.rate:.0f} mails/s, {run.peak_mb:.0f} MB", file=sys.stderr)
        runs.setdefault((run.name, run.mails), []).append(run)
    rows = [each for group in runs.values() for each in group]
    (ROOT / "bench" / "pipeline.json").write_text(json.dumps([asdict(run) for run in rows], indent=1) + "\n")
    print("| What | Mails | Mails a second (median) | CPU ms a mail | Peak MB | Against the obvious script |")
    print("|---|---|---|---|---|---|")
    for (name, mails), group in runs.items():
        rate = statistics.median(run.rate for run in group)
        cpu = statistics.median(1000 * run.cpu_seconds / run.mails for run in group)
        peak = max(run.peak_mb for run in group)
        database = name.rpartition(", ")[2]
        peer = runs.get((f"obvious script, {database}", options.mails // 10))
        ratio = f"{rate / statistics.median(run.rate for run in peer):.1f}" if peer else ""
        print(f"| {name} | {mails} | {rate:.0f} | {cpu:.2f} | {peak:.0f} | {ratio} |")


if __name__ == "__main__":
    main()
