"""`labels doubtful`: which labels are likely wrong?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from worker.cli.learning import ROWS, artifact_of, file_rows, newest_version, team_option
from worker.cli.listing import limit_option, listing
from worker.cli.output import as_json
from worker.errors import InputError

if TYPE_CHECKING:
    # These load NumPy and SQLAlchemy, which --help need not wait for.
    from sqlalchemy import Engine

    from classifier.labelled import LabelledReply


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
    from classifier.artifact import LABELS  # noqa: PLC0415  # NumPy: not for --help, here and below.
    from classifier.figures import decided  # noqa: PLC0415
    from classifier.meaning import meanings  # noqa: PLC0415
    from classifier.train import hear_all  # noqa: PLC0415
    from classifier.unseen import known, self_confidence, unseen  # noqa: PLC0415
    from worker.cli.common import start  # noqa: PLC0415

    settings, engine = start()
    found_rows = file_rows(rows) if rows else _labels_of(engine, team)
    if not found_rows:
        raise InputError("no labels yet: inbox-worker labels import, or settle some of inbox-worker review list")
    heard = hear_all(found_rows)
    judged = artifact_of(engine, settings, artifact or newest_version(engine))
    shares = unseen(judged, heard, meanings)
    told = known(shares).tolist()
    kept = [each for each, honest in zip(heard, told, strict=True) if honest]
    found = decided(kept, shares[told])
    confidence = self_confidence(kept, found).tolist()
    order = sorted(range(len(kept)), key=lambda at: (confidence[at], kept[at].row.id))
    listing(
        "labels",
        ("id", "class", "instead", "confidence", "text"),
        [
            {
                "id": kept[at].row.id.removeprefix("label-"),
                "class": kept[at].row.label.value,
                "instead": LABELS[int(found[at].argmax())],
                "confidence": round(confidence[at], 4),
                "subject": kept[at].row.subject,
                "text": kept[at].row.text,
            }
            for at in order[: limit + 1]
        ],
        as_json=as_json,
        limit=limit,
    )
    if len(kept) < len(heard):
        click.echo(f"{len(heard) - len(kept)} are left out: {judged.version} learnt from them without a test", err=True)


def _labels_of(engine: Engine, team: str) -> list[LabelledReply]:
    from models.session import reading  # noqa: PLC0415
    from worker.cli.common import find_team  # noqa: PLC0415
    from worker.labels import labelled_replies  # noqa: PLC0415

    wanted = find_team(engine, team)
    with reading(engine) as session:
        return labelled_replies(session, team_id=wanted)
