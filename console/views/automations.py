"""`/automations`: the rules of campaigns, in words and as a form, and what one would have done in the past."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from http import HTTPStatus
from itertools import groupby
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session
from starlette.background import BackgroundTask

from console.office import Office
from console.plain_words import plain_words
from console.render import go, link, render
from console.rule_form import Fields, Key, Typed, Value, action_value, fields_of, shown, written
from console.rule_words import action_words, rule_words
from console.values import PLAIN_OR_NONE
from console.visitor import Admin, TheOffice, Viewer, Visitor
from models.automation import Action, AddDne, Automation, Call, Move, SetStatus, Stop
from models.events import Status
from models.session import reading, transaction
from worker.acts.automations import announce, keep_automation, remove_automation
from worker.acts.rehearse import MOST, Rehearsal, rehearse
from worker.errors import InputError
from worker.queries.campaigns import find_campaign
from worker.queries.pages import LIMIT, campaign_choices
from worker.queries.rule_pages import COUNTED, rule_of, rules_page
from worker.queries.story import Row
from worker.sending.sends import LONGEST_CAMPAIGN
from worker.webhooks.endpoints import endpoint_names

HERE = "/automations"
router = APIRouter(prefix=HERE, include_in_schema=False)

TRIED_DAYS = 30
MOST_CHOICES = 200
"""Campaigns that a form offers to move to; others are named as JSON."""
ACTIONS: Mapping[Action, str] = {
    Stop(do="stop"): "Stop the sequence",
    SetStatus(do="set_status", status=Status.ENGAGED): "Set Engaged",
    SetStatus(do="set_status", status=Status.NOT_INTERESTED): "Set Not Interested: ends the sequence",
    AddDne(do="add_dne"): "Add to Do Not Email: ends the sequence",
}
ANSWERS = (
    Status.ENGAGED, Status.INTERESTED, Status.NOT_INTERESTED, Status.AUTO_RESPONSE, Status.OUT_OF_OFFICE,
    Status.UNSUBSCRIBED,
)  # fmt: skip

OneOrAll = Annotated[str, Query(max_length=LONGEST_CAMPAIGN, pattern=PLAIN_OR_NONE)]


class Asked(BaseModel):
    """Which rule is to be edited; an empty name: a new one of the campaign."""

    campaign: Annotated[str, Field(max_length=LONGEST_CAMPAIGN, pattern=PLAIN_OR_NONE)] = ""
    rule: Annotated[str, Field(max_length=LONGEST_CAMPAIGN, pattern=PLAIN_OR_NONE)] = ""
    as_json: bool = False


class Tried(Typed):
    """A rule as it is typed, and from which day on it is tried."""

    since: Annotated[date, Field(ge=date(2000, 1, 1), le=date(2100, 1, 1))]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Form:
    """The form of a rule: whose, what it was called before, what it shows, and what came of trying it."""

    campaign: str
    was: str
    was_id: int = 0
    fields: Fields
    since: date | None = None
    problem: str = ""
    tried: Rehearsal | None = None


@router.get("")
def page(
    request: Request,
    office: TheOffice,
    visitor: Viewer,
    campaign: OneOrAll = "",
    after: Annotated[str, Query(max_length=500)] = "",
) -> Response:
    """Show the rules that stand, by campaign."""
    with reading(office.engine) as session:
        found = rules_page(session, visitor.team_id, campaign or None, after or None, LIMIT)
        campaigns = campaign_choices(session, visitor.team_id)
    names = {each["key"]: each["name"] for each in campaigns}
    rows = [row | {"told": rule_words(Automation.model_validate(row["definition"]), names)} for row in found.rows]
    grouped = [(key, list(some)) for key, some in groupby(rows, key=lambda row: row["campaign"])]
    values: dict[str, Any] = {"campaigns": campaigns, "campaign": campaign, "after": after, "counted": COUNTED}
    return render(request, "automations.html", grouped=grouped, next=found.next, **values)


@router.get("/edit")
def edit(request: Request, office: TheOffice, visitor: Admin, asked: Annotated[Asked, Query()]) -> Response:
    """Show the form of a rule that stands, or of a new one."""
    rule, was_id = None, 0
    if asked.rule:
        with reading(office.engine) as session:
            row = rule_of(session, visitor.team_id, asked.campaign, asked.rule)
        rule, was_id = Automation.model_validate(row["definition"]), row["id"]
    fields = fields_of(rule, as_json=asked.as_json)
    return _show(request, office, visitor, _Form(campaign=asked.campaign, was=asked.rule, was_id=was_id, fields=fields))


@router.get("/try")
@router.get("/keep")
@router.get("/as-json")
def again(visitor: Viewer) -> Response:
    """Lead whoever opens the address of a sent form anew to the rules."""
    del visitor
    return RedirectResponse(HERE, HTTPStatus.SEE_OTHER)


@router.post("/as-json")
def as_json(request: Request, office: TheOffice, visitor: Admin, typed: Annotated[Typed, Form()]) -> Response:
    """Show what was chosen in the form as JSON, to go on with."""
    try:
        fields = written(typed)
    except InputError as error:
        return _show(request, office, visitor, _typed(typed, problem=str(error)))
    form = _Form(campaign=typed.campaign, was=typed.was, was_id=typed.was_id, fields=fields)
    return _show(request, office, visitor, form)


@router.post("/keep")
def keep(request: Request, office: TheOffice, visitor: Admin, typed: Annotated[Typed, Form()]) -> Response:
    """Let a rule stand from now on."""
    act = visitor.act(office)
    try:
        rule = typed.rule()
        with transaction(office.engine) as session:
            timed = keep_automation(session, visitor.team_id, typed.campaign, rule, typed.was_id or None, act)
    except InputError as error:
        return _show(request, office, visitor, _typed(typed, problem=str(error)))
    response = go(request, link(HERE, campaign=typed.campaign), f"{rule.name} acts from now on.")
    if timed:
        # Of many recipients it takes a while, and who asked need not wait for it.
        writer = partial(transaction, office.engine)
        response.background = BackgroundTask(announce, writer, visitor.team_id, typed.campaign, act)
    return response


@router.post("/try")
def try_(request: Request, office: TheOffice, visitor: Admin, typed: Annotated[Tried, Form()]) -> Response:
    """Show what a rule would have done, had it stood since a day."""
    since = datetime.combine(typed.since, time(), visitor.zone).astimezone(UTC)
    try:
        rule = typed.rule()
        with reading(office.engine) as session:
            found = rehearse(session, visitor.team_id, typed.campaign, rule, since, office.clock())
    except InputError as error:
        return _show(request, office, visitor, _typed(typed, since=typed.since, problem=str(error)))
    return _show(request, office, visitor, _typed(typed, since=typed.since, tried=found))


@router.post("/remove")
def remove(
    request: Request,
    office: TheOffice,
    visitor: Admin,
    campaign: Annotated[Key, Form()],
    rule: Annotated[Value, Form()],
) -> Response:
    """Let a rule act no more."""
    with transaction(office.engine) as session:
        remove_automation(session, visitor.team_id, campaign, rule, visitor.act(office))
    return go(request, link(HERE, campaign=campaign), f"{rule} acts no more; what it did stays done.")


def _typed(typed: Typed, **values: Any) -> _Form:
    return _Form(campaign=typed.campaign, was=typed.was, was_id=typed.was_id, fields=shown(typed), **values)


def _show(request: Request, office: Office, visitor: Visitor, form: _Form) -> Response:
    with reading(office.engine) as session:
        campaign = find_campaign(session, visitor.team_id, form.campaign)
        choices = _choices(session, visitor.team_id, form.campaign)
    today = office.clock().astimezone(visitor.zone).date()
    return render(
        request,
        "automation.html",
        HTTPStatus.UNPROCESSABLE_ENTITY if form.problem else HTTPStatus.OK,
        form=form,
        problem=plain_words(form.problem),
        campaign=campaign,
        choices=choices,
        known={value for _, some in choices for value, _ in some},
        answers=ANSWERS,
        today=today,
        since=form.since or today - timedelta(days=TRIED_DAYS),
        most=MOST,
    )


Choices = Sequence[tuple[str, Sequence[tuple[str, str]]]]
"""Headings, and below each the values of actions and their words."""


def _choices(session: Session, team_id: int, campaign: str) -> Choices:
    """Return the actions that a form offers."""
    others: list[Row] = [each for each in campaign_choices(session, team_id) if each["key"] != campaign]
    names = {each["key"]: _called(each) for each in others[:MOST_CHOICES]}
    moves = [Move(do="move", campaign=key) for key in names]
    calls = [Call(do="call", endpoint=name) for name in endpoint_names(session, team_id)]
    return [
        ("Here", [(action_value(each), words) for each, words in ACTIONS.items()]),
        ("Stop, and move to another campaign", [(action_value(each), action_words(each, names)) for each in moves]),
        ("Call a webhook", [(action_value(each), action_words(each, names)) for each in calls]),
    ]


def _called(campaign: Row) -> str:
    key, name = campaign["key"], campaign["name"]
    return str(name) if key == name else f"{name} ({key})"
