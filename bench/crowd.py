"""Very many mailboxes on one private server, and the real daemon over them.

Mail is delivered as a mail server's delivery agent does it: by renaming a file into a Maildir, which costs next to
nothing. When a mail's event was committed is what PostgreSQL itself noted (`track_commit_timestamp`).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

import psycopg
from cryptography.fernet import Fernet
from sqlalchemy import insert, make_url, select

from bench.processes import PYTHON, ROOT, Daemon
from models.session import open_engine, transaction
from models.tables.mailboxes import Mailbox
from tests.servers import PASSWORD, PrivateDovecot, PrivatePostgres

OURS = "box{}@outreach.example"
INOTIFY = Path("/proc/sys/fs/inotify/max_user_instances")

# Each session is a process that watches its folder by inotify; the logins stay as the ends of the TLS connections.
CROWD = """
mail_location = maildir:{folder}/mail/%u
mailbox_idle_check_interval = {idle_seconds} secs
default_process_limit = {processes}
default_client_limit = {clients}
mail_max_userip_connections = 20
service imap {{
  process_limit = {processes}
}}
service imap-login {{
  service_count = 0
  process_limit = 2
  process_min_avail = 2
  client_limit = {clients}
}}
"""


class CrowdedDovecot(PrivateDovecot):
    """A Dovecot with Maildirs for the users box0 to box<mailboxes - 1>, each of whom may wait for mail at once."""

    def __init__(self, mailboxes: int) -> None:
        super().__init__()
        self.mailboxes = mailboxes
        self.spool = self.folder / "mail" / "spool"

    def restart(self) -> None:
        """Stop, which ends every connection, and start again on the same ports with the same mail."""
        self.down()
        self.up()

    def kick_some(self, mask: str) -> None:
        """Break the connections of the users that the mask (box7*) means."""
        command = ["doveadm", "-c", str(self.folder / "dovecot.conf"), "kick", mask]
        subprocess.run(command, check=False, capture_output=True)

    def put_aside(self, number: int, raw: bytes) -> None:
        """Write a mail where `give` takes it from."""
        path = self.spool / str(number)
        path.write_bytes(raw)
        own(path)

    def give(self, number: int, box: int) -> float:
        """Deliver a mail that was put aside; return when it lay in the mailbox, in seconds since 1970."""
        aside, mailbox = self.spool / str(number), self.folder / "mail" / f"box{box}"
        os.utime(aside)
        aside.rename(mailbox / "new" / f"{time.time():.6f}.M{number}.bench")
        return time.time()

    def _run(self, command: list[str], port: int, user: str | None = None) -> None:
        room = self.mailboxes + 500
        more = CROWD.format(
            folder=self.folder, idle_seconds=1 if instances() < room else 30, processes=2 * room, clients=4 * room
        )
        with (self.folder / "dovecot.conf").open("a") as conf:
            conf.write(more)
        for name in (*(f"box{n}/{part}" for n in range(self.mailboxes) for part in ("cur", "new", "tmp")), "spool"):
            (self.folder / "mail" / name).mkdir(parents=True)
        own(*(self.folder / "mail").rglob("*"))
        super()._run(command, port, user)


def own(*paths: Path) -> None:
    """Give files to the user whose mail they are."""
    if os.geteuid() == 0:
        for path in paths:
            shutil.chown(path, "mail", "mail")


def instances() -> int:
    """Return how many processes of one user may watch a folder; past that Dovecot looks every so many seconds."""
    return int(INOTIFY.read_text())


@contextmanager
def watched(wanted: int) -> Iterator[None]:
    """Let as many processes watch folders as wanted, where this user may say so."""
    before = instances()
    if before < wanted:
        with suppress(OSError):
            INOTIFY.write_text(str(wanted))
    try:
        yield
    finally:
        with suppress(OSError):
            INOTIFY.write_text(str(before))


class NotingPostgres(PrivatePostgres):
    """A PostgreSQL that notes when each transaction was committed."""

    def _run(self, command: list[str], port: int, user: str | None = None) -> None:
        super()._run([*command, "-c", "track_commit_timestamp=on"], port, user)


class Crowd(Protocol):
    """A mail server with the users box0 to box<mailboxes - 1>, all with the password PASSWORD."""

    mailboxes: int
    host: str
    tls_port: int
    ca_file: str


class Installation:
    """The mailboxes of a crowded server in a new database, and the settings of the daemon over them.

    These are as they come, but for what a single host may be asked for: all mailboxes are on one here.
    """

    def __init__(self, crowd: Crowd, url: str, folder: Path) -> None:
        self.crowd, self.url, self.folder = crowd, url, folder
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("INBOX_")}
        self.environment = inherited | {
            "INBOX_DATABASE_URL": url,
            "INBOX_SECRET_KEYS": Fernet.generate_key().decode(),
            "INBOX_HOST_CONNECTIONS": str(2 * crowd.mailboxes),
            "INBOX_HOST_CONNECTS_A_SECOND": "1000",
        }
        self.run("migrate")
        self._add_mailboxes()

    def run(self, *words: str) -> str:
        """Run a command to its end; return what it printed."""
        done = subprocess.run(
            [*PYTHON, "-m", "worker", *words],
            env=self.environment, cwd=ROOT, check=False, capture_output=True, text=True,
        )  # fmt: skip
        if done.returncode:
            raise SystemExit(f"{' '.join(words)} failed: {done.stdout}{done.stderr}")
        return done.stdout

    def daemon(self) -> Daemon:
        return Daemon(self.environment, self.folder / "daemon.log")

    @contextmanager
    def rows(self) -> Iterator[psycopg.Connection]:
        """Connect to the database, a PostgreSQL."""
        url = make_url(self.url)
        with psycopg.connect(host=url.host, port=url.port, user=url.username, dbname=url.database) as connection:
            connection.autocommit = True
            yield connection

    def ask(self, query: str) -> int:
        """Return the one number that a query gives."""
        with self.rows() as connection:
            row = connection.execute(query.encode()).fetchone()
            return int(row[0]) if row else 0

    def all_read(self) -> bool:
        """Say whether every mailbox was read successfully at least once."""
        return not self.ask("SELECT count(*) FROM mailbox WHERE last_success_at IS NULL")

    def _add_mailboxes(self) -> None:
        """Add one mailbox by the command; the others are copies of its row, since the command takes half a second."""
        password = self.folder / "password"
        password.write_text(PASSWORD)
        self.run(
            "mailboxes", "add", OURS.format(0), "--host", self.crowd.host, "--port", str(self.crowd.tls_port),
            "--username", "box0", "--password-file", str(password), "--ca-file", self.crowd.ca_file,
        )  # fmt: skip
        engine = open_engine(self.url)
        with transaction(engine) as session:
            row = session.execute(select(Mailbox.__table__)).mappings().one()
            same = {name: value for name, value in row.items() if name != "id"}
            others = range(1, self.crowd.mailboxes)
            session.execute(insert(Mailbox), [same | {"name": OURS.format(n), "username": f"box{n}"} for n in others])
        engine.dispose()


class Fleet(Installation):
    """The mailboxes of a crowded Dovecot."""

    def __init__(self, dovecot: CrowdedDovecot, url: str, folder: Path) -> None:
        self.dovecot = dovecot
        super().__init__(dovecot, url, folder)
