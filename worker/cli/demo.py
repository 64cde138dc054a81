"""`demo`: the main job on a sample mailbox, polled for real, with nothing to install."""

from __future__ import annotations

import os
import secrets
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from classifier.judge import ReplyJudge
from classifier.verdict import Evidence
from config.settings import Settings, read
from models.migrate import upgrade
from models.session import open_engine, reading, transaction
from models.tables.mail import VERDICT_OF_MESSAGE, InboundMessage, MessageState, VerdictRow
from models.tables.mailboxes import Mailbox
from models.tables.mailing import Campaign, Contact, Recipient
from models.tables.people import Role
from models.tables.standing import DneEntry, StatusChange
from worker.apply import Applied
from worker.cli.common import DEFAULT_TEAM, act, make_team, now, team_id
from worker.cli.extras import install
from worker.daemon.due import success, write_results
from worker.daemon.ticks import Pauses
from worker.demo.sample import AUTHSERV_ID, MAILBOX, OPT_OUT_ALIAS, Sample, load
from worker.demo.server import Address, serving
from worker.errands.service import poll_by_id, station
from worker.learning.artifacts import open_classifier
from worker.queries.figures import count_all
from worker.queries.story import Wanted, list_recipients, list_reviews
from worker.reading.visit import Watch
from worker.rules import rules_of
from worker.secrets.vault import new_key, vault_of
from worker.sending.sends import import_sends
from worker.sending.sends_file import read_sends
from worker.writing.stored import load_verdict

MOST = 1_000
USER = "demo"
"""Who may sign in to the console."""
COLOURS = {
    "Interested": "green", "Engaged": "cyan", "Not Interested": "yellow", "Unsubscribed": "red", "Bounced": "red",
    "Removed": "red", "Out of Office": "blue", "Auto Response": "blue",
}  # fmt: skip


@click.command()
def demo() -> None:
    """Poll a sample mailbox for real and show what was found, why, and what follows from it.

    An IMAP server inside this process holds some forty invented mails; the database is a SQLite file in a temporary
    folder, which is kept so that you can look around in it.
    """
    moment = now()
    sample = load(moment)
    path = Path(tempfile.mkdtemp(prefix="inbox-worker-demo-")) / "demo.sqlite"
    # Nothing is left to chance: everybody sees the same demo.
    settings = read(database_url=f"sqlite:///{path}", log_level="ERROR", review_share=0.0, secret_keys=new_key())
    engine = open_engine(settings.database_url.get_secret_value())
    upgrade(engine)
    done = Applied()
    with serving((), ()) as server:
        mailbox_id = _add_mailbox(engine, settings, server)
        life = _Life(engine, settings, open_classifier(settings), mailbox_id, path.with_name("sends.jsonl"))
        for evening, day in sample.days():
            server.deliver(day.inbox, day.sent)
            done.add(life.live(day, evening))
    password = _furnish(engine, mailbox_id, moment)
    console = Console(width=None if sys.stdout.isatty() else 160, highlight=False)
    with reading(engine) as session:
        _tell(console, session, done)
    engine.dispose()
    console.print(
        Panel(_next_steps(settings, path, password), title="Look around", title_align="left", border_style="dim")
    )


def _add_mailbox(engine: Engine, settings: Settings, address: Address) -> int:
    with transaction(engine) as session:
        mailbox = Mailbox(
            team_id=make_team(session, DEFAULT_TEAM), name=MAILBOX, host=address.host, port=address.port,
            security="plain", username=address.username, password=vault_of(settings).seal(address.password),
            addresses=[], opt_out_aliases=[OPT_OUT_ALIAS], authserv_ids=[AUTHSERV_ID], folders=[], sent_folder="Sent",
        )  # fmt: skip
        session.add(mailbox)
        session.flush()
        return mailbox.id


@dataclass(frozen=True, slots=True)
class _Life:
    """What the sending side and a daemon would have done all the while: statuses and figures get a past by it."""

    engine: Engine
    settings: Settings
    judge: ReplyJudge
    mailbox_id: int
    file: Path
    """Where sends are written for their import."""

    def live(self, day: Sample, at: datetime) -> Applied:
        """Take in what was sent and came on a day by its end, and count the day."""
        self.file.write_text(day.sends_file(), "utf-8")
        with transaction(self.engine) as session:
            rules = rules_of(self.settings, team_id(session, DEFAULT_TEAM))
            import_sends(session, rules, read_sends(self.file, {MAILBOX: self.mailbox_id}), at)
        where = station(self.engine, self.settings, Watch(clock=lambda: at))
        report = poll_by_id(where, self.judge, self.mailbox_id)
        Pauses(self.engine, lambda: at).end()
        count_all(self.engine, at)
        return report.applied


def _furnish(engine: Engine, mailbox_id: int, moment: datetime) -> str | None:
    """Do what the daemon does after a poll, and add somebody who may sign in to the console; return the password.

    Where the console is not installed nobody is added.
    """
    Pauses(engine, lambda: moment).end()
    write_results(engine, {mailbox_id: success(moment, moment)})
    count_all(engine, moment)
    if not find_spec("argon2"):
        return None
    from worker.people.users import add_user  # noqa: PLC0415 - comes with the console

    password = secrets.token_urlsafe(9)
    with transaction(engine) as session:
        add_user(session, team_id(session, DEFAULT_TEAM), USER, Role.ADMIN, act(), password)
    return password


def _tell(console: Console, session: Session, done: Applied) -> None:
    states = ", ".join(f"{count} {state}" for state, count in done.states.items() if count)
    team = team_id(session, DEFAULT_TEAM)
    console.print(f"\nPolled [bold]{MAILBOX}[/] over IMAP, day by day: {states}.\n")
    console.print(_table("What came back", ("from", "subject", "verdict", "because"), _messages(session)))
    console.print(
        _table("Recipients", ("recipient", "campaign", "status", "sequence", "because"), _people(session, team))
    )
    console.print(_table("Do Not Email", ("address", "reason", "because"), _entries(session)))
    console.print(
        _table("For a person to look at", ("recipient", "why", "sequence held", "mail"), _reviews(session, team))
    )


def _table(title: str, columns: Sequence[str], rows: Iterator[Sequence[str]]) -> Table:
    table = Table(title=f"[bold]{title}[/]", title_justify="left", header_style="dim", expand=True)
    for column in columns:
        table.add_column(column, overflow="fold", ratio=3 if column == "because" else None)
    for row in rows:
        table.add_row(*(_coloured(cell) for cell in row))
    return table


def _coloured(cell: str) -> str:
    colour = COLOURS.get(cell)
    return f"[{colour}]{cell}[/]" if colour else escape(cell)


def _messages(session: Session) -> Iterator[Sequence[str]]:
    query = select(InboundMessage, VerdictRow).join(VerdictRow, VERDICT_OF_MESSAGE).order_by(InboundMessage.arrived_at)
    for message, row in session.execute(query):
        verdict = load_verdict(row.kind, row.details)
        named = f"{row.kind}: {row.reply_class}" if row.reply_class else row.kind.replace("_", " ")
        unmatched = " (not about anybody we mailed)" if message.state is MessageState.UNMATCHED else ""
        yield message.from_address or "", message.subject, named, _because(verdict.evidence) + unmatched


def _because(evidence: Sequence[Evidence]) -> str:
    return "; ".join(f"{each.detector}: {each.because}" for each in evidence)


def _people(session: Session, team: int) -> Iterator[Sequence[str]]:
    """Yield everybody who is not simply Active, with the newest reason."""
    query = (
        select(StatusChange, Campaign.key, Contact.address)
        .join(Recipient, Recipient.id == StatusChange.recipient_id)
        .join(Campaign, Campaign.id == Recipient.campaign_id)
        .join(Contact, Contact.id == Recipient.contact_id)
        .order_by(StatusChange.id)
    )
    reasons = {(key, address): "; ".join(change.because) for change, key, address in session.execute(query)}
    for row in list_recipients(session, team, Wanted(unlisted=True), MOST):
        sequence = f"{row['sequence']} until {row['until']:%Y-%m-%d}" if row["until"] else str(row["sequence"])
        because = reasons.get((row["campaign"], row["address"]), "no answer yet")
        yield row["address"], row["campaign"], str(row["status"]), sequence, because


def _entries(session: Session) -> Iterator[Sequence[str]]:
    for entry in session.scalars(select(DneEntry).order_by(DneEntry.target)):
        yield entry.target, entry.reason.value, entry.note or ""


def _reviews(session: Session, team: int) -> Iterator[Sequence[str]]:
    for row in list_reviews(session, team):
        yield row["address"], str(row["kind"]), "yes" if row["holds"] else "no", row["subject"] or ""


def _next_steps(settings: Settings, path: Path, password: str | None) -> str:
    # In a virtual environment that is not active the command has to be called by its path.
    program = "inbox-worker" if shutil.which("inbox-worker") else os.path.relpath(sys.argv[0])
    if password is None:
        pages = f"Pages for people: {escape(install('console'))}"
    else:
        pages = (
            f"{program} console\n\nThen open http://{settings.console_host}:{settings.console_port}"
            f" and sign in as {USER}, password {password}"
        )
    return (
        f"The database is {path}\n\n"
        f"export INBOX_DATABASE_URL=sqlite:///{path}\n"
        f"{program} recipients list\n{program} recipients show ADDRESS\n{program} review list\n"
        f"{pages}"
    )
