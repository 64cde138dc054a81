"""`alarms`: what somebody should look at."""

from __future__ import annotations

import click

from models.session import reading
from worker.cli.common import find_team, now, start, team_option
from worker.cli.listing import limit_option, listing
from worker.cli.output import as_json
from worker.watch.alarms import list_alarms, look
from worker.watch.sign import limits_of


@click.group()
def alarms() -> None:
    """What somebody should look at: bounces, mailboxes that fail, mail that matches nobody."""


@alarms.command("list")
@click.option("--all", "also_closed", is_flag=True, help="Also alarms that are over.")
@team_option
@limit_option
@as_json
def list_(also_closed: bool, team: str, limit: int, as_json: bool) -> None:
    """List the open alarms, the newest first."""
    _, engine = start()
    team_id = find_team(engine, team)
    with reading(engine) as session:
        rows = list_alarms(session, team_id, also_closed=also_closed, limit=limit + 1)
    over = ("closed_at",) if also_closed else ()
    listing("alarms", ("kind", "subject", "says", "opened_at", *over), rows, as_json=as_json, limit=limit)


@alarms.command()
def check() -> None:
    """Look now what is wrong in every team, for those who run no daemon (`run` looks every minute)."""
    settings, engine = start()
    looked = look(engine, limits_of(settings), now())
    click.echo(f"alarms opened: {looked.opened}, closed: {looked.closed}")
