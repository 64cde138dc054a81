"""`dne`: the Do Not Email list of a team."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryFile
from typing import TextIO

import click
from sqlalchemy import Select, select

from models.events import DneReason
from models.session import reading, refresh_statistics, transaction
from models.tables.standing import DneEntry
from worker.acts.dne_file import check
from worker.acts.dne_import import Banned, ban
from worker.acts.do_not_email import dne_target, lift_dne
from worker.chunks import chunks
from worker.cli.common import act, find_team, start, team_option
from worker.cli.listing import limit_option, listing
from worker.cli.output import as_json, emit, text
from worker.cli.progress import bar
from worker.cli.report import change_row, print_changes
from worker.errors import InputError
from worker.queries.dne_pages import EXPORTED, exported
from worker.queries.history import refuse_erased
from worker.queries.story import entry_row
from worker.writing.suppression import LIVE

force_option = click.option("--force", is_flag=True, help="Take domains of many strangers too and ban them all.")


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
    team_id = find_team(engine, team)
    query = _entries(team_id, also_lifted=also_lifted).limit(limit + 1)
    if target:
        query = query.where(DneEntry.target.contains(target.strip().lower(), autoescape=True))
    if reason:
        query = query.where(DneEntry.reason == DneReason(reason))
    with reading(engine) as session:
        refuse_erased(session, team_id, target or "")
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
    notes = {dne_target(target, force=force): None for target in targets}
    with transaction(engine) as session:
        banned = ban(session, team_id, notes.items(), DneReason.MANUAL, act(why))
    _report([*notes], banned, as_json=as_json)


@dne.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--skip-bad", is_flag=True, help="Import the good rows although there are bad ones.")
@click.option(
    "--report", type=click.File("w", encoding="utf-8", lazy=False), help="Write every bad row to this file, as CSV."
)
@force_option
@team_option
@as_json
def import_(file: Path, skip_bad: bool, report: TextIO | None, force: bool, team: str, as_json: bool) -> None:
    """Ban every target of FILE, or none where a row is bad.

    One target a line, or CSV with a column target, address, email or domain, and as wanted reason and note. What is on
    the list by a person or an import stays as it is, so a file may be imported again.
    """
    _, engine = start()
    team_id = find_team(engine, team)
    shown = not as_json
    with TemporaryFile("w+", encoding="utf-8", newline="") as spool:
        with bar(f"checking {file}", unit="rows", shown=shown) as progress:
            checked = check(file, spool, force=force, report=report, progress=lambda rows: progress(rows, rows))
        if checked.bad and not skip_bad:
            raise InputError(
                f"{checked}\nNothing was imported; mend these rows and import the file again, or give --skip-bad."
            )
        with bar(f"importing {file}", unit="rows", shown=shown) as progress, transaction(engine) as session:
            rows = _counted(checked.rows(), checked.good, progress)
            banned = ban(session, team_id, rows, DneReason.IMPORT, act())
    refresh_statistics(engine)
    if checked.bad:
        click.echo(f"{checked}\nbad rows left out: {checked.bad}", err=True)
    _report(None, banned, as_json=as_json)


def _counted(
    rows: Iterable[tuple[str, str | None]], total: int, progress: Callable[[int, int], None]
) -> Iterator[tuple[str, str | None]]:
    progress(total, 0)
    for chunk in chunks(rows):
        yield from chunk
        progress(0, len(chunk))


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
    team_id = find_team(engine, team)
    with reading(engine) as session:
        sys.stdout.writelines(exported(session, team_id))


def _entries(team_id: int, *, also_lifted: bool) -> Select[DneEntry]:
    query = select(DneEntry).where(DneEntry.team_id == team_id).order_by(DneEntry.target, DneEntry.id)
    return query if also_lifted else query.where(*LIVE)


def _report(targets: list[str] | None, banned: Banned, *, as_json: bool) -> None:
    """Say what came of it; a single target is named."""
    changes = [change_row(each) for each in banned.changes]
    if as_json:
        about = {"targets": targets} if targets else {}
        emit([about | {"new": banned.new, "known": banned.known, "changed": banned.changed, "changes": changes}])
        return
    total = banned.new + banned.known
    named = text(targets[0]) if targets and len(targets) == 1 else f"{total} targets"
    known = f"{banned.known} of them known or given twice; " if banned.known else ""
    click.echo(
        f"{named} {'is' if total == 1 else 'are'} under Do Not Email; {known}recipients changed: {banned.changed}"
    )
    print_changes(banned.changes)
    if len(changes) < banned.changed:
        click.echo(f"only the first {len(changes)} changes are shown", err=True)
