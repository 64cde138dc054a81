"""The campaign that a person or a program means by a key."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.tables.mailing import Campaign
from worker.errors import NotFoundError


def find_campaign(session: Session, team_id: int, key: str) -> Campaign:
    """Return a campaign of the team by its key.

    Raises:
        NotFoundError: there is none.
    """
    campaign = session.scalar(select(Campaign).where(Campaign.team_id == team_id, Campaign.key == key))
    if campaign is None:
        raise NotFoundError(f"no campaign {key!r}; inbox-worker campaigns list shows the keys")
    return campaign
