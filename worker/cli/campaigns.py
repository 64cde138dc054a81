"""`campaigns`: list them, and set what a reply does."""

from __future__ import annotations

from typing import Any

import click
from sqlalchemy import func, select

from models.events import SequenceState
from models.session import reading, transaction
from models.tables.mailing import AutoResponsePolicy, Campaign, Recipient
from worker.acts.campaigns import change_campaign
from worker.cli.common import find_team, start, team_id, team_option
from worker.cli.listing import limit_option, listing
from worker.cli.numbers import PAUSE_DAYS
from worker.cli.output import as_json


@click.group()
def campaigns() -> None:
    """List campaigns and set what a reply does."""


@campaigns.command("list")
@team_option
@limit_option
@as_json
def list_(team: str, limit: int, as_json: bool) -> None:
    """List the campaigns with their policy and how many recipients are listed and still running."""
    _, engine = start()
    listed = Recipient.listed.is_(True)
    running = listed & (Recipient.sequence == SequenceState.RUNNING)
    query = (
        select(Campaign, func.count().filter(listed), func.count().filter(running))
        .outerjoin(Recipient, Recipient.campaign_id == Campaign.id)
        .where(Campaign.team_id == find_team(engine, team))
        .group_by(Campaign.id)
        .order_by(Campaign.key)
        .limit(limit + 1)
    )
    with reading(engine) as session:
        rows = [_row(each) | {"recipients": all_, "running": going} for each, all_, going in session.execute(query)]
    columns = ("key", "name", "stop_on_reply", "auto_response", "auto_response_days", "recipients", "running")
    listing("campaigns", columns, rows, as_json=as_json, limit=limit)


@campaigns.command("set")
@click.argument("key")
@click.option("--name", help="The name people see.")
@click.option("--stop-on-reply/--no-stop-on-reply", default=None, help="Whether a reply ends the sequence.")
@click.option(
    "--auto-response",
    type=click.Choice([each.value for each in AutoResponsePolicy]),
    help="What an automatic answer does to the sequence.",
)
@click.option("--auto-response-days", type=PAUSE_DAYS, help="Days of the pause after an automatic answer.")
@team_option
@as_json
def set_(key: str, team: str, as_json: bool, **given: Any) -> None:
    """Set the policy of the campaign KEY; what was decided before stays decided."""
    wanted = {name: value for name, value in given.items() if value is not None}
    if not wanted:
        raise click.UsageError("give at least one of --name, --stop-on-reply, --auto-response, --auto-response-days")
    _, engine = start()
    with transaction(engine) as session:
        row = _row(change_campaign(session, team_id(session, team), key, wanted))
    listing("campaign", tuple(row), [row], as_json=as_json)


def _row(campaign: Campaign) -> dict[str, Any]:
    return {
        "key": campaign.key,
        "name": campaign.name,
        "stop_on_reply": campaign.stop_on_reply,
        "auto_response": AutoResponsePolicy(campaign.auto_response).value,
        "auto_response_days": campaign.auto_response_days,
        "policy_version": campaign.policy_version,
    }
