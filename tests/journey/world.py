"""A small world for journeys: a mailbox on a real server, a database, and what stands in it at the end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import chdir, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, func, select

from models.session import open_engine, reading
from models.tables.mail import InboundMessage
from models.tables.mailing import Campaign, Contact, Recipient
from models.tables.standing import DneEntry, RecipientEvent, ReviewItem
from tests.keys import SECRET_KEY
from tests.servers import MailServer
from tests.worker.commanding import Said, said

NAME = "mila@outreach.example"


@dataclass(frozen=True)
class EndState:
    """Everything that must be the same however the mail was read."""

    recipients: dict[tuple[str, str], tuple[str, str, str | None, bool]]
    dne: frozenset[tuple[str, str, str]]
    reviews: frozenset[tuple[str, str, str, str]]
    events: int


@dataclass
class World:
    """One mailbox of one user, worked on by the real command in processes of its own."""

    server: MailServer
    user: str
    database_url: str
    folder: Path
    extra: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("INBOX_")}
        ours = {"INBOX_DATABASE_URL": self.database_url, "INBOX_SECRET_KEYS": SECRET_KEY}
        return inherited | ours | self.extra

    def run(self, *words: str, check: bool = True, seconds: int = 240) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "worker", *words],
            env=self.environment, cwd=self.folder, capture_output=True, text=True, check=False, timeout=seconds,
        )  # fmt: skip
        assert not check or done.returncode == 0, f"{words}: {done.stdout}\n{done.stderr}"
        return done

    def prepare(self, *words: str, check: bool = True) -> Said:
        """Run a command in this process: what is not the journey itself, since each process takes a second to begin."""
        foreign = {name: None for name in os.environ if name.startswith("INBOX_")}
        with chdir(self.folder):
            done = said(words, env=foreign | self.environment)
        assert not check or done.code == 0, f"{words}: {done.out}\n{done.err}"
        return done

    def start(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "worker", *words],
            env=self.environment, cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    @contextmanager
    def daemon(self) -> Iterator[subprocess.Popen[str]]:
        """A daemon over the mailbox, which polls every second."""
        self.extra |= {"INBOX_POLL_SECONDS": "1"}
        self.add_mailbox()
        process = self.start("run")
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()
                process.communicate()

    def add_mailbox(self, *more: str) -> None:
        password = self.folder / "password"
        password.write_text(self.server.password(self.user))
        self.prepare(
            "mailboxes", "add", NAME, *self.server.options, "--username", self.user, "--password-file", str(password),
            *more,
        )  # fmt: skip

    def import_sends(self, rows: Sequence[dict[str, Any]]) -> None:
        path = self.folder / "sends.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        self.prepare("sends", "import", str(path))

    def engine(self) -> Engine:
        return open_engine(self.database_url)

    def messages(self) -> int:
        engine = self.engine()
        try:
            with reading(engine) as session:
                return session.scalar(select(func.count(InboundMessage.id))) or 0
        finally:
            engine.dispose()

    def end_state(self) -> EndState:
        engine = self.engine()
        try:
            return end_state(engine)
        finally:
            engine.dispose()


def end_state(engine: Engine) -> EndState:
    with reading(engine) as session:
        whose = (
            select(Recipient.id, Campaign.key, Contact.address)
            .join(Campaign, Campaign.id == Recipient.campaign_id)
            .join(Contact, Contact.id == Recipient.contact_id)
        )
        names = {row.id: (row.key, row.address) for row in session.execute(whose)}
        recipients = {
            names[row.id]: (
                row.status.value,
                row.sequence.value,
                row.sequence_until.isoformat() if row.sequence_until else None,
                row.listed,
            )
            for row in session.scalars(select(Recipient))
        }
        live = select(DneEntry).where(DneEntry.withdrawn_at.is_(None))
        dne = frozenset((row.target, row.reason.value, row.source) for row in session.scalars(live))
        unsettled = select(ReviewItem).where(ReviewItem.closed_at.is_(None))
        reviews = frozenset(
            (*names[row.recipient_id], row.kind.value, row.event_key) for row in session.scalars(unsettled)
        )
        events = select(func.count(RecipientEvent.id)).where(RecipientEvent.retracted_at.is_(None))
        return EndState(recipients, dne, reviews, session.scalar(events) or 0)
