"""`recipients`: list them, tell the whole story of one, add and remove them, set a status by hand and take it back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import click
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.events import SequenceState, Status
from models.session import reading, transaction
from models.tables.mailing import Campaign, Recipient
from worker.acts.address_list import read_list
from worker.acts.joining import Joined, join
from worker.acts.person import find_recipients, set_status
from worker.acts.undo import undo
from worker.chunks import chunks
from worker.cli.common import act, find_team, start, team_option
from worker.cli.listing import limit_option, listing
from worker.cli.output import as_json, emit, text
from worker.cli.report import change_row, print_changes
from worker.cli.telling import print_story
from worker.errors import InputError
from worker.queries.history import tell
from worker.queries.story import Wanted, list_recipients
from worker.rules import rules_of
from worker.writing.refold import Change

campaign_option = click.option("--campaign", help="Only this campaign (key or name).")
one_campaign_option = click.option("--campaign", help="Needed where the address is in several (key or name).")
status_choice = click.Choice([each.value for each in Status], case_sensitive=False)


@click.group()
def recipients() -> None:
    """List recipients, show everything about one, add and remove them, set a status and take it back."""


@recipients.command("list")
@campaign_option
@click.option("--status", type=status_choice, help="Only this status.")
@click.option("--sequence", type=click.Choice([each.value for each in SequenceState]), help="Only this sequence state.")
@click.option("--address", help="Only addresses with this in them.")
@click.option("--all", "unlisted", is_flag=True, help="Also those that left their campaign's list.")
@team_option
@limit_option
@as_json
def list_(
    campaign: str | None,
    status: str | None,
    sequence: str | None,
    address: str | None,
    unlisted: bool,
    team: str,
    limit: int,
    as_json: bool,
) -> None:
    """List recipients by address."""
    _, engine = start()
    wanted = Wanted(
        campaign=campaign,
        status=Status(status) if status else None,
        sequence=SequenceState(sequence) if sequence else None,
        address=address,
        unlisted=unlisted,
    )
    team_id = find_team(engine, team)
    with reading(engine) as session:
        rows = list_recipients(session, team_id, wanted, limit + 1)
    columns = ("address", "campaign", "status", "sequence", "until", "reason", "do_not_email")
    listing("recipients", columns, rows, as_json=as_json, limit=limit)


@recipients.command()
@click.argument("address")
@campaign_option
@team_option
@as_json
def show(address: str, campaign: str | None, team: str, as_json: bool) -> None:
    """Tell everything about ADDRESS: statuses, Do Not Email, what happened and why, open questions."""
    _, engine = start()
    team_id = find_team(engine, team)
    with reading(engine) as session:
        story = tell(session, team_id, address, campaign)
    if as_json:
        emit([story])
    else:
        print_story(story)


@recipients.command("set-status")
@click.argument("address")
@click.argument("status", type=status_choice, metavar="STATUS")
@one_campaign_option
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help="With Out of Office: the day the person is back.")
@click.option("--why", help="Kept in the history.")
@click.option(
    "--other-cause", is_flag=True, help="The newest mail is not why (a phone call was): the classifier learns nothing."
)
@team_option
@as_json
def set_status_(
    address: str,
    status: str,
    campaign: str | None,
    until: datetime | None,
    why: str | None,
    other_cause: bool,
    team: str,
    as_json: bool,
) -> None:
    """Set the status of ADDRESS by hand; it stands against the same and older mail, and the classifier may learn it.

    STATUS is one of the twelve: Active, Engaged, Interested, "Not Interested", "Auto Response", "Out of Office",
    Unsubscribed, "Unsubscribe link", Bounced, Removed, "Campaign Stopped", "Appointment Booked".
    """
    wanted, back = Status(status), until.date() if until else None
    if back and wanted is not Status.OUT_OF_OFFICE:
        raise click.UsageError("--until goes with the status Out of Office")
    settings, engine = start()
    rules = rules_of(settings, find_team(engine, team))
    with transaction(engine) as session:
        recipient_id = _one(session, rules.team_id, address, campaign)
        changes = set_status(session, rules, recipient_id, wanted, act(why), until=back, by_mail=not other_cause)
        row = _row(session, recipient_id, address, changes)
    _report_one(row, changes, as_json=as_json)


@recipients.command()
@click.argument("addresses", nargs=-1, metavar="ADDRESS...")
@click.option("--campaign", required=True, help="The campaign they join (key).")
@click.option(
    "--file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Also every address of this file: one a line, or CSV with a column address or email.",
)
@click.option("--why", help="Kept in the history.")
@team_option
@as_json
def add(
    addresses: tuple[str, ...], campaign: str, file: Path | None, why: str | None, team: str, as_json: bool
) -> None:
    """Let each ADDRESS join a campaign; who may not be mailed is refused, and named.

    The exit status is 1 where any was refused; the others have joined.
    """
    listed = [row.value for row in read_list(file, ("address", "email"))] if file else []
    if not addresses and not listed:
        raise click.UsageError("give addresses, or a file of them with --file")
    settings, engine = start()
    rules = rules_of(settings, find_team(engine, team))
    found: list[Joined] = []
    for chunk in chunks([*addresses, *listed]):
        with transaction(engine) as session:
            found += join(session, rules, campaign, chunk, act(why))
    _report_joined(found, as_json=as_json)
    if any(each.state == "refused" for each in found):
        click.get_current_context().exit(1)


def _report_joined(found: Sequence[Joined], *, as_json: bool) -> None:
    if as_json:
        emit(asdict(each) for each in found)
        return
    for each in found:
        if each.state != "joined":
            click.echo(f"{text(each.address)}: {each.state}: {text(each.says)}", err=each.state == "refused")
    counts = Counter(each.state for each in found)
    click.echo(f"joined: {counts['joined']}, known: {counts['known']}, refused: {counts['refused']}")


@recipients.command()
@click.argument("address")
@one_campaign_option
@click.option("--why", help="Kept in the history.")
@team_option
@as_json
def remove(address: str, campaign: str | None, why: str | None, team: str, as_json: bool) -> None:
    """Take ADDRESS out of a campaign; who was mailed stays listed as Removed, who was not leaves the list."""
    settings, engine = start()
    rules = rules_of(settings, find_team(engine, team))
    with transaction(engine) as session:
        recipient_id = _one(session, rules.team_id, address, campaign)
        changes = set_status(session, rules, recipient_id, Status.REMOVED, act(why), by_mail=False)
        row = _row(session, recipient_id, address, changes)
    _report_one(row, changes, as_json=as_json)


@recipients.command("undo")
@click.argument("address")
@one_campaign_option
@click.option("--why", help="Kept in the history; needed where an opt-out is taken back.")
@team_option
@as_json
def undo_(address: str, campaign: str | None, why: str | None, team: str, as_json: bool) -> None:
    """Take back the newest status or review answer that a person gave ADDRESS, with what followed from it."""
    settings, engine = start()
    rules = rules_of(settings, find_team(engine, team))
    with transaction(engine) as session:
        recipient_id = _one(session, rules.team_id, address, campaign)
        said, changes = undo(session, rules, recipient_id, act(why))
        row = _row(session, recipient_id, address, changes)
    if not as_json:
        click.echo(f"taken back: {text(said)}")
    _report_one(row | {"undone": said}, changes, as_json=as_json)


def _row(session: Session, recipient_id: int, address: str, changes: Sequence[Change]) -> dict[str, Any]:
    standing = session.get_one(Recipient, recipient_id, populate_existing=True).status
    return {"address": address, "status": standing.value, "changes": [change_row(each) for each in changes]}


def _report_one(row: dict[str, Any], changes: Sequence[Change], *, as_json: bool) -> None:
    if as_json:
        emit([row])
        return
    click.echo(f"{text(row['address'])}: {row['status']}")
    print_changes(changes)


def _one(session: Session, team_id: int, address: str, campaign: str | None) -> int:
    """Return the recipient that is meant; never guess between several."""
    found = find_recipients(session, team_id, address, campaign)
    if not found:
        where = f"campaign {campaign!r}" if campaign else "any campaign of this team"
        raise InputError(f"{address} is no recipient of {where}; inbox-worker recipients list --all shows them")
    if len(found) > 1:
        query = select(Campaign.key).join(Recipient, Recipient.campaign_id == Campaign.id).order_by(Campaign.key)
        keys = ", ".join(session.scalars(query.where(Recipient.id.in_(found))))
        raise InputError(f"{address} is in several campaigns; name one with --campaign: {keys}")
    return found[0]
