"""What the commands share that work with the database: settings, the team, mailboxes, who acts."""

from __future__ import annotations

import getpass
import os
from datetime import UTC, datetime
from typing import Any

import click
from sqlalchemy import Engine, func, make_url, select
from sqlalchemy.orm import Session

from config import logs
from config.settings import Settings, read
from models.job_engine import has_it
from models.revision import is_current
from models.session import open_engine, reading, transaction
from models.tables.mailboxes import Mailbox
from models.tables.people import Team
from worker.act import Act
from worker.errors import InputError
from worker.secrets.pseudonyms import carry
from worker.secrets.vault import vault_of

DEFAULT_TEAM = "default"

team_option = click.option("--team", default=DEFAULT_TEAM, show_default=True, help="Team the command works in.")


def now() -> datetime:
    """Return the present time, aware UTC; the only clock below the command line."""
    return datetime.now(UTC)


def start(*, if_not_postgresql: str | None = None, **flags: Any) -> tuple[Settings, Engine]:
    """Read the settings, start logging, open the database and see that its schema is current.

    A new SQLite file gets its tables at once; any other database that lacks them is left to `migrate`. Where
    `if_not_postgresql` is given, that is said of any other, and nothing is done to it.
    """
    settings = read(**flags)
    logs.start(settings.log_level, settings.log_format)
    if if_not_postgresql and make_url(settings.database_url.get_secret_value()).get_backend_name() != "postgresql":
        raise InputError(if_not_postgresql)
    engine = open_database(settings)
    if not is_current(engine):
        if engine.dialect.name != "sqlite":
            raise InputError("the database schema is not this version's; run: inbox-worker migrate")
        from models.migrate import upgrade  # noqa: PLC0415  # Alembic: seldom needed, and slow to load.

        upgrade(engine)
    return settings, engine


def see_job_engine(engine: Engine) -> None:
    """See that the database has the tables of the job engine.

    Raises:
        InputError: it was migrated where the engine was not installed.
    """
    with reading(engine) as session:
        if not has_it(session.connection()):
            raise InputError(
                "the database lacks the tables of the job engine, which come with the extra fleet; run:"
                " pip install 'inbox-worker[fleet]', then inbox-worker migrate"
            )


def open_database(settings: Settings) -> Engine:
    """Open the database until the command ends."""
    engine = open_engine(settings.database_url.get_secret_value())
    carry(engine, vault_of(settings))
    click.get_current_context().call_on_close(engine.dispose)
    return engine


def team_id(session: Session, name: str) -> int:
    """Return the team's id; the default team is made when it is first needed."""
    found = session.scalar(select(Team.id).where(Team.name == name))
    if found is None:
        if name != DEFAULT_TEAM:
            raise InputError(f"no team {name!r}; inbox-worker teams add makes it, teams list shows all")
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
    """Return who acts at this terminal, now; a container may run under a number that has no name.

    A reason of nothing but space is none.
    """
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        name = f"user {os.getuid()}"
    return Act(name, now(), (why or "").strip() or None)
