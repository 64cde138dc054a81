"""Findings about the database itself: what it is, and whether it is set up for this program."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import URL, func, select, text
from sqlalchemy.orm import Session

from config.settings import Settings, is_here
from models.partitions import any_beside, missing_months, month_of
from models.tables.mailboxes import Mailbox
from worker.doctor.places import mount_table, network_file_system
from worker.watch.health import Finding, notable, well, wrong

OLDEST = 13
"""Of PostgreSQL: the job engine asks for it."""
BESIDE = 63
"""Connections of a daemon besides those of its polls, at most: 12 steps, 48 deliveries, 3 of the job engine."""
MOST_APART = timedelta(seconds=10)
"""How far clocks may be apart: leases and pauses go by them."""
_RESERVED = ("superuser_reserved_connections", "reserved_connections")


def sqlite(session: Session, path: Path) -> Iterator[Finding]:
    """Find whether readers and the writer of a SQLite file leave each other alone."""
    mode = session.connection().exec_driver_sql("PRAGMA journal_mode").scalar_one()
    says = f"{sqlite3.sqlite_version}, journal mode {mode}, {path.stat().st_size / 1e6:,.1f} MB"
    shared = network_file_system(path.resolve(), mount_table())
    move = "move the file to a disk of this machine; for several machines use PostgreSQL"
    if shared:
        yield wrong("sqlite", f"{path} lies on a network file system ({shared}), which can destroy it", move)
    elif mode != "wal":
        yield wrong("sqlite", f"{says}: it should be wal, so that nobody who reads holds up the writer", move)
    else:
        yield well("sqlite", says)


def integrity(session: Session) -> Finding:
    """Read all of a SQLite file and find whether it is whole."""
    said = list(session.connection().exec_driver_sql("PRAGMA quick_check(5)").scalars())
    if said == ["ok"]:
        return well("integrity", "the file is whole")
    step = "stop everything that runs, keep the file, and restore a backup (docs/operate.md)"
    return wrong("integrity", f"the file is damaged: {'; '.join(said)}", step)


def postgresql(session: Session, url: URL, settings: Settings, now: datetime) -> Iterator[Finding]:
    """Find whether a PostgreSQL is set up for this program."""
    shown = _settings(session)
    yield version(int(shown["server_version_num"]), shown["server_version"])
    yield from encoding(session)
    room = int(shown["max_connections"]) - sum(int(shown.get(name, 0)) for name in _RESERVED)
    if settings.poll_threads + BESIDE > room:
        says = f"one daemon may open {settings.poll_threads + BESIDE} connections, and the server takes {room} in all"
        yield notable("connections", says, "raise max_connections of PostgreSQL, or lower INBOX_POLL_THREADS")
    encrypted = session.scalar(text("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"))
    if not encrypted and not _is_local(url):
        says = f"mail and addresses go to {url.host} unencrypted"
        yield notable(
            "encryption", says, "let PostgreSQL speak TLS, and add ?sslmode=verify-full to INBOX_DATABASE_URL"
        )
    yield from _months(session, now)


def clock(session: Session, now: datetime) -> Iterator[Finding]:
    """Find whether this machine's clock agrees with the database's, and with what was written down before.

    Args:
        session: reads only.
        now: what this machine says.
    """
    step = "set this machine's clock right (timedatectl status)"
    if session.get_bind().dialect.name == "postgresql":
        theirs: datetime = session.execute(text("SELECT clock_timestamp()")).scalar_one()
        if abs(theirs - now) > MOST_APART:
            says = f"this machine says {now:%Y-%m-%d %H:%M:%SZ}, the database {theirs:%Y-%m-%d %H:%M:%SZ}"
            yield wrong("clock", says, f"{step}, or the database's")
    newest = session.scalar(select(func.max(Mailbox.last_success_at)))
    if newest is not None and newest > now + MOST_APART:
        says = f"this machine says {now:%Y-%m-%d %H:%M:%SZ}, and a poll ended at {newest:%Y-%m-%d %H:%M:%SZ}"
        yield wrong("clock", f"{says}: it was wrong then, or is now", step)


def version(number: int, name: str) -> Finding:
    """Find whether a PostgreSQL is new enough; its number is 150018 where its name is 15.18."""
    if number // 10_000 >= OLDEST:
        return well("postgresql", name)
    return wrong("postgresql", f"{name} is too old", f"move to version {OLDEST} or newer")


def encoding(session: Session) -> Iterator[Finding]:
    """Find whether the database can hold every letter."""
    name = session.scalar(text("SHOW server_encoding"))
    if name != "UTF8":
        says = f"the database is encoded as {name}, which cannot hold every mail"
        yield wrong(
            "encoding", says, "make a new one (createdb --template=template0 --encoding=UTF8) and move the data"
        )


def _settings(session: Session) -> dict[str, str]:
    return {row.name: row.setting for row in session.execute(text("SELECT name, setting FROM pg_settings"))}


def _months(session: Session, now: datetime) -> Iterator[Finding]:
    missing = list(missing_months(session, now))
    step = "start inbox-worker run: it makes them every ten minutes; its log says what keeps it"
    says = f"partitions are missing: {', '.join(month.name for month in missing)}"
    if any(month.since == month_of(now) for month in missing):
        yield wrong("months", f"{says}; what comes lies beside the months meanwhile", step)
    elif missing:
        yield notable("months", says, step)
    elif any_beside(session, month_of(now)):
        yield notable("months", "rows of this month lie beside the months, and cannot go with them", step)


def _is_local(url: URL) -> bool:
    """Say whether a connection stays on this machine; without a host, or with a folder for one, it is a socket."""
    host = str(url.host or url.query.get("host") or "")
    return not host or host.startswith("/") or is_here(host)
