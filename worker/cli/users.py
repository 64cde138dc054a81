"""`users`: the people who sign in to the console."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import click
from sqlalchemy.orm import Session

from models.session import reading, transaction
from models.tables.people import Role, User
from worker.act import Act
from worker.cli.common import act, find_team, start, team_id, team_option
from worker.cli.listing import listing
from worker.cli.output import as_json
from worker.cli.passwords import ask_password, password_option, read_password
from worker.people import users as people

ROLES = click.Choice([each.value for each in Role])
COLUMNS = ("name", "role", "password", "time_zone", "disabled", "added")


@click.group()
def users() -> None:
    """The people who sign in to the console, each in one team."""


@users.command()
@click.argument("name")
@click.option("--role", type=ROLES, required=True, help="What this person may do.")
@password_option
@click.option("--no-password", is_flag=True, help="Only the identity provider lets this person in.")
@team_option
@as_json
def add(name: str, role: str, password_file: Path | None, no_password: bool, team: str, as_json: bool) -> None:
    """Add the person NAME (an address, or any word); the password is asked for twice."""
    if no_password and password_file:
        raise click.UsageError("--no-password and --password-file exclude each other")
    password = None if no_password else _new_password(name, password_file)
    _, engine = start()
    with transaction(engine) as session:
        added = people.add_user(session, team_id(session, team), name, Role(role), act(), password)
        row = _row(session.get_one(User, added))
    listing("user", COLUMNS, [row], as_json=as_json)


@users.command("list")
@team_option
@as_json
def list_(team: str, as_json: bool) -> None:
    """List the people of a team, disabled ones too."""
    _, engine = start()
    team_id = find_team(engine, team)
    with reading(engine) as session:
        rows = [_row(each) for each in people.list_users(session, team_id)]
    listing("users", COLUMNS, rows, as_json=as_json)


@users.command("set")
@click.argument("name")
@click.option("--role", type=ROLES, help="What this person may do; ends their sessions.")
@password_option
@click.option("--ask-password", is_flag=True, help="Ask for a new password, on a terminal; ends their sessions.")
@click.option("--time-zone", help="In which they see times: an IANA name, for example Europe/Berlin; '': the team's.")
@team_option
@as_json
def set_(
    name: str,
    role: str | None,
    password_file: Path | None,
    ask_password: bool,
    time_zone: str | None,
    team: str,
    as_json: bool,
) -> None:
    """Change what is given of the person NAME."""
    if role is None and time_zone is None and not password_file and not ask_password:
        raise click.UsageError("give at least one of --role, --password-file, --ask-password, --time-zone")
    password = _new_password(name, password_file) if password_file or ask_password else None
    _, engine = start()
    with transaction(engine) as session:
        which = _which(session, team, name)
        if role is not None:
            people.set_role(session, *which, Role(role), act(), at_the_machine=True)
        if password is not None:
            people.set_password(session, *which, password, act())
        people.remember(session, *which, time_zone=time_zone)
        row = _row(session.get_one(User, which[1]))
    listing("user", COLUMNS, [row], as_json=as_json)


@users.command()
@click.argument("name")
@team_option
def disable(name: str, team: str) -> None:
    """Let the person NAME sign in no more, and end their sessions."""
    _do(partial(people.disable, at_the_machine=True), name, team, "disabled")


@users.command()
@click.argument("name")
@team_option
def enable(name: str, team: str) -> None:
    """Let the person NAME sign in again."""
    _do(people.enable, name, team, "enabled")


@users.command()
@click.argument("name")
@team_option
def unlock(name: str, team: str) -> None:
    """Let the person NAME, who has to wait after many failures, try at once."""
    _do(people.unlock, name, team, "unlocked")


@users.command("sign-out")
@click.argument("name")
@team_option
def sign_out(name: str, team: str) -> None:
    """End all sessions of the person NAME."""
    _do(people.sign_out_everywhere, name, team, "signed out everywhere")


def _do(what: Callable[[Session, int, int, Act], object], name: str, team: str, says: str) -> None:
    _, engine = start()
    with transaction(engine) as session:
        what(session, *_which(session, team, name), act())
    click.echo(f"{name}: {says}")


def _which(session: Session, team: str, name: str) -> tuple[int, int]:
    team_ = team_id(session, team)
    return team_, people.user_id_of(session, team_, name)


def _new_password(name: str, path: Path | None) -> str:
    return read_password(path) if path else ask_password(name, twice=True)


def _row(user: User) -> dict[str, Any]:
    return {
        "name": user.name,
        "role": user.role,
        "password": user.password_hash is not None,
        "time_zone": user.time_zone,
        "disabled": user.disabled_at,
        "added": user.recorded_at,
    }
