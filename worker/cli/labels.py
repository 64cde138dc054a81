"""`labels`: labelled replies, what the classifier learns from: in files, and in the database."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from classifier.verdict import ReplyClass
from worker.cli.doubtful import doubtful
from worker.cli.learning import team_option
from worker.cli.numbers import ROW_ID
from worker.cli.output import as_json, emit, text
from worker.cli.progress import bar
from worker.cli.survey import survey

if TYPE_CHECKING:
    from worker.learning.label_files import Problem, Row

class_choice = click.Choice([each.value for each in ReplyClass], case_sensitive=False)
label_argument = click.argument("label", type=ROW_ID, metavar="ID")

TOLD_EVERY = 1_000


@click.group()
def labels() -> None:
    """What the classifier learns from: import, export, doubt, correct and survey labelled replies."""


for each in (doubtful, survey):
    labels.add_command(each)


@labels.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--skip-bad", is_flag=True, help="Import the good rows though others are bad.")
@team_option
@as_json
def import_(file: Path, skip_bad: bool, team: str, as_json: bool) -> None:
    """Import labelled replies: all of FILE, or none where a row is bad.

    FILE is CSV with a header (named *.csv; commas or semicolons), or one JSON object a line. Fields: class (or label)
    and text, the sender's own words; as wanted subject, language, hard, note. An id and what else `labels export`
    writes may be there and is not taken over.

    Every bad row is reported with the number of the line on which it begins. A text that is stored already is one:
    with the same class nothing is to be done, with another `labels set` changes it.
    """
    from models.session import reading, refresh_statistics  # noqa: PLC0415  # SQLAlchemy is not loaded for --help.
    from worker.cli.common import act, find_team, start  # noqa: PLC0415
    from worker.errors import InputError  # noqa: PLC0415
    from worker.learning.label_files import read_labels, sort_out  # noqa: PLC0415
    from worker.learning.label_store import new_rows, store  # noqa: PLC0415

    _, engine = start()
    team_id = find_team(engine, team)
    rows, bad = sort_out(_with_progress(file, read_labels(file), shown=not as_json))
    if not rows and not bad:
        raise InputError(f"{file} holds no labelled reply")
    with reading(engine) as session:
        rows, known = new_rows(session, team_id, rows)
    bad += known
    imported = 0
    if skip_bad or not bad:
        imported, known = store(engine, team_id, rows, act(), skip_bad=skip_bad)
        bad += known
    bad.sort(key=lambda each: each.number)
    if as_json:
        emit({"row": each.number, "problem": each.what} for each in bad)
        emit([{"imported": imported, "bad": len(bad)}])
    else:
        _report(file, imported, bad, skip_bad=skip_bad)
    if imported:
        refresh_statistics(engine)
    if bad and not skip_bad:
        sys.exit(1)


@labels.command()
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="The file; default: standard output.")
@click.option(
    "--format", "form", type=click.Choice(["csv", "jsonl"]), help="Default: as the file is named, else jsonl."
)
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help="Only labels given on or after this day (UTC).")
@team_option
def export(out: Path | None, form: str | None, since: datetime | None, team: str) -> None:
    """Write all labels with their texts.

    `labels import` and `train` read them (train: JSON lines alone).
    A file is replaced when everything is written; until then, and where anything fails, the old one stays.
    """
    from models.session import reading  # noqa: PLC0415  # SQLAlchemy is not loaded for --help.
    from worker.cli.common import find_team, start  # noqa: PLC0415
    from worker.learning.label_export import export_labels, replacing  # noqa: PLC0415
    from worker.learning.label_files import JSON_LINES, format_of  # noqa: PLC0415

    _, engine = start()
    team_id = find_team(engine, team)
    day = since.replace(tzinfo=UTC) if since else None
    chosen = form or (format_of(out) if out else JSON_LINES)
    with reading(engine) as session:
        pieces = export_labels(session, team_id, day, chosen)
        if out:
            with replacing(out) as file:
                file.writelines(piece.encode() for piece in pieces)
            return
        # As bytes: what the terminal's language can show says nothing about a file the output is sent to.
        shown = map(_harmless, pieces) if sys.stdout.isatty() else pieces
        sys.stdout.buffer.writelines(piece.encode() for piece in shown)
        sys.stdout.flush()


@labels.command("set")
@label_argument
@click.argument("wanted", type=class_choice, metavar="CLASS")
@click.option("--why", help="Kept with the label, in place of its note.")
@team_option
def set_(label: int, wanted: str, why: str | None, team: str) -> None:
    """Say that label ID should be CLASS.

    It changes only what is learnt from, never a recipient's status (`recipients set-status` does that). CLASS is
    Engaged, Interested, "Not Interested", "Auto Response", "Out of Office" or Unsubscribed; `labels export` shows the
    ids.
    """
    from models.events import Status  # noqa: PLC0415
    from models.session import transaction  # noqa: PLC0415  # SQLAlchemy is not loaded for --help.
    from worker.cli.common import act, start, team_id  # noqa: PLC0415
    from worker.learning.labels import relabel  # noqa: PLC0415

    _, engine = start()
    with transaction(engine) as session:
        relabel(session, team_id(session, team), label, Status(wanted), act(why))
    click.echo(f"label {label}: {wanted}")


@labels.command("drop")
@label_argument
@team_option
def drop(label: int, team: str) -> None:
    """Forget label ID, with its text.

    It changes only what is learnt from, never a recipient's status; the mail itself and what was decided stay.
    """
    from models.session import transaction  # noqa: PLC0415  # SQLAlchemy is not loaded for --help.
    from worker.cli.common import start, team_id  # noqa: PLC0415
    from worker.learning.labels import drop as forget  # noqa: PLC0415

    _, engine = start()
    with transaction(engine) as session:
        forget(session, team_id(session, team), label)
    click.echo(f"label {label} is forgotten")


def _with_progress(file: Path, found: Iterable[Row | Problem], *, shown: bool) -> Iterator[Row | Problem]:
    """Hand on what is read, and tell how much of the file that is; lines are counted, for a row may have several."""
    with bar(f"reading {file}", unit="rows", shown=shown) as progress:
        # What comes through a pipe can be read only once.
        total = _lines(file) if shown and file.is_file() else 0
        progress(total, 0)
        told = 0
        for each in found:
            if each.number - told >= TOLD_EVERY:
                progress(0 if total else each.number - told, each.number - told)
                told = each.number
            yield each


def _lines(file: Path) -> int:
    with file.open("rb") as lines:
        return sum(1 for _ in lines)


def _report(file: Path, imported: int, bad: Sequence[Problem], *, skip_bad: bool) -> None:
    """Print every bad row, then what was done and what to do next."""
    for each in bad:
        click.echo(text(f"{file}, row {each.number}: {each.what}"), err=True)
    if not bad:
        step = "`inbox-worker labels export` shows them"
    elif skip_bad:
        step = "mend the bad rows and import them again; what is stored is not stored twice"
    else:
        step = "mend the bad rows and import the file again; --skip-bad imports the others without them"
    click.echo(f"labels: {imported} imported, {len(bad)} bad; {step}")


def _harmless(piece: str) -> str:
    """Return a piece of the export as it may go to a terminal, which a stranger's text could otherwise command."""
    return "\n".join(map(text, piece.split("\n")))
