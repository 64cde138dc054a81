"""`train`: build a reply classifier from labelled replies."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from worker.cli.output import show
from worker.errors import InputError


@click.command()
@click.argument("rows", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--base",
    type=click.Choice(["default", "none"]),
    default="default",
    show_default=True,
    help="Start from the shipped corpus, or from the given rows alone.",
)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Where the artifact goes.")
@click.option("--version", "name", help="Name of the artifact; default: the day, or 'default' for the corpus alone.")
def train(rows: tuple[Path, ...], base: str, out: Path | None, name: str | None) -> None:
    """Train on the shipped corpus and on ROWS: files of JSON lines {id, language, subject, text, class}.

    Use the result with INBOX_ARTIFACT.
    """
    # The training code is heavy, and a running worker never loads it.
    from classifier.artifact import save  # noqa: PLC0415
    from classifier.train import read_corpus, read_rows  # noqa: PLC0415
    from classifier.train import train as learn  # noqa: PLC0415

    labelled = list(read_corpus()) if base == "default" else []
    for path in rows:
        labelled += read_rows(path)
    if not labelled:
        raise InputError("nothing to train on: give files of labelled replies, or --base default")
    version = name or ("default" if not rows else datetime.now(UTC).strftime("%Y-%m-%d.%H%M%S"))
    training = learn(labelled, version=version)
    target = out or Path(f"{version}.artifact")
    save(training.artifact, target)
    report = training.report
    rows_of = [
        (name, each.rows, f"{each.precision:.2f}", f"{each.recall:.2f}", f"{each.f1:.2f}")
        for name, each in report.classes.items()
    ]
    show("On replies it had not seen", ("class", "replies", "precision", "recall", "F1"), rows_of)
    click.echo(f"macro-F1 {report.macro_f1:.3f}; {report.reviewed:.0%} would wait for a person")
    click.echo(f"{len(labelled)} replies; artifact {version} written to {target}")
