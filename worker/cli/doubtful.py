"""`labels doubtful`: which labels are likely wrong?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from worker.cli.learning import ROWS, file_rows, team_option
from worker.cli.listing import limit_option, listing
from worker.cli.output import as_json
from worker.errors import InputError
from worker.learning.chosen_artifact import artifact_of, newest_version

if TYPE_CHECKING:
    # These load NumPy and SQLAlchemy, which --help need not wait for.
    from sqlalchemy import Engine

    from classifier.labelled import LabelledReply
    from worker.learning.doubts import Doubt


@click.command()
@click.argument("rows", nargs=-1, type=ROWS)
@click.option("--artifact", help="Version or file of the artifact to ask; default: the newest that was trained here.")
@team_option
@limit_option
@as_json
def doubtful(rows: Sequence[Path], artifact: str | None, team: str, limit: int, as_json: bool) -> None:
    """List the labels of the database, or the rows of files, the most doubtful first.

    ROWS: files of JSON lines {id, language, subject, text, class}. Each label is held against what rules and classifier
    say of the text; of what the classifier learnt from, against what was said while it was held out. So train first: it
    knows your mail best then. `labels set` and `labels drop` mend what is wrong.
    """
    from worker.cli.common import start  # noqa: PLC0415  # NumPy and SQLAlchemy: not for --help, here and below.
    from worker.learning.doubts import doubt  # noqa: PLC0415

    settings, engine = start()
    found_rows = file_rows(rows) if rows else _labels_of(engine, team)
    if not found_rows:
        raise InputError("no labels yet: inbox-worker labels import, or settle some of inbox-worker review list")
    judged = artifact_of(engine, settings, artifact or newest_version(engine))
    found = doubt(judged, found_rows, limit + 1)
    listing(
        "labels",
        ("id", "class", "instead", "confidence", "text"),
        [_row(each) for each in found.first],
        as_json=as_json,
        limit=limit,
    )
    if found.left_out:
        click.echo(f"{found.left_out} are left out: {judged.version} learnt from them without a test", err=True)


def _row(found: Doubt) -> dict[str, Any]:
    return {
        "id": found.row.id.removeprefix("label-"),
        "class": found.row.label.value,
        "instead": found.instead.value,
        "confidence": round(found.confidence, 4),
        "subject": found.row.subject,
        "text": found.row.text,
    }


def _labels_of(engine: Engine, team: str) -> list[LabelledReply]:
    from models.session import reading  # noqa: PLC0415
    from worker.cli.common import find_team  # noqa: PLC0415
    from worker.learning.labels import labelled_replies  # noqa: PLC0415

    wanted = find_team(engine, team)
    with reading(engine) as session:
        return labelled_replies(session, team_id=wanted)
