"""Stores rows of a file of labelled replies: all of them in one transaction, none that contradicts what is stored."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from models.events import Status
from models.session import insert_new, transaction
from models.tables.learning import Label, LabelSource
from worker.act import Act
from worker.chunks import chunks
from worker.learning.label_files import Problem, Row
from worker.writing.locks import lock_team


def new_rows(session: Session, team_id: int, rows: Sequence[Row]) -> tuple[list[Row], list[Problem]]:
    """Return the rows whose text the team has not labelled yet, and what is wrong with the others."""
    stored: dict[str, tuple[int, Status]] = {}
    for chunk in chunks(rows):
        query = select(Label.text_key, Label.id, Label.label).order_by(Label.recorded_at, Label.id)
        keys = [row.key for row in chunk]
        # Of several labels of one text the newest stands; it comes last.
        for key, label_id, label in session.execute(query.where(Label.team_id == team_id, Label.text_key.in_(keys))):
            stored[key] = (label_id, label)
    problems = [Problem(row.number, _stored_already(row, *stored[row.key])) for row in rows if row.key in stored]
    return [row for row in rows if row.key not in stored], problems


def store(engine: Engine, team_id: int, rows: Sequence[Row], act: Act, *, skip_bad: bool) -> tuple[int, list[Problem]]:
    """Import the rows in one transaction and return how many, and what others stored of them in the meantime.

    Without `skip_bad` one such row means that nothing is imported.
    """
    with transaction(engine) as session:
        # Another import of the same texts would not see ours; nor would a person's decision.
        lock_team(session, team_id, exclusive=True)
        new, problems = new_rows(session, team_id, rows)
        if problems and not skip_bad:
            return 0, problems
        imported = sum(insert_new(session, Label, [_columns(row, team_id, act) for row in c]) for c in chunks(new))
        return imported, problems


def _stored_already(row: Row, label_id: int, label: Status) -> str:
    if label.value == row.label.value:
        return f"duplicate: label {label_id} says the same already"
    return (
        f"conflict: stored as {label.value} (label {label_id}), here {row.label.value};"
        f' to change that: inbox-worker labels set {label_id} "{row.label.value}"'
    )


def _columns(row: Row, team_id: int, act: Act) -> dict[str, Any]:
    return {
        "team_id": team_id,
        "key": row.key,
        "text_key": row.key,
        "subject": row.subject,
        "text": row.text,
        "language": row.language,
        "label": Status(row.label.value),
        "hard": row.hard,
        "note": row.note,
        "source": LabelSource.IMPORT,
        "machine": None,
        "sampled": False,
        "message_id": None,
        "actor": act.by,
        "recorded_at": act.at,
    }
