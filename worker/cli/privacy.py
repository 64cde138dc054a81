"""`contacts erase`, `contacts erased` and `contacts export`: what the law gives a person a right to."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TextIO

import click

from classifier.decode import normal_address
from models.session import reading, transaction
from worker.cli.common import act, find_team, start, team_option
from worker.cli.listing import listing
from worker.cli.output import as_json, emit, text
from worker.errors import InputError
from worker.privacy.disclosure import disclose
from worker.privacy.erasure import erase, rehearse
from worker.privacy.sqlite_log import empty_log
from worker.queries.erasures import erasures

PRIVATE = 0o600


@click.command("erase")
@click.argument("address")
@click.option("--why", required=True, help="What is kept of the request, as where it came from; without the address.")
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@team_option
@as_json
def erase_(address: str, why: str, team: str, *, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Forget the person at ADDRESS: words and addresses go for good, and they are never mailed again."""
    _, engine = start()
    team_id, whose = find_team(engine, team), act(why)
    if dry_run or not yes:
        found = rehearse(partial(transaction, engine), team_id, address, whose)
        if dry_run:
            _report("would be erased", found.addresses, found.counts, as_json=as_json)
            return
        _ask(found.addresses, found.counts)
    with transaction(engine) as session:
        done = erase(session, team_id, address, whose)
    empty_log(engine)
    _report("erased", done.addresses, done.counts, as_json=as_json)


@click.command("erased")
@team_option
@as_json
def erased_(team: str, as_json: bool) -> None:
    """List who was erased: when, by whom, why, and the names that stand in place of the addresses."""
    _, engine = start()
    team_id = find_team(engine, team)
    with reading(engine) as session:
        rows = erasures(session, team_id)
    if not as_json:
        rows = [row | {"names": ", ".join(row["names"]), "rows": sum(row["counts"].values())} for row in rows]
    listing("erased on request", ("at", "by", "why", "names", "rows"), rows, as_json=as_json, limit=len(rows))


@click.command("export")
@click.argument("address")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write to this new file, for you alone.")
@team_option
def export(address: str, out: Path | None, team: str) -> None:
    """Hand over everything that is held about the person at ADDRESS, as JSON; docs/privacy.md explains its keys."""
    _, engine = start()
    team_id = find_team(engine, team)
    with reading(engine) as session:
        told = disclose(session, team_id, normal_address(address))
    if out is None:
        _write(sys.stdout, told)
        return
    try:
        descriptor = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE)
    except FileExistsError:
        raise InputError(f"{out} is there already; name a new file (--out)") from None
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        _write(file, told)
    click.echo(f"written to {text(out)}; it holds personal data, so remove it once it was handed over")


def _write(file: TextIO, told: Mapping[str, object]) -> None:
    json.dump(told, file, ensure_ascii=file is sys.stdout, indent=2, default=text)
    file.write("\n")


def _ask(addresses: tuple[str, ...], counts: Mapping[str, int]) -> None:
    """Show what would go, and go on only where a person says so."""
    if not sys.stdin.isatty():
        raise InputError("nothing was erased: it cannot be undone, so say --yes, or look first with --dry-run")
    _report("will be erased for good", addresses, counts, as_json=False)
    click.confirm("Erase this?", abort=True)


def _report(said: str, addresses: tuple[str, ...], counts: Mapping[str, int], *, as_json: bool) -> None:
    if as_json:
        emit([{"addresses": list(addresses), "counts": dict(counts)}])
        return
    click.echo(f"{said}: {', '.join(map(text, addresses))}")
    for what, number in counts.items():
        if number:
            click.echo(f"  {what}: {number}")
    if not any(counts.values()):
        click.echo("  nothing was held; what is kept is that it may not be mailed")
