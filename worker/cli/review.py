"""`review`: what a person should look at, and what they say to it; mail that was set aside, and another try."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import click
from sqlalchemy import Engine

from classifier.verdict import ReplyClass
from models.events import ReviewKind, Status
from models.session import reading, transaction
from worker.acts.person import resolve_review
from worker.cli.common import act, find_mailbox, find_team, now, start, team_option
from worker.cli.listing import limit_option, listing
from worker.cli.numbers import ROW_ID
from worker.cli.output import as_json, emit, text
from worker.cli.report import change_row, print_changes
from worker.errors import InputError
from worker.queries.story import list_reviews
from worker.rules import rules_of
from worker.writing.aside import list_aside

if TYPE_CHECKING:
    from worker.acts.retry import Tried
    from worker.desk import Desk

DISMISS = "dismiss"
ANSWERS = (*(each.value for each in ReplyClass), Status.BOUNCED.value, Status.APPOINTMENT_BOOKED.value, DISMISS)


@click.group()
def review() -> None:
    """List what a person should look at, and say what it is."""


@review.command("list")
@click.option("--kind", type=click.Choice([each.value for each in ReviewKind]), help="Only items of this kind.")
@click.option("--campaign", help="Only this campaign (key or name).")
@click.option("--teach", is_flag=True, help="First what teaches the classifier most, urgent or not.")
@click.option("--aside", is_flag=True, help="Instead of items the mail that could not be judged or written.")
@click.option("--mailbox", help="With --aside: only this mailbox.")
@team_option
@limit_option
@as_json
def list_(
    kind: str | None,
    campaign: str | None,
    teach: bool,
    aside: bool,
    mailbox: str | None,
    team: str,
    limit: int,
    as_json: bool,
) -> None:
    """List the open items, the most urgent first: those that hold a sequence. Or the mail that was set aside."""
    if aside and (kind or campaign or teach):
        raise click.UsageError("--aside lists mail and no items; it goes with --mailbox only")
    if mailbox and not aside:
        raise click.UsageError("--mailbox goes with --aside")
    _, engine = start()
    if aside:
        _list_aside(engine, mailbox, limit, as_json=as_json)
        return
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
@click.argument("item", type=ROW_ID)
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


@review.command("retry")
@click.argument("messages", type=ROW_ID, nargs=-1, metavar="[MESSAGE]...")
@click.option("--all", "everything", is_flag=True, help="Every message that was set aside and whose octets were kept.")
@as_json
def retry_(messages: tuple[int, ...], everything: bool, as_json: bool) -> None:
    """Judge and write mail anew that was set aside, from the octets that were kept; its mailbox is not asked."""
    from worker.acts.retry import retry  # noqa: PLC0415 - these load the classifier, which nothing else here needs
    from worker.daemon.serving import Classifier  # noqa: PLC0415
    from worker.errands.service import open_mailbox  # noqa: PLC0415

    if bool(messages) == everything:
        raise click.UsageError("name messages (inbox-worker review list --aside shows them), or give --all")
    settings, engine = start()
    classifier = Classifier(engine, settings).current()

    @cache
    def desk_of(mailbox_id: int) -> Desk:
        return open_mailbox(engine, mailbox_id, settings, classifier)[1]

    tried = list(retry(engine, messages, desk_of, now()))
    if as_json:
        emit([_tried_row(each) for each in tried])
    else:
        for each in tried:
            click.echo(_tried_line(each))
        if not tried:
            click.echo("no messages set aside")
        print_changes([change for each in tried for change in each.changes])
    failed = sum(not each.fared_well for each in tried)
    if failed:
        raise InputError(f"{failed} of {len(tried)} messages cannot be judged or written yet; they stay set aside")


def _list_aside(engine: Engine, mailbox: str | None, limit: int, *, as_json: bool) -> None:
    with reading(engine) as session:
        mailbox_id = find_mailbox(session, mailbox).id if mailbox else None
        rows = list_aside(session, mailbox_id, limit + 1)
    columns = ("id", "mailbox", "folder", "arrived_at", "subject", "size", "attempts", "error", "next_step")
    listing("messages set aside", columns, rows, as_json=as_json, limit=limit)


def _tried_row(tried: Tried) -> dict[str, Any]:
    return {
        "message": tried.message_id,
        "state": tried.row.state.value,
        "now": tried.row.id,
        "error": tried.row.error,
        "changes": [change_row(each) for each in tried.changes],
    }


def _tried_line(tried: Tried) -> str:
    if tried.fared_well:
        return f"message {tried.message_id}: {tried.row.state.value}; see inbox-worker messages show {tried.row.id}"
    return f"message {tried.message_id}: {text(tried.row.error)}"
