"""Campaigns and the policy that replies to them follow; for every front end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.session import insert_new
from models.tables.mailing import Campaign
from worker.errors import InputError, NotFoundError
from worker.writing.book import LEARNT

POLICY = frozenset({"stop_on_reply", "auto_response", "auto_response_days"})


def change_campaign(session: Session, team_id: int, key: str, wanted: Mapping[str, Any]) -> Campaign:
    """Set columns of a campaign; what was decided before stays decided.

    Args:
        session: inside a write transaction.
        team_id: whose.
        key: the sending side's name for it.
        wanted: name, stop_on_reply, auto_response, auto_response_days, as far as they are to change.

    Raises:
        NotFoundError: no such campaign.
    """
    query = select(Campaign).where(Campaign.team_id == team_id, Campaign.key == key)
    campaign = session.scalar(query.with_for_update())
    if campaign is None:
        raise NotFoundError(f"no campaign {key!r}; inbox-worker campaigns list shows the keys")
    changed = {name for name, value in wanted.items() if getattr(campaign, name) != value}
    for name in changed:
        setattr(campaign, name, wanted[name])
    if changed & POLICY:
        campaign.policy_version += 1
    session.flush()
    return campaign


def put_campaign(session: Session, team_id: int, key: str, wanted: Mapping[str, Any]) -> tuple[Campaign, bool]:
    """Make a campaign where it is new, set its columns, and say whether it was new.

    Raises:
        InputError: the key is kept for sends that were learnt from a Sent folder.
    """
    if key.startswith(LEARNT):
        raise InputError(f"{key!r}: keys that begin with {LEARNT!r} stand for sends learnt from a Sent folder")
    new = insert_new(session, Campaign, [{"team_id": team_id, "key": key, "name": wanted.get("name", key)}])
    campaign = change_campaign(session, team_id, key, wanted)
    if new:
        campaign.policy_version = 1  # Nothing was decided under the defaults that stood for a moment.
        session.flush()
    return campaign, bool(new)
