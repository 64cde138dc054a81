"""`messages`: mail that matched nobody or was set aside, and everything about one message."""

from __future__ import annotations

from typing import Any

import click
from sqlalchemy import select

from models.session import reading
from models.tables.mail import VERDICT_OF_MESSAGE, InboundMessage, MessageState, VerdictRow
from models.tables.mailboxes import Mailbox
from worker.cli.common import find_mailbox, start
from worker.cli.listing import limit_option, listing
from worker.cli.numbers import ROW_ID
from worker.cli.output import as_json, emit, text
from worker.errors import InputError
from worker.queries.messages import effects_of, facts_of
from worker.writing.aside import attempts_of


@click.group()
def messages() -> None:
    """Mail that matched nobody, or was set aside; and what is known about one message."""


@messages.command("list")
@click.option("--unmatched", "state", flag_value=MessageState.UNMATCHED.value, default=True, help="The default.")
@click.option(
    "--set-aside", "state", flag_value=MessageState.SET_ASIDE.value, help="What could not be judged or written."
)
@click.option("--duplicates", "state", flag_value=MessageState.DUPLICATE.value, help="Second copies of the same mail.")
@click.option("--erased", "state", flag_value=MessageState.ERASED.value, help="Mail of people who were erased.")
@click.option("--mailbox", help="Only this mailbox.")
@limit_option
@as_json
def list_(state: str, mailbox: str | None, limit: int, as_json: bool) -> None:
    """List messages, the newest first: those that matched nobody we mailed, or the kind asked for."""
    _, engine = start()
    query = (
        select(InboundMessage, Mailbox.name, VerdictRow)
        .join(Mailbox, Mailbox.id == InboundMessage.mailbox_id)
        .outerjoin(VerdictRow, VERDICT_OF_MESSAGE)
        .where(InboundMessage.state == MessageState(state))
        .order_by(InboundMessage.arrived_at.desc(), InboundMessage.id.desc())
        .limit(limit + 1)
    )
    with reading(engine) as session:
        if mailbox:
            query = query.where(Mailbox.id == find_mailbox(session, mailbox).id)
        rows = [facts_of(*row) for row in session.execute(query)]
    last = {MessageState.SET_ASIDE.value: "error", MessageState.DUPLICATE.value: "duplicate_of"}.get(state, "verdict")
    columns = ("id", "mailbox", "arrived_at", "from", "subject", last)
    name = {MessageState.DUPLICATE.value: "duplicate messages"}.get(state, f"messages {state}")
    listing(name, columns, rows, as_json=as_json, limit=limit)


@messages.command()
@click.argument("message", type=ROW_ID, metavar="ID")
@as_json
def show(message: int, as_json: bool) -> None:
    """Show everything about one message: facts, verdict with evidence, whom it changed, problems, its own words."""
    _, engine = start()
    with reading(engine) as session:
        row = session.get(InboundMessage, message)
        if row is None:
            raise InputError(f"no message {message}; inbox-worker messages list shows some")
        verdict = session.get(VerdictRow, message)
        facts = facts_of(row, session.get_one(Mailbox, row.mailbox_id).name, verdict)
        facts |= attempts_of(session, message)
        facts |= {"events": effects_of(session, message), "details": verdict.details if verdict else None}
    if as_json:
        emit([facts])
    else:
        _print(facts)


def _print(facts: dict[str, Any]) -> None:
    details = facts.pop("details") or {}
    events = facts.pop("events")
    problems = facts.pop("problems")
    removed = facts.pop("removed")
    for name, value in facts.items():
        if value is not None and value is not False:
            click.echo(f"{name.replace('_', ' ') + ':':14} {text(value)}")
    for each in details.get("evidence", ()):
        click.echo(f"because:       {text(each['detector'])}: {text(each['because'])}")
    for each in events:
        click.echo(
            f"event:         {text(each['address'])} in {text(each['campaign'])} ({each['event'].replace('_', ' ')})"
        )
    for problem in problems:
        click.echo(f"problem:       {text(problem)}")
    if facts["state"] == MessageState.ERASED.value:
        click.echo("\nIts sender, or whoever it was about, was erased on request; only that it was read is kept.")
    if removed:
        click.echo("\nIts verdict and words are kept no more: they are older than INBOX_MESSAGE_MONTHS.")
    if details.get("visible_text"):
        click.echo("\n" + "\n".join(f"    {text(line)}" for line in details["visible_text"].splitlines()))
