"""`contacts`: which addresses belong to the same person; what a person has a right to is in `worker.cli.privacy`."""

from __future__ import annotations

from collections.abc import Sequence

import click

from models.session import transaction
from worker.acts.contacts import merge, split
from worker.cli.common import act, find_team, start, team_option
from worker.cli.output import as_json, emit, text
from worker.cli.privacy import erase_, erased_, export
from worker.cli.report import change_row, print_changes
from worker.rules import rules_of
from worker.writing.refold import Change


@click.group()
def contacts() -> None:
    """Say which addresses belong to the same person; hand over what is held of one, or erase it."""


for each in (erase_, erased_, export):
    contacts.add_command(each)


@contacts.command("merge")
@click.argument("address")
@click.argument("second")
@click.option("--why", help="Kept with it.")
@team_option
@as_json
def merge_(address: str, second: str, why: str | None, team: str, as_json: bool) -> None:
    """Say that SECOND is another address of the person at ADDRESS: its mail counts, and what bans one bans both."""
    settings, engine = start()
    rules = rules_of(settings, find_team(engine, team))
    with transaction(engine) as session:
        changes = merge(session, rules, address, second, act(why))
    _report(f"{address} and {second} are the same person", changes, as_json=as_json)


@contacts.command("split")
@click.argument("address")
@click.argument("second")
@click.option("--why", help="Kept with it; needed where the person opted out.")
@team_option
@as_json
def split_(address: str, second: str, why: str | None, team: str, as_json: bool) -> None:
    """Take back that SECOND is another address of the person at ADDRESS, with the bans that only this made."""
    settings, engine = start()
    rules = rules_of(settings, find_team(engine, team))
    with transaction(engine) as session:
        changes = split(session, rules, address, second, act(why))
    _report(f"{address} and {second} are two persons", changes, as_json=as_json)


def _report(said: str, changes: Sequence[Change], *, as_json: bool) -> None:
    if as_json:
        emit([{"changes": [change_row(each) for each in changes]}])
        return
    click.echo(f"{text(said)}; recipients changed: {len(changes)}")
    print_changes(changes)
