"""What the commands share: settings, the database, the team, tables and JSON on the terminal."""

from __future__ import annotations

import getpass
import json
import os
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from config import logs
from config.settings import Settings, read
from models.migrate import is_current, upgrade
from models.session import open_engine, transaction
from models.tables import Mailbox, Team
from worker.errors import InputError
from worker.person import Act

DEFAULT_TEAM = "default"

as_json = click.option("--json", "as_json", is_flag=True, help="One JSON object a line, for machines.")
team_option = click.option("--team", default=DEFAULT_TEAM, show_default=True, help="Team the command works in.")


def now() -> datetime:
    """Return the present time, aware UTC; the only clock below the command line."""
    return datetime.now(UTC)


def start(**flags: Any) -> tuple[Settings, Engine]:
    """Read the settings, start logging, open the database and see that its schema is current.

    A new SQLite file gets its tables at once; any other database that lacks them is left to `migrate`.
    """
    settings = read(**flags)
    logs.start(settings.log_level, settings.log_format)
    engine = open_database(settings)
    if not is_current(engine):
        if engine.dialect.name != "sqlite":
            raise InputError("the database schema is not this version's; run: inbox-worker migrate")
        upgrade(engine)
    return settings, engine


def open_database(settings: Settings) -> Engine:
    """Open the database until the command ends."""
    engine = open_engine(settings.database_url.get_secret_value())
    click.get_current_context().call_on_close(engine.dispose)
    return engine


def team_id(session: Session, name: str) -> int:
    """Return the team's id; the default team is made when it is first needed."""
    found = session.scalar(select(Team.id).where(Team.name == name))
    if found is None:
        if name != DEFAULT_TEAM:
            raise InputError(f"no team {name!r}; a mailbox added with --team makes it (inbox-worker mailboxes add)")
        found = make_team(session, name)
    return found


def make_team(session: Session, name: str) -> int:
    """Return the id of the team of this name, made where it is new."""
    found = session.scalar(select(Team.id).where(Team.name == name))
    if found is None:
        team = Team(name=name)
        session.add(team)
        session.flush()
        found = team.id
    return found


def find_team(engine: Engine, name: str) -> int:
    """Return the team's id in a transaction of its own."""
    with transaction(engine) as session:
        return team_id(session, name)


def find_mailbox(session: Session, name: str) -> Mailbox:
    """Return the mailbox of this name.

    Raises:
        InputError: there is none; names those that exist.
    """
    mailbox = session.scalar(select(Mailbox).where(func.lower(Mailbox.name) == name.strip().lower()))
    if mailbox is None:
        names = ", ".join(session.scalars(select(Mailbox.name).order_by(Mailbox.name).limit(10))) or "none yet"
        raise InputError(f"no mailbox {name!r} (there are: {names}); add it with: inbox-worker mailboxes add")
    return mailbox


def act(why: str | None = None) -> Act:
    """Return who acts at this terminal, now; a container may run under a number that has no name."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        name = f"user {os.getuid()}"
    return Act(name, now(), why)


def show(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print rows as a table that fits the terminal, or as tab-separated lines into a pipe."""
    if not sys.stdout.isatty():
        for row in rows:
            click.echo("\t".join(text(value) for value in row))
        return
    table = Table(title=title, title_justify="left", header_style="bold", expand=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        # As text, for a stranger's "[/urgent]" is no markup of ours.
        table.add_row(*(Text(text(value)) for value in row))
    Console().print(table)


def emit(rows: Iterable[dict[str, Any]]) -> None:
    """Print one JSON object a line."""
    for row in rows:
        click.echo(json.dumps(row, ensure_ascii=False, default=text))


def text(value: Any) -> str:
    """Return a value as one line that does nothing to the terminal, whatever a stranger wrote into a subject."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    return "".join(each if each.isprintable() else " " for each in str(value))
