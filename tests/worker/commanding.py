"""Runs commands as a user does, on a database of their own, with mail that came in through the one writer."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

from click.testing import CliRunner
from sqlalchemy import Engine, delete, func, select

from classifier.verdict import Absence, Bounce, BounceKind, Evidence, OptOut, Reply, ReplyClass, Verdict
from models.session import open_engine, transaction
from models.tables.mail import VerdictRow
from models.tables.mailboxes import Mailbox
from tests.keys import VAULT
from worker.apply import Applied, Box, apply
from worker.cli import cli
from worker.cli.failures import describe
from worker.match import Clues, Family
from worker.rules import Rules
from worker.secrets.pseudonyms import carry
from worker.writing.record import Judged

BOX = "mila@outreach.example"
SENT_AT = datetime(2026, 5, 4, 9, tzinfo=UTC)
ANNA, BORIS = "anna@client.example", "boris@shop.example"


@dataclass(frozen=True)
class Said:
    """What a command answered."""

    code: int
    out: str
    err: str

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The answer of a command with --json."""
        return [json.loads(line) for line in self.out.splitlines()]


def said(words: Sequence[str], stdin: str | None = None, env: Mapping[str, str | None] | None = None) -> Said:
    """Run a command in this process; a known failure is told as the program tells it, any other is raised.

    Args:
        words: the command and what goes with it.
        stdin: what is typed.
        env: what is changed in the environment meanwhile; None takes a variable out.
    """
    result = CliRunner().invoke(cli, words, input=stdin, env=env)
    if result.exception is None or isinstance(result.exception, SystemExit):
        return Said(result.exit_code, result.stdout, result.stderr)
    line = describe(result.exception) if isinstance(result.exception, Exception) else None
    if line is None:
        raise result.exception
    return Said(1, result.stdout, result.stderr + line)


class Commands:
    """The command line in a folder of its own, over a new SQLite database."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = f"sqlite:///{folder}/inbox.sqlite"
        self._uids = count(1)

    def __call__(self, *words: str, stdin: str | None = None) -> Said:
        """Run a command; see `said`."""
        return said(words, stdin)

    def done(self, *words: str, stdin: str | None = None) -> Said:
        """Run a command that must succeed."""
        said = self(*words, stdin=stdin)
        assert said.code == 0, said
        return said

    def file(self, name: str, content: str) -> str:
        """Write a file and return its path."""
        path = self.folder / name
        path.write_text(content, encoding="utf-8")
        return str(path)

    def add_mailbox(self, name: str = BOX, *more: str) -> None:
        """Add a mailbox that nothing connects to."""
        password = self.file("password", "open sesame\n")
        self.done("mailboxes", "add", name, "--host", "127.0.0.1", "--password-file", password, *more)

    def send(self, to: str, campaign: str = "spring") -> str:
        """Import one send and return its Message-ID."""
        message_id = f"{campaign}-{to}"
        row = {"campaign": campaign, "to": to, "message_ids": [message_id], "subject": "Our offer",
               "sent_at": SENT_AT.isoformat()}  # fmt: skip
        self.done("sends", "import", self.file("sends.jsonl", json.dumps(row)))
        return message_id

    def receive(
        self, verdict: Verdict, sender: str, answers: str | None, subject: str = "Re: Our offer",
        *, arrived_at: datetime | None = None,
    ) -> Applied:  # fmt: skip
        """Take in one judged mail, two days after the sends where no time is given."""
        uid = next(self._uids)
        report = isinstance(verdict, Bounce)
        judged = Judged(
            folder="INBOX", uidvalidity=1, uid=uid, size=1_000,
            arrived_at=arrived_at or SENT_AT + timedelta(days=2, minutes=uid),
            content_hash=f"{uid:064}", message_id=f"{uid}@{sender}", from_address=sender, subject=subject,
            verdict=verdict,
            clues=Clues(
                family=Family.REPORT if report else Family.REPLY, answers=(answers,) if answers else (),
                from_address=None if report else sender, subject=subject, addresses=(sender,) if report else (),
            ),
        )  # fmt: skip
        return self.take_in(judged)

    def forget_texts(self) -> None:
        """Remove the texts of all mail, as if it were old."""
        engine = open_engine(self.url)
        with transaction(engine) as session:
            session.execute(delete(VerdictRow))
        engine.dispose()

    def take_in(self, judged: Judged) -> Applied:
        """Write one message as a poll would."""
        with self.database() as engine, transaction(engine) as session:
            box = session.scalars(select(Mailbox).where(Mailbox.name == BOX)).one()
            return apply(session, Box(box.id, box.name, Rules(team_id=box.team_id)), [judged], datetime.now(UTC))

    def count(self, table: type[Any]) -> int:
        """Count the rows of a table."""
        with self.database() as engine, transaction(engine) as session:
            return session.scalar(select(func.count()).select_from(table)) or 0

    @contextmanager
    def database(self) -> Iterator[Engine]:
        """Open the database that the commands work on."""
        engine = open_engine(self.url)
        carry(engine, VAULT)
        try:
            yield engine
        finally:
            engine.dispose()


def reply(kind: ReplyClass, confidence: float = 0.93, *, sure: bool = True, hold: bool = False) -> Reply:
    """Return what the cascade says of a person's reply."""
    words = "Tuesday would suit me."
    return Reply(
        reply_class=kind, confidence=confidence, sure=sure, hold=hold, visible_text=words, artifact="test-1",
        evidence=(Evidence("classifier", "suit me"),),
    )  # fmt: skip


OPT_OUT = OptOut(visible_text="Take me off.", evidence=(Evidence("opt_out_words", "take me off"),))
AWAY = Absence(visible_text="I am away.", evidence=(Evidence("automatic", "Auto-Submitted: auto-replied"),))
HARD = Bounce(
    kind=BounceKind.HARD, recipients=(ANNA,), reason="user_unknown", evidence=(Evidence("dsn", "status 5.1.1"),)
)
