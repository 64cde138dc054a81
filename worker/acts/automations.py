"""The rules of campaigns: read from JSON, put in place of those of the same name, taken away, listed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from models.automation import Automation, Call, Move
from models.session import Writer, lock_contacts
from models.tables.mailing import Campaign, Recipient
from models.tables.outside import AutomationRule, WebhookEndpoint
from worker.act import Act
from worker.acts.mistakes import mistakes
from worker.errors import InputError, NotFoundError
from worker.queries.campaigns import find_campaign

_RULES = TypeAdapter(list[Automation])
MOST_RULES = 50
AT_ONCE = 2_000
"""Contacts of one transaction."""


def read_automations(path: Path) -> list[Automation]:
    """Read one rule, or a list of rules, from a JSON file.

    Raises:
        InputError: names every mistake and where in the file it stands.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path} cannot be read: {error}") from error
    try:
        return _RULES.validate_python(data if isinstance(data, list) else [data])
    except ValidationError as error:
        said = "\n".join(f"{path}: rule {mistake}" for mistake in mistakes(error))
        raise InputError(f"{said}\nNothing is changed; docs/automations.md shows the form.") from error


def automation_of(data: Any) -> Automation:
    """Return the rule that JSON data is.

    Raises:
        InputError: names every mistake and where it stands.
    """
    try:
        return Automation.model_validate(data)
    except ValidationError as error:
        raise InputError("\n".join(mistakes(error))) from error


def put_automations(
    session: Session, team_id: int, campaign_key: str, automations: Sequence[Automation], act: Act
) -> bool:
    """Let rules stand from now on, in place of those of the same names; what happened before is theirs no more.

    Returns:
        Whether a new one acts by the passing of time, so that the campaign must be told of it (`announce`).

    Raises:
        InputError: no such campaign, too many rules, or a rule names a campaign or an endpoint that the team lacks.
    """
    campaign = find_campaign(session, team_id, campaign_key)
    for automation in automations:
        refuse_unknown_places(session, campaign, automation)
    standing = {rule.name: rule for rule in _standing(session, campaign.id)}
    if len(standing | {each.name: each for each in automations}) > MOST_RULES:
        raise InputError(f"campaign {campaign_key!r} would have more than {MOST_RULES} rules; remove some first")
    new = [each for each in automations if _replace(session, campaign.id, standing.get(each.name), each, act)]
    session.flush()
    return any(each.when.days_without_reply is not None for each in new)


def _replace(session: Session, campaign_id: int, old: AutomationRule | None, automation: Automation, act: Act) -> bool:
    """Let a rule stand in place of an old one, and say whether it is another one at all."""
    definition = automation.model_dump(mode="json", by_alias=True, exclude_unset=True)
    if old is not None:
        if old.definition == definition:
            return False
        old.until = act.at
    session.add(
        AutomationRule(
            campaign_id=campaign_id,
            name=automation.name,
            definition=definition,
            since=act.at,
            actor=act.by,
            recorded_at=act.at,
        )
    )
    return True


def keep_automation(
    session: Session, team_id: int, campaign_key: str, automation: Automation, was_id: int | None, act: Act
) -> bool:
    """Let one rule stand that a person wrote, in place of the row that they had before them (None: it is a new one).

    Returns:
        As `put_automations`.

    Raises:
        InputError: as `put_automations`; another rule has this name; or somebody changed or removed it meanwhile.
    """
    campaign = find_campaign(session, team_id, campaign_key)
    standing = {rule.name: rule for rule in _standing(session, campaign.id)}
    was = next((rule for rule in standing.values() if rule.id == was_id), None)
    if was_id is not None and was is None:
        raise _meanwhile(session.get(AutomationRule, was_id), campaign.id, standing)
    if standing.get(automation.name, was) is not was:
        raise InputError(f"campaign {campaign_key!r} has another rule {automation.name!r}; choose another name")
    if was is not None and was.name != automation.name:
        was.until = act.at
    return put_automations(session, team_id, campaign_key, [automation], act)


def _meanwhile(was: AutomationRule | None, campaign_id: int, standing: Mapping[str, AutomationRule]) -> InputError:
    """Return why a rule that somebody had before them cannot be replaced: each change of a rule is another row."""
    if was is None or was.campaign_id != campaign_id or was.name not in standing:
        return InputError("the rule was removed or renamed since you opened it; look at the rules, and decide anew")
    by = standing[was.name].actor
    return InputError(f"{by} has changed {was.name!r} since you opened it; open it anew, and change it there")


def remove_automation(session: Session, team_id: int, campaign_key: str, name: str, act: Act) -> None:
    """Let a rule stand no longer; what it did stays done.

    Raises:
        NotFoundError: no such campaign or rule.
    """
    campaign = find_campaign(session, team_id, campaign_key)
    rules = {rule.name: rule for rule in _standing(session, campaign.id)}
    if name not in rules:
        known = ", ".join(sorted(rules)) or "none"
        raise NotFoundError(f"campaign {campaign_key!r} has no rule {name!r}; it has: {known}")
    # Who was announced for a change by this rule is folded then, and nothing happens.
    rules[name].until = act.at


def list_automations(session: Session, team_id: int, campaign_key: str | None = None) -> list[dict[str, Any]]:
    """Return the rules that stand, as plain rows."""
    query = (
        select(AutomationRule, Campaign.key)
        .join(Campaign, Campaign.id == AutomationRule.campaign_id)
        .where(Campaign.team_id == team_id, AutomationRule.until.is_(None))
        .order_by(Campaign.key, AutomationRule.id)
    )
    if campaign_key is not None:
        query = query.where(Campaign.id == find_campaign(session, team_id, campaign_key).id)
    return [
        {
            "campaign": key,
            "name": rule.name,
            "when": str(Automation.model_validate(rule.definition).when),
            "since": rule.since,
            "by": rule.actor,
            "definition": rule.definition,
        }
        for rule, key in session.execute(query)
    ]


def _standing(session: Session, campaign_id: int) -> list[AutomationRule]:
    query = select(AutomationRule).where(AutomationRule.campaign_id == campaign_id, AutomationRule.until.is_(None))
    return list(session.scalars(query.with_for_update()))


def refuse_unknown_places(session: Session, campaign: Campaign, automation: Automation) -> None:
    """See that a rule can be stored, and leads only to places that the team has.

    Raises:
        InputError: it does not; names the rule.
    """
    if "\\u0000" in automation.model_dump_json():
        raise InputError(f"rule {automation.name!r}: a text of it holds the character NUL, which cannot be stored")
    for action in automation.actions():
        if isinstance(action, Move):
            if action.campaign == campaign.key:
                raise InputError(f"rule {automation.name!r}: campaign {campaign.key!r} cannot move to itself")
            find_campaign(session, campaign.team_id, action.campaign)
        if isinstance(action, Call):
            query = select(WebhookEndpoint.id).filter_by(team_id=campaign.team_id, name=action.endpoint)
            if session.scalar(query) is None:
                raise InputError(
                    f"rule {automation.name!r}: no endpoint {action.endpoint!r}; inbox-worker webhooks add makes it"
                )


def announce(writer: Writer, team_id: int, campaign_key: str, act: Act) -> None:
    """Let the daemon fold everybody in a campaign, which tells when its rules act by the passing of time.

    Needed only where `put_automations` says so, after it was committed: whoever is folded from then on knows the rules.
    In many short transactions, each under the contacts' locks, so that no fold in hand writes over it.
    """
    last = 0
    while True:
        with writer() as session:
            campaign_id = find_campaign(session, team_id, campaign_key).id
            query = (
                select(Recipient.contact_id)
                .where(Recipient.campaign_id == campaign_id, Recipient.contact_id > last)
                .order_by(Recipient.contact_id)
                .limit(AT_ONCE)
            )
            contacts = session.scalars(query).all()
            if not contacts:
                return
            lock_contacts(session, contacts)
            session.execute(
                update(Recipient)
                .where(Recipient.campaign_id == campaign_id, Recipient.contact_id.in_(contacts))
                .values(next_change_at=act.at)
                .execution_options(synchronize_session=False)
            )
            last = contacts[-1]
