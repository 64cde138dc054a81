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
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

from bench.interrupted import BACKFILL, Resumed, resumed
from bench.mails import OURS, make
from bench.processes import PYTHON, ROOT, Run, timed
from tests.servers import PrivateDovecot, PrivatePostgres
from worker.secrets.vault import new_key

FLOOR = "fetch, parse, features, insert"
OBVIOUS = "obvious script"
OURS_RUN = "inbox-worker backfill"


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
