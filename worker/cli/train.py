"""`train`: build a reply classifier from labelled replies."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from worker.cli.learning import ROWS, base_option, corpus, file_rows, own_rows, since_option
from worker.cli.output import show
from worker.cli.progress import bar
from worker.errors import InputError

if TYPE_CHECKING:
    # These load NumPy, which --help need not wait for.
    from classifier.labelled import LabelledReply
    from classifier.train import Training


@click.command()
@click.argument("rows", nargs=-1, type=ROWS)
@base_option
@since_option
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the artifact to this file and leave the database alone: learn from the corpus and ROWS.",
)
@click.option("--version", "name", help="Name of the artifact; default: the present time.")
def train(rows: tuple[Path, ...], base: str, since: datetime | None, out: Path | None, name: str | None) -> None:
    """Train on the shipped corpus, on the labels in the database, and on ROWS.

    ROWS: files of JSON lines {id, language, subject, text, class}. The artifact is kept in INBOX_ARTIFACT_FOLDER and
    serves nobody before it is promoted.
    """
    # The training code is heavy, and a running worker never loads it.
    from classifier.labelled import merge  # noqa: PLC0415
    from worker.artifacts import check_version, write  # noqa: PLC0415

    if out:
        if since:
            raise click.UsageError("--since is about the labels in the database, which --out leaves alone")
        version = name or out.stem
        check_version(version)
        training = _learn(merge(file_rows(rows), corpus(base)), version)
        write(training.artifact, out)
        _print(training)
        click.echo(f"artifact {training.artifact.version} is written to {out}")
    else:
        _train_and_register(rows, base, since, name or datetime.now(UTC).strftime("%Y-%m-%d.%H%M%S"))


def _train_and_register(rows: Sequence[Path], base: str, since: datetime | None, version: str) -> None:
    from classifier.labelled import merge  # noqa: PLC0415
    from models.session import reading, transaction  # noqa: PLC0415  # SQLAlchemy: not with --out.
    from worker.artifacts import place_of, write  # noqa: PLC0415
    from worker.cli.common import now, start  # noqa: PLC0415
    from worker.promotion import check_new, register  # noqa: PLC0415

    settings, engine = start()
    with reading(engine) as session:
        check_new(session, version)
    training = _learn(merge(own_rows(engine, rows, since), corpus(base)), version)
    path = place_of(training.artifact, settings.artifact_folder)
    write(training.artifact, path)
    with transaction(engine) as session:
        register(session, training.artifact, path, now())
    _print(training)
    click.echo(f"artifact {version} is written to {path}; to look at it, and to let it serve:")
    click.echo(f"  inbox-worker evaluate {version}\n  inbox-worker artifacts promote {version}")


def _learn(labelled: Sequence[LabelledReply], version: str) -> Training:
    from classifier.train import train as learn  # noqa: PLC0415

    if not labelled:
        raise InputError("nothing to train on: import labels, give files of labelled replies, or --base default")
    with bar(f"training {version}", unit="steps") as progress:
        return learn(labelled, version=version, progress=progress)


def _print(training: Training) -> None:
    report = training.report
    rows_of = [
        (name, each.rows, f"{each.precision:.2f}", f"{each.recall:.2f}", f"{each.f1:.2f}")
        for name, each in report.classes.items()
    ]
    show("On replies it had not seen", ("class", "replies", "precision", "recall", "F1"), rows_of)
    click.echo(f"macro-F1 {report.macro_f1:.3f}; {report.reviewed:.0%} would wait for a person")
    click.echo(f"{training.artifact.data['rows']} replies were learnt from")
