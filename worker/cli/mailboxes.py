"""`mailboxes`: add, change, list, check, pause, resume, remove."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from models.session import reading, transaction
from models.tables.mailboxes import SignIn
from worker.access import signed_in
from worker.acts.mailbox_columns import new_columns
from worker.acts.mailboxes import add_mailbox, change_mailbox, pause_mailbox, remove_mailbox, resume_mailbox, see_new
from worker.cli.common import DEFAULT_TEAM, act, find_mailbox, find_team, make_team, now, start
from worker.cli.consent import ask, provider_options
from worker.cli.findings import print_findings
from worker.cli.listing import limit_option, listing
from worker.cli.mailbox_options import columns_of, connection_options
from worker.cli.output import as_json
from worker.cli.passwords import ask_password
from worker.cli.sign_in import sign_in
from worker.errands.check import Opened, check
from worker.imap.account import Account
from worker.oauth.providers import provider_of
from worker.queries.mailboxes import goes_with, list_mailboxes
from worker.secrets.vault import vault_of
from worker.sending.sends import ADDRESS


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
    columns = new_columns(name, wanted, _complete(name, wanted, columns))
    settings, engine = start()
    vault = vault_of(settings)
    with reading(engine) as session:
        see_new(session, name)
    # Says now, and not after a person has consented, if there is no key.
    vault.require_key()
    granted = None
    if wanted is not SignIn.PASSWORD:
        granted = ask(provider_of(wanted, settings), columns["username"], flow)
    with transaction(engine) as session:
        add_mailbox(session, make_team(session, team), columns, vault, act(), granted)
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
    with transaction(engine) as session:
        mailbox = find_mailbox(session, name)
        names = change_mailbox(session, mailbox, columns, vault_of(settings), act(), at_the_machine=True)
    click.echo(f"{mailbox.name}: {', '.join(names)} set; see that it works: "
               f"inbox-worker mailboxes check {mailbox.name}")  # fmt: skip
    _warn(columns.get("security"))


@mailboxes.command("list")
@click.option("--team", help="Only this team.")
@limit_option
@as_json
def list_(team: str | None, limit: int, as_json: bool) -> None:
    """List the mailboxes and how polling them fares."""
    _, engine = start()
    team_id = find_team(engine, team) if team else None
    with reading(engine) as session:
        rows = list_mailboxes(session, team_id, limit + 1)
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
        pause_mailbox(mailbox, act())
    click.echo(f"{mailbox.name} is paused")


@mailboxes.command()
@click.argument("name")
def resume(name: str) -> None:
    """Poll the mailbox NAME again, at once, whether a person paused it or it was stopped as it was not let in."""
    _, engine = start()
    with transaction(engine) as session:
        mailbox = find_mailbox(session, name)
        resume_mailbox(mailbox, act())
    click.echo(f"{mailbox.name} is polled again")


@mailboxes.command()
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
def remove(name: str, yes: bool) -> None:
    """Remove the mailbox NAME with the record of its mail; sends, events, statuses and Do Not Email stay."""
    _, engine = start()
    with reading(engine) as session:
        mailbox = find_mailbox(session, name)
        mails, sends = goes_with(session, mailbox)
    click.echo(
        f"{mailbox.name}: the record of {mails} messages and their verdicts goes; {sends} sends stay, and so does what"
        " the mail caused (events, statuses, history, Do Not Email). The mail itself is not touched."
    )
    if not yes:
        click.confirm(f"Remove {mailbox.name}?", abort=True)
    with transaction(engine) as session:
        remove_mailbox(session, mailbox, act())
    click.echo(f"{mailbox.name} removed")


def _complete(name: str, wanted: SignIn, columns: dict[str, Any]) -> dict[str, Any]:
    """Return what was given of a new mailbox, with its password, which is asked for where it is needed."""
    if wanted is SignIn.PASSWORD:
        if "host" not in columns:
            raise click.UsageError("give the IMAP server with --host, or say --google or --microsoft")
        return columns if "password" in columns else {**columns, "password": ask_password(name)}
    if "password" in columns:
        raise click.UsageError("a mailbox signs in with --password-file, --google or --microsoft: one of them")
    return columns


def _warn(security: str | None) -> None:
    if security == "plain":
        click.echo("warning: with plain the password crosses the network readable by anyone on the way", err=True)
