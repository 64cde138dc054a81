"""Reads what share of a team's mail bounces for good, day by day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy.orm import Session

from models.events import Bounced
from models.tables.figures import Counted
from worker.queries.figures import figures

BOUNCE_DAYS = 28


@dataclass(frozen=True, slots=True)
class BounceDay:
    """Sends of a day, the bounces that came for good on it, and their share; None where nothing was sent."""

    day: date
    hard: int
    sends: int
    share: float | None


@dataclass(frozen=True, slots=True)
class Bounces:
    """The same for the last days together, and for each of them, the oldest first."""

    hard: int
    sends: int
    share: float | None
    days: list[BounceDay]

    def reaches(self, share: float, sends: int) -> bool:
        """Say whether as large a share as this has bounced, of so many sends that it tells something."""
        return self.sends >= sends and (self.share or 0) >= share


def bounce_rate(session: Session, team_id: int, today: date) -> Bounces:
    """Return the sends and bounces of the last days, as they were counted last (`worker.queries.figures`)."""
    days = [today - timedelta(days=back) for back in reversed(range(BOUNCE_DAYS))]
    sent = figures(session, team_id, Counted.SENT, days[0])
    bounced = figures(session, team_id, Counted.BOUNCED, days[0])
    rows = [(day, bounced.get(day, {}).get(Bounced.HARD, 0), sum(sent.get(day, {}).values())) for day in days]
    hard, sends = sum(row[1] for row in rows), sum(row[2] for row in rows)
    return Bounces(hard, sends, _share(hard, sends), [BounceDay(*row, _share(row[1], row[2])) for row in rows])


def _share(part: int, of: int) -> float | None:
    return part / of if of else None
