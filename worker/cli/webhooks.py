"""`webhooks`: the endpoints that hear of what happens, and what went to them."""

from __future__ import annotations

import sys

import click

from models.session import reading, transaction
from models.tables.outside import DeliveryState, EventType, WebhookEndpoint
from worker.cli.common import find_team, now, start, team_option
from worker.cli.listing import limit_option, listing
from worker.cli.output import as_json, text
from worker.secrets.vault import vault_of
from worker.webhooks.endpoints import (
    add_endpoint,
    check_url,
    find_endpoint,
    list_deliveries,
    list_endpoints,
    pause_endpoint,
    ping,
    remove_endpoint,
    resume_endpoint,
    rotate_secret,
)


@click.group()
def webhooks() -> None:
    """Tell other systems what happens: signed requests to their endpoints."""


@webhooks.command()
@click.argument("name")
@click.argument("url")
@click.option(
    "--type", "types", multiple=True, type=click.Choice([each.value for each in EventType]),
    help="Only events of this type; may be repeated. Default: all.",
)  # fmt: skip
@click.option("--allow-private", is_flag=True, help="It lies in a network of your own; http is allowed too.")
@team_option
def add(name: str, url: str, types: tuple[str, ...], allow_private: bool, team: str) -> None:
    """Add the endpoint NAME at URL and print the secret that signs what it gets; it is shown only now."""
    check_url(url, allow_private=allow_private)
    settings, engine = start()
    team_id = find_team(engine, team)
    endpoint = WebhookEndpoint(
        team_id=team_id, name=name, url=url, types=sorted(set(types)), allow_private=allow_private
    )
    with transaction(engine) as session:
        secret = add_endpoint(session, endpoint, vault_of(settings), now())
    click.echo(f"{text(name)} added; see that it works: inbox-worker webhooks test {text(name)}", err=True)
    click.echo(secret)


@webhooks.command("list")
@team_option
@as_json
def list_(team: str, as_json: bool) -> None:
    """List the endpoints, what waits for them, what was given up, and the last error."""
    _, engine = start()
    team_id = find_team(engine, team)
    with reading(engine) as session:
        rows = list_endpoints(session, team_id)
    listing("endpoints", ("name", "url", "types", "state", "pending", "dead", "last_error"), rows, as_json=as_json)


@webhooks.command()
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@team_option
def remove(name: str, yes: bool, team: str) -> None:
    """Remove the endpoint NAME with what waits for it; the events themselves stay."""
    _, engine = start()
    team_id = find_team(engine, team)
    with reading(engine) as session:
        find_endpoint(session, team_id, name)
    if not yes:
        click.confirm(f"Remove {text(name)}?", abort=True)
    with transaction(engine) as session:
        remove_endpoint(session, team_id, name)
    click.echo(f"{text(name)} removed")


@webhooks.command()
@click.argument("name")
@team_option
def pause(name: str, team: str) -> None:
    """Send nothing to the endpoint NAME until `resume`; what happens meanwhile is kept for it."""
    _, engine = start()
    team_id = find_team(engine, team)
    with transaction(engine) as session:
        pause_endpoint(session, team_id, name, now())
    click.echo(f"{text(name)} is paused")


@webhooks.command()
@click.argument("name")
@team_option
def resume(name: str, team: str) -> None:
    """Send to the endpoint NAME again, first what waited."""
    _, engine = start()
    team_id = find_team(engine, team)
    with transaction(engine) as session:
        resume_endpoint(session, team_id, name)
    click.echo(f"{text(name)} hears of events again")


@webhooks.command()
@click.argument("name")
@team_option
def rotate(name: str, team: str) -> None:
    """Give the endpoint NAME a new secret and print it; for 24 hours the one before still signs beside it."""
    settings, engine = start()
    team_id = find_team(engine, team)
    with transaction(engine) as session:
        secret = rotate_secret(session, team_id, name, vault_of(settings), now())
    click.echo(secret)


@webhooks.command("test")
@click.argument("name")
@team_option
def test_(name: str, team: str) -> None:
    """Send one signed ping to the endpoint NAME now, paused or not, and say what comes back."""
    settings, engine = start()
    team_id = find_team(engine, team)
    with reading(engine) as session:
        endpoint = find_endpoint(session, team_id, name)
    answer = ping(endpoint, vault_of(settings), now())
    click.echo(f"{text(name)}: {text(answer)}")
    if not answer.well:
        sys.exit(1)


@webhooks.command()
@click.argument("name")
@click.option(
    "--state", type=click.Choice([each.value for each in DeliveryState]), help="Only deliveries in this state."
)
@team_option
@limit_option
@as_json
def deliveries(name: str, state: str | None, team: str, limit: int, as_json: bool) -> None:
    """List what went and goes to the endpoint NAME, the newest event first."""
    _, engine = start()
    team_id = find_team(engine, team)
    wanted = DeliveryState(state) if state else None
    with reading(engine) as session:
        rows = list_deliveries(session, team_id, name, state=wanted, limit=limit + 1)
    columns = ("event", "type", "subject", "state", "attempts", "next_attempt_at", "delivered_at", "last_error")
    listing("deliveries", columns, rows, as_json=as_json, limit=limit)
