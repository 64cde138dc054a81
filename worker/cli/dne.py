"""`dne`: the Do Not Email list of a team."""

from __future__ import annotations

import csv
import sys
from collections.abc import Collection
from pathlib import Path

import click
from sqlalchemy import Select, select

from models.events import DneReason
from models.session import reading, transaction
from models.tables import DneEntry
from worker.cli.common import act, find_team, start, team_option
from worker.cli.listing import limit_option, listing
from worker.cli.output import as_json, emit, text
from worker.cli.report import change_row, print_changes
from worker.dne_file import read_targets
from worker.do_not_email import add_dne, lift_dne
from worker.refold import Change
from worker.story import entry_row

EXPORTED = ("target", "reason", "since", "by", "note")
force_option = click.option("--force", is_flag=True, help="Take public mail providers too, and ban everybody there.")


@click.group()
def dne() -> None:
    """The Do Not Email list: addresses and domains that may not be mailed."""


@dne.command("list")
@click.option("--target", help="Only targets with this in them.")
@click.option("--reason", type=click.Choice([each.value for each in DneReason]), help="Only entries of this reason.")
@click.option("--all", "also_lifted", is_flag=True, help="Also entries that were lifted or withdrawn.")
@team_option
@limit_option
@as_json
def list_(target: str | None, reason: str | None, also_lifted: bool, team: str, limit: int, as_json: bool) -> None:
    """List the entries by target."""
    _, engine = start()
    query = _entries(find_team(engine, team), also_lifted=also_lifted).limit(limit + 1)
    if target:
        query = query.where(DneEntry.target.contains(target.strip().lower(), autoescape=True))
    if reason:
        query = query.where(DneEntry.reason == DneReason(reason))
    with reading(engine) as session:
        rows = [entry_row(entry) for entry in session.scalars(query)]
    lifted = ("lifted_at", "lifted_by", "lifted_why", "withdrawn_at") if also_lifted else ()
    listing("Do Not Email entries", (*EXPORTED, *lifted), rows, as_json=as_json, limit=limit)


@dne.command()
@click.argument("targets", nargs=-1, required=True, metavar="TARGET...")
@click.option("--why", help="Kept with the entry.")
@force_option
@team_option
@as_json
def add(targets: tuple[str, ...], why: str | None, force: bool, team: str, as_json: bool) -> None:
    """Ban each TARGET: an address, or a domain with its subdomains."""
    _, engine = start()
    team_id = find_team(engine, team)
    with transaction(engine) as session:
        changes = add_dne(session, team_id, dict.fromkeys(targets), DneReason.MANUAL, act(why), force=force)
    _report(targets, changes, as_json=as_json)


@dne.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@force_option
@team_option
@as_json
def import_(file: Path, force: bool, team: str, as_json: bool) -> None:
    """Ban every target of FILE, or none where a row is bad.

    One target a line, or CSV with a column target, address, email or domain, and as wanted reason and note.
    """
    _, engine = start()
    notes = read_targets(file, force=force)
    team_id = find_team(engine, team)
    with transaction(engine) as session:
        changes = add_dne(session, team_id, notes, DneReason.IMPORT, act(), force=force)
    _report(notes, changes, as_json=as_json)


@dne.command()
@click.argument("target")
@click.option("--why", help="Needed where the contact opted out; kept with the entry.")
@team_option
def remove(target: str, why: str | None, team: str) -> None:
    """Lift every entry of exactly TARGET; recipients stay as they are, a domain above it stays banned."""
    _, engine = start()
    team_id = find_team(engine, team)
    with transaction(engine) as session:
        lifted = lift_dne(session, team_id, target, act(why))
    click.echo(f"{text(target)}: {lifted} {'entry' if lifted == 1 else 'entries'} lifted")


@dne.command()
@team_option
def export(team: str) -> None:
    """Write the live entries as CSV to standard output; `import` reads it."""
    _, engine = start()
    query = _entries(find_team(engine, team), also_lifted=False)
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow(EXPORTED)
    with reading(engine) as session:
        for entry in session.scalars(query, execution_options={"yield_per": 1_000}):
            out.writerow(text(value) for name, value in entry_row(entry).items() if name in EXPORTED)


def _entries(team_id: int, *, also_lifted: bool) -> Select[DneEntry]:
    query = select(DneEntry).where(DneEntry.team_id == team_id).order_by(DneEntry.target, DneEntry.id)
    live = (DneEntry.lifted_at.is_(None), DneEntry.withdrawn_at.is_(None))
    return query if also_lifted else query.where(*live)


def _report(targets: Collection[str], changes: list[Change], *, as_json: bool) -> None:
    if as_json:
        emit([{"targets": list(targets), "changes": [change_row(each) for each in changes]}])
        return
    named = text(next(iter(targets))) if len(targets) == 1 else f"{len(targets)} targets"
    click.echo(f"{named} {'is' if len(targets) == 1 else 'are'} under Do Not Email; recipients changed: {len(changes)}")
    print_changes(changes)
