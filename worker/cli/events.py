"""`events`: what happened, as other systems hear of it."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from models.session import reading, transaction
from models.tables.outside import DeliveryState, EventType, OutboxEvent
from worker.cli.common import find_team, now, start, team_option
from worker.cli.numbers import ROW_ID
from worker.cli.output import as_json, emit, show
from worker.privacy.retention import remove_old
from worker.secrets.vault import vault_of
from worker.webhooks.dispatch import dispatch
from worker.webhooks.lanes import Lanes
from worker.webhooks.replay import replay_all
from worker.webhooks.tail import Tail, before_newest, before_time

NEWEST = 20
PAUSE_SECONDS = 1.0
_EVENT_ID = click.IntRange(0, ROW_ID.max)
"""0: before the first."""


class _Since(click.ParamType[int | datetime]):
    """The id of an event, or a time."""

    name = "ID|TIME"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | datetime:
        if value.isascii() and value.isdigit():
            return int(_EVENT_ID.convert(value, param, ctx))
        return _time(value, self, param, ctx)


class _Time(click.ParamType[datetime]):
    """A time as ISO 8601 writes it; UTC where it names no zone."""

    name = "TIME"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        return _time(value, self, param, ctx)


def _time(value: str, kind: click.ParamType[Any], param: click.Parameter | None, ctx: click.Context | None) -> datetime:
    try:
        at = datetime.fromisoformat(value)
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        kind.fail(f"{value!r} is no time; write it as 2026-05-04T09:00:00Z", param, ctx)


@click.group()
def events() -> None:
    """What happened, as other systems hear of it."""


@events.command()
@click.option("--since", type=_Since(), help=f"From this event or time on; default: the newest {NEWEST} events.")
@click.option(
    "--type", "types", multiple=True, type=click.Choice([each.value for each in EventType]),
    help="Only events of this type; may be repeated.",
)  # fmt: skip
@click.option("--follow", is_flag=True, help="Go on with what happens or is committed late, until Ctrl-C.")
@team_option
@as_json
def tail(since: int | datetime | None, types: tuple[str, ...], follow: bool, team: str, as_json: bool) -> None:
    """Print the team's events in order, each exactly once."""
    _, engine = start()
    reader = Tail(find_team(engine, team), frozenset(map(EventType, types)))
    with reading(engine) as session:
        if isinstance(since, datetime):
            top = before_time(session, reader.team_id, since)
        else:
            top = before_newest(session, reader.team_id, NEWEST) if since is None else max(since - 1, 0)
        reader.begin(session, top, now())
    while True:
        with reading(engine) as session:
            _print(reader.read(session, now()), as_json=as_json)
        if not follow:
            return
        sys.stdout.flush()
        time.sleep(PAUSE_SECONDS)


@events.command()
def deliver() -> None:
    """Deliver once what is due, for those who run no daemon (`run` does it all the time).

    Each delivery that is due now is tried once. Exit status 1 where an attempt failed; a later call makes the next one.
    Ctrl-C ends it with the requests in hand.
    """
    settings, engine = start()
    dispatch(engine, now())
    stop = threading.Event()
    lanes = Lanes(engine, now, vault_of(settings), stop.is_set)
    try:
        tally = lanes.deliver_all()
    finally:
        stop.set()
        lanes.close()
    remove_old(engine, now() - timedelta(days=settings.event_days))
    click.echo(f"delivered: {tally.delivered}, failed: {tally.failed}")
    if tally.failed:
        sys.exit(1)


@events.command()
@click.argument("endpoint")
@click.option("--all", "also_delivered", is_flag=True, help="Also what was delivered.")
@click.option("--since", type=_Time(), help="Only of what happened from this time on.")
@team_option
def replay(endpoint: str, also_delivered: bool, since: datetime | None, team: str) -> None:
    """Send what was given up to ENDPOINT again, with the webhook-id it had."""
    states = (DeliveryState.DEAD, DeliveryState.DELIVERED) if also_delivered else (DeliveryState.DEAD,)
    _, engine = start()
    team_id = find_team(engine, team)
    with transaction(engine) as session:
        count = replay_all(session, team_id, endpoint, now(), states=states, since=since)
    click.echo(f"{count} {'delivery goes' if count == 1 else 'deliveries go'} out again")


def _print(found: Iterable[OutboxEvent], *, as_json: bool) -> None:
    rows = (
        {
            "id": event.id,
            "type": event.type.value,
            "recorded_at": event.recorded_at.isoformat(),
            "subject": event.subject,
            "endpoint": event.endpoint,
            "data": event.payload,
        }
        for event in found
    )
    if as_json:
        emit(rows)
        return
    columns = ("id", "recorded_at", "type", "subject")
    shown = [[row[each] for each in columns] + [json.dumps(row["data"], ensure_ascii=False)] for row in rows]
    if shown:
        show("events", (*columns, "data"), shown)
