"""What `train`, `evaluate` and `artifacts` share: which labelled replies they work on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    # These load NumPy and SQLAlchemy, which --help need not wait for.
    from sqlalchemy import Engine

    from classifier.labelled import LabelledReply

base_option = click.option(
    "--base",
    type=click.Choice(["default", "none"]),
    default="default",
    show_default=True,
    help="With the shipped corpus, or without.",
)
since_option = click.option(
    "--since", type=click.DateTime(["%Y-%m-%d"]), help="Of the labels in the database only those from this day on."
)
# As worker.cli.common has it, whose module loads the database library; a test keeps the two alike.
team_option = click.option("--team", default="default", show_default=True, help="Team the command works in.")
DRIFT_DAYS = 180
"""So far back the mail is held against what came before."""
ROWS = click.Path(exists=True, dir_okay=False, path_type=Path)


def corpus(base: str) -> list[LabelledReply]:
    """Return the shipped corpus, if it is wanted."""
    from classifier.labelled import read_corpus  # noqa: PLC0415

    return read_corpus() if base == "default" else []


def own_rows(engine: Engine, files: Sequence[Path] = (), since: datetime | None = None) -> list[LabelledReply]:
    """Return the rows of some files and the labels in the database; of one text, what the files say."""
    from classifier.labelled import merge  # noqa: PLC0415
    from models.session import reading  # noqa: PLC0415
    from worker.learning.labels import labelled_replies  # noqa: PLC0415

    with reading(engine) as session:
        labels = labelled_replies(session, since.replace(tzinfo=UTC) if since else None)
    return merge(file_rows(files), labels)


def file_rows(files: Sequence[Path]) -> list[LabelledReply]:
    """Return the rows of some files."""
    from classifier.labelled import read_rows  # noqa: PLC0415

    return [row for path in files for row in read_rows(path)]
