"""`automations`: the rules of campaigns."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click

from models.session import reading, transaction
from worker.acts.automations import announce, list_automations, put_automations, read_automations, remove_automation
from worker.cli.common import act, find_team, start, team_option
from worker.cli.listing import limit_option, listing
from worker.cli.output import as_json, text


@click.group()
def automations() -> None:
    """Rules of campaigns: when this is true, stop, move, set a status, ban, call a webhook."""


@automations.command("list")
@click.option("--campaign", help="Only this campaign (key).")
@team_option
@limit_option
@as_json
def list_(campaign: str | None, team: str, limit: int, as_json: bool) -> None:
    """List the rules that stand; with --json each as it was put."""
    _, engine = start()
    team_id = find_team(engine, team)
    with reading(engine) as session:
        rows = list_automations(session, team_id, campaign)
    listing("rules", ("campaign", "name", "when", "since", "by"), rows[: limit + 1], as_json=as_json, limit=limit)


@automations.command()
@click.argument("campaign")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@team_option
def put(campaign: str, file: Path, team: str) -> None:
    """Give CAMPAIGN the rule or the rules in FILE (JSON), in place of those of the same names.

    A rule acts on what happens from now on, not on what was true before.
    """
    _, engine = start()
    rules = read_automations(file)
    team_id = find_team(engine, team)
    who = act()
    with transaction(engine) as session:
        timed = put_automations(session, team_id, campaign, rules, who)
    if timed:
        announce(partial(transaction, engine), team_id, campaign, who)
    click.echo(f"campaign {text(campaign)}: {', '.join(text(rule.name) for rule in rules)} in place from now on")


@automations.command()
@click.argument("campaign")
@click.argument("name")
@team_option
def remove(campaign: str, name: str, team: str) -> None:
    """Take the rule NAME away from CAMPAIGN; what it did stays done."""
    _, engine = start()
    team_id = find_team(engine, team)
    with transaction(engine) as session:
        remove_automation(session, team_id, campaign, name, act())
    click.echo(f"campaign {text(campaign)}: {text(name)} acts no more")
