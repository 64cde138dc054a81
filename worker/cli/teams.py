"""`teams`: list and make them, and set when they work."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from sqlalchemy import select

from models.session import reading, transaction
from models.tables.people import Team
from worker.cli.common import start
from worker.cli.listing import limit_option, listing
from worker.cli.output import as_json
from worker.cli.passwords import read_secret
from worker.people.teams import add_team, change_team
from worker.secrets.vault import vault_of

CALENDLY_KEY = "the signing key of the webhook"


@click.group()
def teams() -> None:
    """Teams: who shares campaigns and one Do Not Email list, and when they work."""


@teams.command("list")
@limit_option
@as_json
def list_(limit: int, as_json: bool) -> None:
    """List the teams with their working days."""
    _, engine = start()
    with reading(engine) as session:
        rows = [_row(team) for team in session.scalars(select(Team).order_by(Team.name).limit(limit + 1))]
    listing("teams", ("name", "time_zone", "working_days", "holidays", "calendly"), rows, as_json=as_json, limit=limit)


@teams.command()
@click.argument("name")
@as_json
def add(name: str, as_json: bool) -> None:
    """Make the team NAME."""
    _, engine = start()
    with transaction(engine) as session:
        row = _row(add_team(session, name))
    listing("team", tuple(row), [row], as_json=as_json)


@teams.command("set")
@click.argument("name")
@click.option("--time-zone", help="Where the team's day begins: an IANA name, for example Europe/Berlin.")
@click.option("--working-days", help="On which weekdays it works: mon-fri, sun-thu, mon,wed,fri, or 12345.")
@click.option("--holidays", help="Whose public holidays are free: an ISO 3166 code, for example DE or DE-BY.")
@click.option("--no-holidays", is_flag=True, help="No public holidays are free.")
@click.option(
    "--calendly-key-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File with the signing key of the team's Calendly webhook; it is never shown.",
)
@as_json
def set_(
    name: str,
    time_zone: str | None,
    working_days: str | None,
    holidays: str | None,
    no_holidays: bool,
    calendly_key_file: Path | None,
    as_json: bool,
) -> None:
    """Set when the team NAME works, and how its bookings are signed; what was decided before stays decided."""
    if holidays and no_holidays:
        raise click.UsageError("--holidays and --no-holidays exclude each other")
    given = {"time_zone": time_zone, "working_days": working_days, "holidays": holidays}
    wanted: dict[str, Any] = {column: value for column, value in given.items() if value is not None}
    if no_holidays:
        wanted["holidays"] = None
    key = read_secret(calendly_key_file, CALENDLY_KEY).strip() if calendly_key_file else None
    if not wanted and not key:
        raise click.UsageError("give at least one of --time-zone, --working-days, --holidays, --calendly-key-file")
    settings, engine = start()
    if key:
        wanted["calendly_key"] = vault_of(settings).seal(key)
    with transaction(engine) as session:
        row = _row(change_team(session, name, wanted))
    listing("team", tuple(row), [row], as_json=as_json)


def _row(team: Team) -> dict[str, Any]:
    return {
        "name": team.name,
        "time_zone": team.time_zone,
        "working_days": team.working_days,
        "holidays": team.holidays,
        "calendly": "signed" if team.calendly_key else None,
    }
