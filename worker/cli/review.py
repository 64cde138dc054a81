"""`review`: what a person should look at, and what they say to it."""

from __future__ import annotations

import click

from classifier.verdict import ReplyClass
from models.events import ReviewKind, Status
from models.session import reading, transaction
from worker.cli.common import act, find_team, start, team_option
from worker.cli.listing import limit_option, listing
from worker.cli.output import as_json, emit
from worker.cli.report import change_row, print_changes
from worker.desk import rules_of
from worker.person import resolve_review
from worker.story import list_reviews

DISMISS = "dismiss"
ANSWERS = (*(each.value for each in ReplyClass), Status.BOUNCED.value, Status.APPOINTMENT_BOOKED.value, DISMISS)


@click.group()
def review() -> None:
    """List what a person should look at, and say what it is."""


@review.command("list")
@click.option("--kind", type=click.Choice([each.value for each in ReviewKind]), help="Only items of this kind.")
@click.option("--campaign", help="Only this campaign (key or name).")
@click.option("--teach", is_flag=True, help="First what teaches the classifier most, urgent or not.")
@team_option
@limit_option
@as_json
def list_(kind: str | None, campaign: str | None, teach: bool, team: str, limit: int, as_json: bool) -> None:
    """List the open items, the most urgent first: those that hold a sequence."""
    _, engine = start()
    team_id = find_team(engine, team)
    with reading(engine) as session:
        rows = list_reviews(
            session,
            team_id,
            kind=ReviewKind(kind) if kind else None,
            campaign=campaign,
            teaching=teach,
            limit=limit + 1,
        )
    columns = ("id", "kind", "holds", "address", "campaign", "status", "guess", "confidence", "message", "subject")
    listing("open review items", columns, rows, as_json=as_json, limit=limit)


@review.command()
@click.argument("item", type=int)
@click.argument("answer", type=click.Choice(ANSWERS, case_sensitive=False), metavar="CLASS|dismiss")
@click.option("--why", help="Kept in the history.")
@team_option
@as_json
def resolve(item: int, answer: str, why: str | None, team: str, as_json: bool) -> None:
    """Say which class the mail of ITEM belongs to, or dismiss it where there is nothing in it.

    CLASS is one of Engaged, Interested, "Not Interested", "Auto Response", "Out of Office", Unsubscribed, Bounced,
    "Appointment Booked".
    """
    settings, engine = start()
    rules = rules_of(settings, find_team(engine, team))
    with transaction(engine) as session:
        changes = resolve_review(session, rules, item, None if answer == DISMISS else Status(answer), act(why))
    if as_json:
        emit([{"item": item, "answer": answer, "changes": [change_row(each) for each in changes]}])
        return
    click.echo(f"review item {item} is settled: {answer}")
    print_changes(changes)
