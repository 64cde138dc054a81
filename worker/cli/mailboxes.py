"""`mailboxes`: add, change, list, check, pause, resume, remove."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from models.session import reading, transaction
from models.tables import InboundMessage, Mailbox, SentMessage, Team
from worker.check import check
from worker.cli.common import DEFAULT_TEAM, find_mailbox, make_team, now, start
from worker.cli.findings import print_findings
from worker.cli.listing import limit_option, listing
from worker.cli.mailbox_options import PORTS, ask_password, columns_of, connection_options
from worker.cli.output import as_json
from worker.errors import InputError
from worker.health import state_of
from worker.poll import account_of
from worker.sends import ADDRESS


@click.group()
def mailboxes() -> None:
    """The IMAP accounts that campaigns are sent from and answered to."""


@mailboxes.command()
@click.argument("name")
@click.option("--host", required=True, help="IMAP server.")
@click.option("--team", default=DEFAULT_TEAM, show_default=True, help="Team it belongs to; made when it is new.")
@connection_options
def add(name: str, team: str, password_file: Path | None, **given: Any) -> None:
    """Add the mailbox NAME, which is its address."""
    name = name.strip().lower()
    if not ADDRESS.fullmatch(name):
        raise click.UsageError(f"NAME is the mailbox's address, and {name!r} is none")
    columns = columns_of(given, password_file)
    if "password" not in columns:
        columns["password"] = ask_password(name)
    security = columns.setdefault("security", "tls")
    defaults = {"port": PORTS[security], "username": name}
    _, engine = start()
    with transaction(engine) as session:
        if session.scalar(select(Mailbox.id).where(func.lower(Mailbox.name) == name)):
            raise InputError(f"the mailbox {name} is there already; change it with: inbox-worker mailboxes set {name}")
        session.add(Mailbox(name=name, team_id=make_team(session, team), **(defaults | columns)))
    click.echo(f"{name} added; see that it works: inbox-worker mailboxes check {name}")
    _warn(security)


@mailboxes.command("set")
@click.argument("name")
@click.option("--host", help="IMAP server.")
@connection_options
def set_(name: str, password_file: Path | None, **given: Any) -> None:
    """Change what is given of the mailbox NAME; a repeatable option replaces all earlier values."""
    columns = columns_of(given, password_file)
    if not columns:
        raise click.UsageError("give at least one option to change")
    _, engine = start()
    with transaction(engine) as session:
        mailbox = find_mailbox(session, name)
        if "security" in columns and mailbox.port == PORTS[mailbox.security]:
            columns.setdefault("port", PORTS[columns["security"]])
        for column, value in columns.items():
            setattr(mailbox, column, value)
        mailbox.next_poll_at = None
    click.echo(f"{mailbox.name}: {', '.join(sorted(columns))} set; see that it works: "
               f"inbox-worker mailboxes check {mailbox.name}")  # fmt: skip
    _warn(columns.get("security"))


@mailboxes.command("list")
@click.option("--team", help="Only this team.")
@limit_option
@as_json
def list_(team: str | None, limit: int, as_json: bool) -> None:
    """List the mailboxes and how polling them fares."""
    _, engine = start()
    query = select(Mailbox, Team.name).join(Team, Team.id == Mailbox.team_id).order_by(Mailbox.name).limit(limit + 1)
    if team:
        query = query.where(Team.name == team)
    with reading(engine) as session:
        rows = [_row(mailbox, name) for mailbox, name in session.execute(query)]
    columns = ("name", "team", "host", "state", "last_success_at", "failures", "last_error")
    listing("mailboxes", columns, rows, as_json=as_json, limit=limit)


@mailboxes.command("check")
@click.argument("name")
@as_json
def check_(name: str, as_json: bool) -> None:
    """Try the mailbox NAME step by step, the way a poll goes; changes nothing."""
    settings, engine = start()
    with reading(engine) as session:
        mailbox = find_mailbox(session, name)
    print_findings(check(mailbox, account_of(mailbox, settings)), as_json=as_json)


@mailboxes.command()
@click.argument("name")
def pause(name: str) -> None:
    """Leave the mailbox NAME alone until `resume`."""
    _, engine = start()
    with transaction(engine) as session:
        mailbox = find_mailbox(session, name)
        mailbox.paused_at = mailbox.paused_at or now()
    click.echo(f"{mailbox.name} is paused")


@mailboxes.command()
@click.argument("name")
def resume(name: str) -> None:
    """Poll the mailbox NAME again, at once."""
    _, engine = start()
    with transaction(engine) as session:
        mailbox = find_mailbox(session, name)
        mailbox.paused_at = mailbox.next_poll_at = None
    click.echo(f"{mailbox.name} is polled again")


@mailboxes.command()
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
def remove(name: str, yes: bool) -> None:
    """Remove the mailbox NAME with the record of its mail; sends, events, statuses and Do Not Email stay."""
    _, engine = start()
    with reading(engine) as session:
        mailbox = find_mailbox(session, name)
        mails, sends = (_count(session, table, mailbox.id) for table in (InboundMessage, SentMessage))
    click.echo(
        f"{mailbox.name}: the record of {mails} messages and their verdicts goes; {sends} sends stay, and so does what"
        " the mail caused (events, statuses, history, Do Not Email). The mail itself is not touched."
    )
    if not yes:
        click.confirm(f"Remove {mailbox.name}?", abort=True)
    with transaction(engine) as session:
        session.execute(delete(Mailbox).where(Mailbox.id == mailbox.id))
    click.echo(f"{mailbox.name} removed")


def _warn(security: str | None) -> None:
    if security == "plain":
        click.echo("warning: with plain the password crosses the network readable by anyone on the way", err=True)


def _count(session: Session, table: type[InboundMessage | SentMessage], mailbox_id: int) -> int:
    return session.scalar(select(func.count()).where(table.mailbox_id == mailbox_id)) or 0


def _row(mailbox: Mailbox, team: str) -> dict[str, Any]:
    """Return everything about a mailbox but its password."""
    names = ("name", "host", "port", "security", "username", "addresses", "opt_out_aliases", "authserv_ids", "folders")
    health = ("paused_at", "next_poll_at", "last_success_at", "last_error", "failures")
    row = {name: getattr(mailbox, name) for name in (*names, "sent_folder", "learn_sends", "ca_file", *health)}
    return row | {"team": team, "state": state_of(mailbox)}
