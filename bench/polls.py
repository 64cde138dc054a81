"""What one poll of a mailbox without new mail costs its client, on a fresh TLS connection and on a kept one.

    python -m bench.polls [--mailboxes 100] [--rounds 10]

The daemon in this process, its scheduler replaced by our hand, with everything a poll does, the database included, on a
real Dovecot over TLS. CPU time of this process alone: what the mail server and PostgreSQL spend is theirs. Beside it
the floor: imapclient asking the same of the same server, without a line of ours. Prints tables and writes
bench/polls.json.
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from imapclient import IMAPClient
from sqlalchemy import Engine, update

from bench.crowd import CrowdedDovecot, Fleet, watched
from bench.processes import ROOT
from config.settings import PREFIX, Settings, read
from models.session import open_engine, transaction
from models.tables.mailboxes import Mailbox
from tests.servers import PASSWORD, PrivatePostgres
from worker.daemon.keeper import Keeper
from worker.daemon.rounds import Rounds
from worker.daemon.serving import Classifier
from worker.errands.service import station
from worker.imap.connection import tls_context
from worker.reading.visit import PollReport, Watch
from worker.schedule import Daemon

FOLDERS = ("INBOX", "Sent", "Junk")
NEWS = ["MESSAGES", "UIDNEXT", "UIDVALIDITY"]
QUIET_SECONDS = 0.05
FRESH, KEPT = "fresh connection", "kept connection"


@dataclass
class Costs:
    """CPU milliseconds a mailbox of each part, one value a round."""

    mailboxes: int
    parts: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Count what is spent inside towards a part, once a round and for all mailboxes."""
        start = time.process_time()
        yield
        self.add(name, time.process_time() - start)

    def add(self, name: str, seconds: float) -> None:
        self.parts[name].append(1000 * seconds / self.mailboxes)

    def medians(self) -> dict[str, float]:
        """Return each part in the median round."""
        return {name: statistics.median(values) for name, values in self.parts.items()}


def floor(dovecot: CrowdedDovecot, rounds: int) -> dict[str, dict[str, float]]:
    """Return what imapclient needs, part by part, where a poll connects and where it has a connection that waits."""
    context, boxes = tls_context(dovecot.ca_file), range(dovecot.mailboxes)
    fresh, kept = Costs(dovecot.mailboxes), Costs(dovecot.mailboxes)
    for _ in range(rounds):
        with fresh.part("connect, TLS"):
            clients = [IMAPClient("localhost", dovecot.tls_port, ssl_context=context, timeout=60) for _ in boxes]
        with fresh.part("sign in"):
            for n, client in enumerate(clients):
                client.login(f"box{n}", PASSWORD)
        with fresh.part(f"STATUS of {len(FOLDERS)} folders"):
            ask(clients, FOLDERS)
        for client in clients:
            client.select_folder("INBOX", readonly=True)
            client.idle()
        with kept.part("end and begin IDLE"):
            for client in clients:
                client.idle_done()
                client.idle()
        for client in clients:
            client.idle_done()
        with kept.part(f"NOOP, STATUS of {len(FOLDERS) - 1} folders"):
            for client in clients:
                client.noop()
            ask(clients, FOLDERS[1:])
        with fresh.part("sign out"):
            for client in clients:
                client.logout()
    return {FRESH: fresh.medians(), KEPT: kept.medians()}


def ask(clients: list[IMAPClient], folders: tuple[str, ...]) -> None:
    for client in clients:
        for folder in folders:
            client.folder_status(folder, NEWS)


class Polls:
    """The daemon over every mailbox of a fleet, by hand: when it is told to, and until all were polled once."""

    def __init__(self, engine: Engine, settings: Settings, mailboxes: int) -> None:
        self.engine, self.settings, self.mailboxes = engine, settings, mailboxes
        self.classifier = Classifier(engine, settings)
        self.polled: set[int] = set()
        self.daemon = Daemon(engine, settings, self._counted(), now)
        gc.freeze()  # as the daemon does when it begins

    def forget(self) -> None:
        """Know nothing of any mailbox, so that every folder is opened and counted."""
        self.daemon.poll = self._counted()

    def once(self, costs: Costs) -> None:
        """Poll every mailbox once."""
        with transaction(self.engine) as session:
            session.execute(
                update(Mailbox).values(next_poll_at=now() - timedelta(minutes=1), revision=Mailbox.revision)
            )
        self.polled.clear()
        everything, ours = time.process_time(), time.thread_time()
        while len(self.polled) < self.mailboxes:
            self.daemon.tick()
            self._rest()
        self.daemon.write_down()
        ours = time.thread_time() - ours
        costs.add("which are due, how it went", ours)
        costs.add("the poll itself", time.process_time() - everything - ours)

    def _rest(self) -> None:
        """Wait until no poll ends any more."""
        before = -1
        while len(self.polled) > before:
            before = len(self.polled)
            time.sleep(QUIET_SECONDS)

    def _counted(self) -> Callable[..., PollReport]:
        where = station(self.engine, self.settings, Watch(clock=now))
        poll = Rounds(lambda _: where, self.classifier.current).poll

        def counted(mailbox: Mailbox, keeper: Keeper, stopping: Callable[[], bool]) -> PollReport:
            report = poll(mailbox, keeper, stopping)
            self.polled.add(mailbox.id)
            return report

        return counted


def now() -> datetime:
    return datetime.now(UTC)


def ours(fleet: Fleet, rounds: int, threads: int, *, push: bool) -> Iterator[tuple[str, dict[str, float]]]:
    """Yield what a poll costs that finds nothing new, and one that opens every folder, as every tenth does."""
    key = fleet.environment[f"{PREFIX}SECRET_KEYS"]
    settings = read(
        database_url=fleet.url, secret_keys=key, push=push, poll_threads=threads,
        host_connections=2 * fleet.dovecot.mailboxes, host_connects_a_second=100_000,
    )  # fmt: skip
    engine = open_engine(fleet.url)
    polls = Polls(engine, settings, fleet.dovecot.mailboxes)
    try:
        for _ in range(2):
            polls.once(Costs(fleet.dovecot.mailboxes))
        usual, whole = Costs(fleet.dovecot.mailboxes), Costs(fleet.dovecot.mailboxes)
        for _ in range(rounds):
            polls.once(usual)
        for _ in range(rounds):
            polls.forget()
            polls.once(whole)
    finally:
        polls.daemon.close()
        engine.dispose()
    yield "nothing new", usual.medians()
    yield "every folder opened", whole.medians()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mailboxes", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--threads", type=int, default=1, help="they cost each other something; the default shows none")
    options = parser.parse_args()
    results: list[tuple[str, str, dict[str, float]]] = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench")))
        stack.enter_context(watched(options.mailboxes + 1_000))
        dovecot = stack.enter_context(CrowdedDovecot(options.mailboxes))
        postgres = stack.enter_context(PrivatePostgres())
        fleets = {
            "SQLite": Fleet(dovecot, f"sqlite:///{folder}/polls.sqlite", folder),
            "PostgreSQL": Fleet(dovecot, postgres.create_database("polls"), folder),
        }
        # The first sign-in of a user makes its folders.
        floor(dovecot, 1)
        results += [
            (connection, "imapclient alone", parts) for connection, parts in floor(dovecot, options.rounds).items()
        ]
        for connection in (FRESH, KEPT):
            for database, fleet in fleets.items():
                for look, parts in ours(fleet, options.rounds, options.threads, push=connection == KEPT):
                    results.append((connection, f"a poll, {look}, {database}", parts))
                    print(connection, look, database, parts, file=sys.stderr)
    rows = [{"connection": connection, "what": what, "cpu_ms": parts} for connection, what, parts in results]
    (ROOT / "bench" / "polls.json").write_text(json.dumps(rows, indent=1) + "\n")
    print("| Connection | What | CPU ms | of which |\n|---|---|---|---|")
    for connection, what, parts in results:
        shares = ", ".join(f"{name}: {value:.2f}" for name, value in parts.items())
        print(f"| {connection} | {what} | {sum(parts.values()):.2f} | {shares} |")


if __name__ == "__main__":
    main()
