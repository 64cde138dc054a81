"""`artifacts`: trained reply classifiers on disk."""

from __future__ import annotations

from pathlib import Path

import click


@click.group()
def artifacts() -> None:
    """Look at trained reply classifiers."""


@artifacts.command()
@click.argument("file", required=False, type=click.Path(dir_okay=False, path_type=Path))
def card(file: Path | None) -> None:
    """Print the model card of FILE, or of the artifact in service: data, figures, thresholds, limits."""
    from classifier.artifact import ArtifactError, load, load_default  # noqa: PLC0415  # NumPy: not for --help.
    from config.settings import read  # noqa: PLC0415

    path = file or read().artifact
    try:
        artifact = load(path) if path else load_default()
    except ArtifactError as error:
        raise click.ClickException(str(error)) from error
    click.echo(artifact.card, nl=False)
