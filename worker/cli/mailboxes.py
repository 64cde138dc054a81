"""`mailboxes`: add, change, list, check, pause, resume, remove."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from models.handling import OAuthGrant
from models.session import reading, transaction
from models.tables import InboundMessage, Mailbox, SentMessage, SignIn, Team
from worker.access import keep, signed_in
from worker.check import Opened, check
from worker.cli.common import DEFAULT_TEAM, find_mailbox, make_team, now, start
from worker.cli.consent import ask, provider_options
from worker.cli.findings import print_findings
from worker.cli.listing import limit_option, listing
from worker.cli.mailbox_options import PORTS, ask_password, columns_of, connection_options
from worker.cli.output import as_json
from worker.cli.sign_in import go_on, see_encrypted, sign_in
from worker.errors import InputError
from worker.health import state_of
from worker.imap import Account
from worker.oauth_providers import KINDS, provider_of
from worker.sends import ADDRESS
from worker.vault import vault_of


@click.group()
def mailboxes() -> None:
    """The IMAP accounts that campaigns are sent from and answered to."""


@mailboxes.command()
@click.argument("name")
@click.option("--host", help="IMAP server; known with --google and --microsoft.")
@provider_options
@click.option("--team", default=DEFAULT_TEAM, show_default=True, help="Team it belongs to; made when it is new.")
@connection_options
def add(
    name: str, team: str, provider: str | None, flow: str, password_file: Path | None, **given: Any
) -> None:  # fmt: skip
    """Add the mailbox NAME, which is its address."""
    name = name.strip().lower()
    if not ADDRESS.fullmatch(name):
        raise click.UsageError(f"NAME is the mailbox's address, and {name!r} is none")
    columns = columns_of(given, password_file)
    wanted = SignIn(provider or SignIn.PASSWORD)
    _complete(name, wanted, columns)
    settings, engine = start()
    vault = vault_of(settings)
    with reading(engine) as session:
        _see_new(session, name)
    # Also says now, and not after a person has consented, if there is no key.
    columns["password"] = vault.seal(columns["password"]) if columns["password"] else ""
    granted = None
    if wanted is not SignIn.PASSWORD:
        vault.require_key()
        granted = ask(provider_of(wanted, settings), columns["username"], flow)
    with transaction(engine) as session:
        _see_new(session, name)
        mailbox = Mailbox(name=name, team_id=make_team(session, team), sign_in=wanted, **columns)
        session.add(mailbox)
        session.flush()
        if granted:
            keep(session, mailbox.id, *granted, vault, now())
    click.echo(f"{name} added; see that it works: inbox-worker mailboxes check {name}")
    _warn(columns["security"])


mailboxes.add_command(sign_in)


@mailboxes.command("set")
@click.argument("name")
@click.option("--host", help="IMAP server.")
@connection_options
def set_(name: str, password_file: Path | None, **given: Any) -> None:
    """Change what is given of the mailbox NAME; a repeatable option replaces all earlier values."""
    columns = columns_of(given, password_file)
    if not columns:
        raise click.UsageError("give at least one option to change")
    settings, engine = start()
    if "password" in columns:
        columns["password"] = vault_of(settings).seal(columns["password"])
    with transaction(engine) as session:
        mailbox = find_mailbox(session, name)
        if "security" in columns and mailbox.port == PORTS[mailbox.security]:
            columns.setdefault("port", PORTS[columns["security"]])
        for column, value in columns.items():
            setattr(mailbox, column, value)
        if "password" in columns:
            mailbox.sign_in = SignIn.PASSWORD
            session.execute(delete(OAuthGrant).where(OAuthGrant.mailbox_id == mailbox.id))
        see_encrypted(mailbox.name, mailbox.sign_in, mailbox.security)
        go_on(mailbox)
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
    """Try the mailbox NAME step by step, the way a poll goes; changes nothing but may store a renewed access token."""
    settings, engine = start()
    with reading(engine) as session:
        mailbox = find_mailbox(session, name)

    def opening(opened: Callable[[Account], Opened]) -> Opened:
        return signed_in(engine, mailbox, settings, now(), opened)

    print_findings(check(mailbox, opening, settings.imap_timeout, now), as_json=as_json)


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
    """Poll the mailbox NAME again, at once, whether a person paused it or it was stopped as it was not let in."""
    _, engine = start()
    with transaction(engine) as session:
        mailbox = find_mailbox(session, name)
        mailbox.paused_at = None
        go_on(mailbox)
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


def _complete(name: str, wanted: SignIn, columns: dict[str, Any]) -> None:
    """Fill in what was not given of a new mailbox, or ask for it."""
    if wanted is SignIn.PASSWORD:
        if "host" not in columns:
            raise click.UsageError("give the IMAP server with --host, or say --google or --microsoft")
        if "password" not in columns:
            columns["password"] = ask_password(name)
    elif "password" in columns:
        raise click.UsageError("a mailbox signs in with --password-file, --google or --microsoft: one of them")
    else:
        columns |= {"password": "", "host": columns.get("host", KINDS[wanted].host)}
    security = columns.setdefault("security", "tls")
    see_encrypted(name, wanted, security)
    for column, value in (("port", PORTS[security]), ("username", name)):
        columns.setdefault(column, value)


def _see_new(session: Session, name: str) -> None:
    if session.scalar(select(Mailbox.id).where(func.lower(Mailbox.name) == name)):
        raise InputError(f"the mailbox {name} is there already; change it with: inbox-worker mailboxes set {name}")


def _warn(security: str | None) -> None:
    if security == "plain":
        click.echo("warning: with plain the password crosses the network readable by anyone on the way", err=True)


def _count(session: Session, table: type[InboundMessage | SentMessage], mailbox_id: int) -> int:
    return session.scalar(select(func.count()).where(table.mailbox_id == mailbox_id)) or 0


def _row(mailbox: Mailbox, team: str) -> dict[str, Any]:
    """Return everything about a mailbox but its password."""
    way = ("name", "host", "port", "security", "sign_in", "username")
    moves = ("bounces_to", "opt_outs_to")
    names = (*way, "addresses", "opt_out_aliases", "authserv_ids", "folders", "read_junk", *moves)
    health = ("paused_at", "stopped_at", "next_poll_at", "last_success_at", "last_error", "failures")
    row = {name: getattr(mailbox, name) for name in (*names, "sent_folder", "learn_sends", "ca_file", *health)}
    return row | {"team": team, "state": state_of(mailbox)}
