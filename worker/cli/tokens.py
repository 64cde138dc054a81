"""`tokens`: what other systems sign in with."""

from __future__ import annotations

import click

from models.session import reading, transaction
from worker.cli.common import act, find_team, start, team_option
from worker.cli.listing import listing
from worker.cli.output import as_json, emit
from worker.people.api_tokens import SCOPES, add_token, list_tokens, revoke_token


@click.group()
def tokens() -> None:
    """Add, list and revoke what other systems sign in with."""


@tokens.command()
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice(SCOPES),
    default=SCOPES[:1],
    show_default=True,
    help="What it may be used for; may be repeated.",
)
@team_option
@as_json
def add(name: str, scopes: tuple[str, ...], team: str, as_json: bool) -> None:
    """Make a token for the system NAME and print it: this once, for only a hash of it is kept."""
    _, engine = start()
    team_id = find_team(engine, team)
    with transaction(engine) as session:
        token = add_token(session, team_id, name, act(), scopes)
    if as_json:
        emit([{"name": name, "token": token}])
        return
    click.echo(token)
    click.echo("It is shown this once; send it as: Authorization: Bearer " + token[:6] + "...", err=True)


@tokens.command("list")
@team_option
@as_json
def list_(team: str, as_json: bool) -> None:
    """List the tokens of a team, revoked ones too."""
    _, engine = start()
    team_id = find_team(engine, team)
    with reading(engine) as session:
        rows = [
            {
                "name": each.name,
                "scopes": each.scopes,
                "added_by": each.actor,
                "added": each.recorded_at,
                "revoked": each.revoked_at,
            }
            for each in list_tokens(session, team_id)
        ]
    listing("tokens", ("name", "scopes", "added_by", "added", "revoked"), rows, as_json=as_json)


@tokens.command()
@click.argument("name")
@team_option
def revoke(name: str, team: str) -> None:
    """Let the token NAME sign in no more, from the next request on."""
    _, engine = start()
    team_id = find_team(engine, team)
    with transaction(engine) as session:
        revoke_token(session, team_id, name, act())
    click.echo(f"{name}: revoked")
