"""Statuses at scale: folding everybody anew, asking who may not be mailed, importing a long Do Not Email list.

    python -m bench.statuses [--size 1000000]

Three sizes (10 %, 30 % and all of it) on both databases show how time grows. Prints a table and writes
bench/statuses.json.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from models.events import Bounced, DneReason, EventKind, SequenceState, Status, Trust
from models.migrate import upgrade
from models.rows import bulk_insert
from models.session import open_engine, reading, refresh_statistics, transaction
from models.tables.mailing import Campaign, Contact, Recipient, SentMessage
from models.tables.people import Team
from models.tables.standing import DneEntry, RecipientEvent
from tests.servers import PrivatePostgres
from worker.writing.locks import lock
from worker.writing.refold import refold
from worker.writing.suppression import is_suppressed, suppressed

ROOT = Path(__file__).parent.parent
SIZE = 1_000_000
SHARES = (0.1, 0.3, 1.0)
CAMPAIGNS = 10
A_CONTACT = 2
"""Campaigns that each contact is in."""
PART = 500
ASKED = 100_000
SENT_AT = datetime(2026, 5, 4, 9, tzinfo=UTC)
NOW = SENT_AT + timedelta(days=30)

RECIPIENT = ("id", "team_id", "changed_at", "campaign_id", "contact_id", "status", "removed_by_person", "sequence",
             "listed")  # fmt: skip
SEND = ("id", "team_id", "recipient_id", "send_id", "subject_key", "sent_at")
ENTRY = ("team_id", "target", "reason", "source", "since", "recorded_at")
EVENT = ("recipient_id", "key", "kind", "happened_at", "status", "sure", "ends", "until", "dated", "bounce", "trust",
         "sampled", "because", "recorded_at")  # fmt: skip


@dataclass(frozen=True)
class Figure:
    database: str
    recipients: int
    what: str
    value: float
    unit: str


def address(number: int) -> str:
    return f"user{number}@firm{number % 20_000}.example"


def fill(engine: Engine, recipients: int) -> None:
    contacts = recipients // A_CONTACT
    with transaction(engine) as session:
        session.add(Team(id=1, name="default"))
        session.flush()
        session.add_all(Campaign(id=n, team_id=1, key=f"c{n}", name=f"c{n}") for n in range(1, CAMPAIGNS + 1))
        addresses = ((n, 1, address(n), address(n).rpartition("@")[2]) for n in range(1, contacts + 1))
        bulk_insert(session, Contact.__table__, ("id", "team_id", "address", "domain"), addresses)
        bulk_insert(session, Recipient.__table__, RECIPIENT, rows_of_recipients(contacts))
        sends = ((n, 1, n, f"s{n}", "our offer", SENT_AT) for n in range(1, contacts * A_CONTACT + 1))
        bulk_insert(session, SentMessage.__table__, SEND, sends)
        bulk_insert(session, RecipientEvent.__table__, EVENT, events(contacts * A_CONTACT))
        entries = ((1, f"old{n}@firm{n % 20_000}.example", DneReason.IMPORT, "old", SENT_AT, SENT_AT)
                   for n in range(recipients // 2))  # fmt: skip
        bulk_insert(session, DneEntry.__table__, ENTRY, entries)
    refresh_statistics(engine)


def rows_of_recipients(contacts: int) -> Iterator[tuple[Any, ...]]:
    """So many recipients of each contact, in different campaigns."""
    for n in range(1, contacts * A_CONTACT + 1):
        campaign, contact = (n + n // contacts) % CAMPAIGNS + 1, (n - 1) % contacts + 1
        yield n, 1, SENT_AT, campaign, contact, Status.ACTIVE, False, SequenceState.RUNNING, True


def events(recipients: int) -> Iterator[tuple[Any, ...]]:
    """Three events for each: it joined, its mail was delivered, and something came back."""
    chance = random.Random(1)  # noqa: S311 - the same data every time
    answers: list[tuple[EventKind, Status | None, Bounced | None]] = [
        (EventKind.REPLY, Status.ENGAGED, None),
        (EventKind.REPLY, Status.INTERESTED, None),
        (EventKind.REPLY, Status.NOT_INTERESTED, None),
        (EventKind.AUTO_REPLY, None, None),
        (EventKind.ABSENCE, None, None),
        (EventKind.BOUNCE, None, Bounced.HARD),
        (EventKind.BOUNCE, None, Bounced.SOFT),
        (EventKind.OPT_OUT, None, None),
        (EventKind.OPENED, None, None),
    ]
    weights = (10, 5, 10, 20, 15, 3, 5, 2, 30)
    for n in range(1, recipients + 1):
        kind, status, bounce = chance.choices(answers, weights)[0]
        at = SENT_AT + timedelta(hours=chance.randrange(1, 600))
        until = at + timedelta(days=7) if kind is EventKind.ABSENCE else None
        yield event(n, "joined", EventKind.JOINED, SENT_AT - timedelta(days=1))
        yield event(n, "delivered", EventKind.DELIVERED, SENT_AT + timedelta(minutes=1))
        yield event(n, "answer", kind, at, status, until, bounce)


def event(  # noqa: PLR0913, PLR0917 - what differs between the kinds
    recipient: int, name: str, kind: EventKind, at: datetime, status: Status | None = None,
    until: datetime | None = None, bounce: Bounced | None = None,
) -> tuple[Any, ...]:  # fmt: skip
    return (recipient, f"{name}-{recipient}", kind, at, status, True, kind is EventKind.REPLY, until, False, bounce,
            Trust.ACTS, False, ["made for a benchmark"], NOW)  # fmt: skip


def fold_everybody(engine: Engine, contacts: int) -> None:
    for first in range(1, contacts + 1, PART):
        with transaction(engine) as session:
            refold(session, lock(session, range(first, min(first + PART, contacts + 1))), NOW)


def seconds(do: Callable[[], object]) -> float:
    start = time.perf_counter()
    do()
    return time.perf_counter() - start


def ask(engine: Engine, contacts: int) -> tuple[float, float]:
    """Return the seconds for very many addresses at once, and the median milliseconds for a single one."""
    chance = random.Random(2)  # noqa: S311 - the same questions every time
    known = [address(chance.randrange(1, contacts + 1)) for _ in range(ASKED // 2)]
    banned = [f"old{n}@firm{n % 20_000}.example" for n in (chance.randrange(contacts) for _ in range(ASKED // 2))]
    with reading(engine) as session:
        together = seconds(lambda: suppressed(session, 1, known + banned))
        single = [seconds(lambda each=each: is_suppressed(session, 1, each)) for each in (known + banned)[::100]]
    return together, 1000 * statistics.median(single)


def write_list(path: Path, rows: int) -> None:
    """Write a list of which one row in a hundred names a contact."""
    with path.open("w") as file:
        file.write("email,reason\n")
        file.writelines(
            f"{address(n) if n % 100 == 0 else f'gone{n}@firm{n % 20_000}.example'},an older system\n"
            for n in range(1, rows + 1)
        )


def import_list(url: str, path: Path) -> tuple[float, float]:
    """Return the seconds and the peak memory (MB) of an import by the command, in a process of its own."""
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "worker", "dne", "import", str(path), "--json"],
        env=os.environ | {"INBOX_DATABASE_URL": url}, cwd=ROOT, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit("the import failed")
    return time.perf_counter() - start, usage.ru_maxrss / 1024


def measure(database: str, url: str, recipients: int, folder: Path) -> Iterator[Figure]:
    contacts = recipients // A_CONTACT
    engine = open_engine(url)
    upgrade(engine)
    fill(engine, recipients)

    def figure(what: str, value: float, unit: str) -> Figure:
        return Figure(database, recipients, what, value, unit)

    yield figure("first fold", recipients / seconds(lambda: fold_everybody(engine, contacts)), "recipients/s")
    yield figure("recompute", recipients / seconds(lambda: fold_everybody(engine, contacts)), "recipients/s")
    together, single = ask(engine, contacts)
    yield figure(f"suppressed, {ASKED} addresses", together, "s")
    yield figure("is_suppressed, median", single, "ms")
    engine.dispose()
    path = folder / "list.csv"
    write_list(path, recipients)
    took, peak = import_list(url, path)
    yield figure("dne import, a row each", took, "s")
    yield figure("dne import, peak memory", peak, "MB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=SIZE, help="recipients of the largest run")
    parser.add_argument("--shares", type=float, nargs="+", default=SHARES, help="parts of it that are run")
    options = parser.parse_args()
    figures: list[Figure] = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench")))
        postgres = stack.enter_context(PrivatePostgres())
        for recipients in (int(options.size * share) for share in options.shares):
            file = folder / f"{recipients}.sqlite"
            for database, url in (
                ("SQLite", f"sqlite:///{file}"),
                ("PostgreSQL", postgres.create_database(f"statuses_{recipients}")),
            ):
                for each in measure(database, url, recipients, folder):
                    print(f"{database}, {recipients}: {each.what}: {each.value:.1f} {each.unit}", file=sys.stderr)
                    figures.append(each)
            file.unlink()
            postgres.drop_database(f"statuses_{recipients}")
    (ROOT / "bench" / "statuses.json").write_text(json.dumps([asdict(each) for each in figures], indent=1) + "\n")
    sizes = sorted({each.recipients for each in figures})
    print("| What | Database |" + "".join(f" {size} |" for size in sizes))
    print("|---|---|" + "---|" * len(sizes))
    for what, database, unit in dict.fromkeys((each.what, each.database, each.unit) for each in figures):
        values = {each.recipients: each.value for each in figures if (each.what, each.database) == (what, database)}
        print(f"| {what} | {database} |" + "".join(f" {values[size]:.1f} {unit} |" for size in sizes))


if __name__ == "__main__":
    main()
