"""`/v1/automations`: the rules of campaigns, and what one would have done in the past."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Annotated, Any

from fastapi import BackgroundTasks, Query
from pydantic import BaseModel, Field

from console.api.frame import Admin, Listed, Viewer, act_of, api
from console.api.recipients import MOST
from console.values import PLAIN, Batch, CampaignKey, Moment, Strict
from console.visitor import TheOffice
from models.automation import Automation, Name
from models.events import Status
from models.session import reading, transaction
from worker.acts import rehearse
from worker.acts.automations import MOST_RULES, announce, put_automations, remove_automation
from worker.queries.rule_pages import COUNTED, rules_page
from worker.sending.sends import LONGEST_CAMPAIGN

router = api("automations")


class RuleRow(BaseModel):
    """A rule that stands."""

    id: int = Field(description="Another one after each change.")
    campaign: str = Field(description="The campaign's key.")
    campaign_name: str
    name: str
    when: str = Field(description="The condition in words.")
    since: datetime = Field(description="It acts on what happens from then on.")
    by: str
    acted: int | None = Field(
        description=f"How often it called an endpoint or moved somebody, counted up to {COUNTED}; {COUNTED + 1} stands"
        " for more, null for a rule that does neither."
    )
    definition: dict[str, Any] = Field(description="The rule, as POST takes it.")


class RulesRequest(Batch):
    """Rules for a campaign."""

    campaign: CampaignKey
    rules: Annotated[list[Automation], Field(min_length=1, max_length=MOST_RULES)]


class RulesAnswer(BaseModel):
    """The names of the rules that stand now."""

    in_place: list[str]


class RuleRemoval(Strict):
    """Which rule is to act no more."""

    campaign: CampaignKey
    name: Name


class RuleRemoved(BaseModel):
    """The name of the rule that acts no more."""

    removed: str


class TryRequest(Batch):
    """A rule, stored or not, and from when on it would have stood."""

    campaign: CampaignKey
    rule: Automation
    since: Moment


class ChangeCount(BaseModel):
    """How many recipients would stand otherwise."""

    before: Status = Field(description="As they stand without the rule.")
    after: Status
    recipients: int


class TouchedRow(BaseModel):
    """What the rule would have done to one recipient."""

    address: str
    at: datetime = Field(description="When it would have acted first.")
    before: Status
    after: Status
    says: list[str] = Field(description="What else it would have done, in words.")


class TryAnswer(BaseModel):
    """What the rule would have done; nothing is changed, and nobody is told."""

    looked_at: int = Field(description=f"Recipients, at most {rehearse.MOST}: those that changed last.")
    more: bool = Field(description="The campaign has more of them.")
    touched: int = Field(description="On so many it would have acted.")
    idle: int = Field(description="Of these so many whom it would have changed nothing about.")
    changes: list[ChangeCount]
    ends: int = Field(description="Sequences that would have ended.")
    bans: int = Field(description="Addresses under Do Not Email.")
    moves: dict[str, int] = Field(description="Campaign to how many would have joined it.")
    stays: dict[str, int] = Field(description="The same of those who may not join it, or are in it already.")
    calls: dict[str, int] = Field(description="Endpoint to recipients that it would have been told of.")
    first: list[TouchedRow] = Field(description=f"At most {rehearse.SHOWN} whom it would have changed something about.")


@router.get("/automations")
def list_rules(
    office: TheOffice,
    caller: Viewer,
    campaign: Annotated[
        str | None, Query(min_length=1, max_length=LONGEST_CAMPAIGN, pattern=PLAIN, description="Only of this one.")
    ] = None,
    after: Annotated[str | None, Query(max_length=500, description="`next` of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=MOST)] = 50,
) -> Listed[RuleRow]:
    """List the rules that stand, by campaign."""
    with reading(office.engine) as session:
        found = rules_page(session, caller.team_id, campaign, after, limit)
    return Listed(rows=[RuleRow(**row) for row in found.rows], next=found.next)


@router.post("/automations")
def put(asked: RulesRequest, office: TheOffice, caller: Admin, afterwards: BackgroundTasks) -> RulesAnswer:
    """Let rules stand from now on, in place of those of the same names.

    Rules that wait for days to pass are told to the campaign's recipients after the answer.
    """
    act, writer = act_of(office, caller), partial(transaction, office.engine)
    with writer() as session:
        timed = put_automations(session, caller.team_id, asked.campaign, asked.rules, act)
    if timed:
        afterwards.add_task(announce, writer, caller.team_id, asked.campaign, act)
    return RulesAnswer(in_place=[rule.name for rule in asked.rules])


@router.post("/automations/remove")
def remove(asked: RuleRemoval, office: TheOffice, caller: Admin) -> RuleRemoved:
    """Let a rule act no more; what it did stays done."""
    with transaction(office.engine) as session:
        act = act_of(office, caller)
        remove_automation(session, caller.team_id, asked.campaign, asked.name, act)
    return RuleRemoved(removed=asked.name)


@router.post("/automations/try")
def try_(asked: TryRequest, office: TheOffice, caller: Admin) -> TryAnswer:
    """Say what a rule would have done, had it stood since a time."""
    with reading(office.engine) as session:
        found = rehearse.rehearse(session, caller.team_id, asked.campaign, asked.rule, asked.since, office.clock())
    return _answer(found)


def _answer(found: rehearse.Rehearsal) -> TryAnswer:
    return TryAnswer(
        looked_at=found.looked_at,
        more=found.more,
        touched=found.touched,
        idle=found.idle,
        changes=[
            ChangeCount(before=before, after=after, recipients=count)
            for (before, after), count in found.changes.most_common()
        ],
        ends=found.ends,
        bans=found.bans,
        moves=found.moves,
        stays=found.stays,
        calls=found.calls,
        first=[TouchedRow.model_validate(each, from_attributes=True) for each in found.first],
    )
