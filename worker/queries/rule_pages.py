"""The rules of campaigns that stand, in pages, with how often each acted outside; reads only."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Select, func, literal, select, tuple_
from sqlalchemy.orm import Session

from models.automation import Automation, Call, Move
from models.tables.mailing import Campaign
from models.tables.outside import AutomationCommand, AutomationRule
from worker.errors import NotFoundError
from worker.queries.campaigns import find_campaign
from worker.queries.pages import LIMIT, Page
from worker.queries.places import id_place, place

COUNTED = 1_000
"""How often a rule acted is counted up to this number; one more stands for even more."""


def rules_page(
    session: Session, team_id: int, campaign: str | None = None, after: str | None = None, limit: int = LIMIT
) -> Page:
    """Return rules by campaign, the oldest of each first.

    Raises:
        InputError: (NotFoundError) the team has no campaign with this key, or the cursor `after` is damaged.
    """
    query = _standing(team_id).order_by(Campaign.key, AutomationRule.id).limit(limit + 1)
    if campaign is not None:
        query = query.where(Campaign.id == find_campaign(session, team_id, campaign).id)
    if after is not None:
        query = query.where(_behind(session, team_id, id_place(after)))
    found = session.execute(query).all()
    rows = [_row(session, *row) for row in found[:limit]]
    return Page(rows, place(rows[-1]["id"]) if len(found) > limit else None)


def rule_of(session: Session, team_id: int, campaign: str, name: str) -> dict[str, Any]:
    """Return one rule that stands.

    Raises:
        NotFoundError: the team has no such campaign, or the campaign no such rule.
    """
    campaign_id = find_campaign(session, team_id, campaign).id
    query = _standing(team_id).where(Campaign.id == campaign_id, AutomationRule.name == name)
    found = session.execute(query).one_or_none()
    if found is None:
        raise NotFoundError(f"campaign {campaign!r} has no rule {name!r}; somebody may have removed or renamed it")
    return _row(session, *found)


def _standing(team_id: int) -> Select[AutomationRule, str, str]:
    return (
        select(AutomationRule, Campaign.key, Campaign.name)
        .join(Campaign, Campaign.id == AutomationRule.campaign_id)
        .where(Campaign.team_id == team_id, AutomationRule.until.is_(None))
    )


def _behind(session: Session, team_id: int, rule_id: int) -> ColumnElement[bool]:
    """Return the condition that a rule stands behind another one, which may be gone by now."""
    query = select(Campaign.key).join(AutomationRule, AutomationRule.campaign_id == Campaign.id)
    key = session.scalar(query.where(AutomationRule.id == rule_id, Campaign.team_id == team_id))
    last = tuple_(literal(key or "", Campaign.key.type), literal(rule_id, AutomationRule.id.type))
    return tuple_(Campaign.key, AutomationRule.id) > last


def _row(session: Session, rule: AutomationRule, key: str, campaign_name: str) -> dict[str, Any]:
    automation = Automation.model_validate(rule.definition)
    return {
        "id": rule.id,
        "campaign": key,
        "campaign_name": campaign_name,
        "name": rule.name,
        "when": str(automation.when),
        "since": rule.since,
        "by": rule.actor,
        "acted": _acted(session, rule.id) if _acts_outside(automation) else None,
        "definition": rule.definition,
    }


def _acts_outside(automation: Automation) -> bool:
    return any(isinstance(action, Move | Call) for action in automation.actions())


def _acted(session: Session, rule_id: int) -> int:
    some = select(AutomationCommand.id).where(AutomationCommand.rule_id == rule_id).limit(COUNTED + 1)
    return session.scalar(select(func.count()).select_from(some.subquery())) or 0
