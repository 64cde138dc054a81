"""Writes the labelled replies of a team as a file that can be imported again and trained on."""

from __future__ import annotations

import csv
import json
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.tables.learning import Label
from worker.errors import InputError
from worker.learning.label_files import CSV, ONLY_WRITTEN
from worker.spreadsheet import guarded

WRITTEN = ("id", "language", "subject", "text", "class", "hard", "note", *ONLY_WRITTEN)
_LINE_ENDS = {ord(each): json.dumps(each)[1:-1] for each in "\x85\u2028\u2029"}
"""Line ends that JSON may hold as they are, at which many a reader of lines would cut it."""


def export_labels(session: Session, team_id: int, since: datetime | None, form: str) -> Iterator[str]:
    """Yield the team's labels as pieces of a file of this format, the oldest first, few of them in memory at once."""
    query = select(Label).where(Label.team_id == team_id).order_by(Label.id)
    if since is not None:
        query = query.where(Label.recorded_at >= since)
    labels = session.scalars(query, execution_options={"yield_per": 1_000})
    rows = (_fields(label) for label in labels)
    if form == CSV:
        # Every cell is quoted: the reader of some Python versions stumbles over a bare carriage return.
        table = csv.writer(_Echo(), lineterminator="\n", quoting=csv.QUOTE_ALL)
        yield str(table.writerow(WRITTEN))
        yield from (str(table.writerow(map(_cell, row.values()))) for row in rows)
    else:
        yield from (json.dumps(row, ensure_ascii=False).translate(_LINE_ENDS) + "\n" for row in rows)


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Give a file to write; it takes the place of `path` at the end, and does not where anything fails.

    A new file is readable by this user alone, since it holds people's mail; one that is replaced keeps its mode.

    Raises:
        InputError: `path` is a device or a pipe, which cannot be replaced, or no file can be made beside it.
    """
    path = path.resolve()
    if path.exists() and not path.is_file():
        raise InputError(f"{path} is no ordinary file; leave --out away and redirect the output there")
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise InputError(f"no file can be made in {path.parent}: {error.strerror}; name another place") from error
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            temporary.chmod(stat.S_IMODE(path.stat().st_mode))
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _fields(label: Label) -> dict[str, Any]:
    """Return a label as it is written; the id as a text, as the files that are trained on have it."""
    return {
        "id": str(label.id),
        "language": label.language,
        "subject": label.subject,
        "text": label.text,
        "class": label.label.value,
        "hard": label.hard,
        "note": label.note,
        "source": label.source.value,
        "by": label.actor,
        "at": label.recorded_at.isoformat(),
        "machine": label.machine.value if label.machine else None,
        "sampled": label.sampled,
    }


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else guarded(str(value))


class _Echo:
    """A file for the CSV writer that hands back what is written."""

    def write(self, piece: str) -> str:
        return piece
