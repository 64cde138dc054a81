"""What was done with many recipients or addresses at once, as front ends list it."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.tables.people import BulkAct
from worker.queries.story import Row


def recent_acts(session: Session, team_id: int, limit: int = 20) -> list[Row]:
    """Return the newest acts on many, the newest first."""
    count = func.json_array_length(BulkAct.targets)
    query = select(BulkAct, count).where(BulkAct.team_id == team_id).order_by(BulkAct.id.desc()).limit(limit)
    return [
        {
            "id": act.id,
            "kind": act.kind,
            "says": act.says,
            "by": act.actor,
            "at": act.recorded_at,
            "count": targets,
            "undone_at": act.undone_at,
            "undone_by": act.undone_by,
        }
        for act, targets in session.execute(query)
    ]
