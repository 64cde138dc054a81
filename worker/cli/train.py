"""`train`: build a reply classifier from labelled replies."""

from __future__ import annotations

import os
import sys
import threading
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
@click.option(
    "--on-worker",
    is_flag=True,
    help="Have a worker of the fleet do it (PostgreSQL); all of them have to share INBOX_ARTIFACT_FOLDER.",
)
@click.option("--tied", is_flag=True, hidden=True, help="End with whoever began it: when standard input ends.")
def train(
    rows: tuple[Path, ...],
    base: str,
    since: datetime | None,
    out: Path | None,
    name: str | None,
    on_worker: bool,
    tied: bool,
) -> None:
    """Train on the shipped corpus, on the labels in the database, and on ROWS.

    ROWS: files of JSON lines {id, language, subject, text, class}. The artifact is kept in INBOX_ARTIFACT_FOLDER and
    serves nobody before it is promoted.
    """
    if tied:
        threading.Thread(target=_end_with_input, daemon=True).start()
    if on_worker:
        if rows or out:
            raise click.UsageError("--on-worker learns from the labels in the database: give neither ROWS nor --out")
        _ask_for(base, since, name)
        return
    if out:
        if since:
            raise click.UsageError("--since is about the labels in the database, which --out leaves alone")
        _train_into(out, rows, base, name or out.stem)
    else:
        _train_and_register(rows, base, since, name or datetime.now(UTC).strftime("%Y-%m-%d.%H%M%S"))


def _ask_for(base: str, since: datetime | None, version: str | None) -> None:
    """Have a worker of the fleet train."""
    from models.session import reading  # noqa: PLC0415
    from worker.cli.common import start  # noqa: PLC0415
    from worker.learning.artifacts import check_version  # noqa: PLC0415
    from worker.learning.registered import check_new  # noqa: PLC0415

    _, engine = start(
        if_not_postgresql="only workers that share a PostgreSQL (INBOX_DATABASE_URL) do this; "
        "without --on-worker it is done here"
    )
    if version:
        check_version(version)
        with reading(engine) as session:
            check_new(session, version)
    from worker.cli.common import see_job_engine  # noqa: PLC0415

    see_job_engine(engine)
    from worker.cli.asking import ask_for_training  # noqa: PLC0415 - the job engine

    options = {"--base": base, "--since": f"{since:%Y-%m-%d}" if since else None, "--version": version}
    words = [word for option, value in options.items() if value for word in (option, value)]
    if ask_for_training(engine.url, words):
        click.echo(
            "a worker of the fleet trains as soon as one has nothing more urgent to do; its log tells how it went"
        )
        click.echo("the artifact is then among: inbox-worker artifacts list")
    else:
        click.echo("a training waits for a worker already, and will learn from everything there is when it begins")


def _end_with_input() -> None:
    """End this process when whoever began it is gone: nobody would want what it makes."""
    # Not by a buffer, whose lock the end of the program would wait for.
    while os.read(sys.stdin.fileno(), 1_000):
        pass
    os._exit(1)


def _train_into(out: Path, rows: Sequence[Path], base: str, version: str) -> None:
    """Train on files alone; no database."""
    # The training code is heavy, and a running worker never loads it.
    from classifier.labelled import merge  # noqa: PLC0415
    from worker.learning.artifacts import check_version, write  # noqa: PLC0415

    check_version(version)
    training = _learn(merge(file_rows(rows), corpus(base)), version)
    write(training.artifact, out)
    _print(training)
    click.echo(f"artifact {version} is written to {out}")


def _train_and_register(rows: Sequence[Path], base: str, since: datetime | None, version: str) -> None:
    from classifier.labelled import merge  # noqa: PLC0415
    from models.session import reading, transaction  # noqa: PLC0415  # SQLAlchemy: not with --out.
    from worker.cli.common import now, start  # noqa: PLC0415
    from worker.learning.artifacts import place_of, write  # noqa: PLC0415
    from worker.learning.registered import check_new, register  # noqa: PLC0415

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
