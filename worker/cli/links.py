"""`links`: the unsubscribe and booking links of recipients."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable, Iterator

import click
from sqlalchemy import select
from sqlalchemy.orm import Session

from classifier.decode import normal_address
from models.session import reading
from models.tables.mailing import Campaign
from worker.cli.common import find_team, start, team_option
from worker.cli.output import as_json, emit
from worker.errors import InputError
from worker.matching.links import (
    Linked,
    Links,
    booking_link,
    linked_of_addresses,
    linked_of_campaign,
    links_with,
    list_unsubscribe,
    opt_out_alias,
)


@click.group()
def links() -> None:
    """Make the unsubscribe and booking links of recipients."""


@links.command()
@click.argument("address", required=False)
@click.option("--all", "whole", is_flag=True, help="Every recipient on the campaign's list, as CSV or JSON lines.")
@click.option("--campaign", metavar="KEY", help="Only this campaign; needed with --all.")
@click.option("--booking", metavar="URL", help="Also the link to this booking page, with the recipient's token in it.")
@team_option
@as_json
def make(address: str | None, whole: bool, campaign: str | None, booking: str | None, team: str, as_json: bool) -> None:
    """Make the links for ADDRESS in its campaigns, and the header fields that carry them (RFC 2369, RFC 8058)."""
    if whole == (address is not None) or (whole and campaign is None):
        raise click.UsageError("give an ADDRESS, or --all with --campaign")
    settings, engine = start()
    with_what = links_with(settings.public_url, settings.signing_keys)
    team_id = find_team(engine, team)
    with reading(engine) as session:
        alias = opt_out_alias(session, team_id)
        recipients = _one(session, team_id, address, campaign) if address else _all(session, team_id, campaign or "")
        rows = _rows(with_what, recipients, alias, booking)
        if as_json:
            emit(rows)
        elif whole:
            _print_csv(rows)
        else:
            _print(rows)


def _one(session: Session, team_id: int, address: str, campaign: str | None) -> list[Linked]:
    found = linked_of_addresses(session, team_id, [normal_address(address)], campaign)
    if not found:
        where = f"campaign {campaign!r}" if campaign else "any campaign of this team"
        raise InputError(f"{address} is no recipient of {where}; inbox-worker recipients list --all shows them")
    return found


def _all(session: Session, team_id: int, campaign: str) -> Iterator[Linked]:
    if session.scalar(select(Campaign.id).where(Campaign.team_id == team_id, Campaign.key == campaign)) is None:
        raise InputError(f"no campaign {campaign!r}; inbox-worker campaigns list shows the keys")
    return linked_of_campaign(session, team_id, campaign)


def _rows(
    with_what: Links, recipients: Iterable[Linked], alias: str | None, booking: str | None
) -> Iterator[dict[str, str]]:
    for whose in recipients:
        made = list_unsubscribe(with_what, whose, alias)
        row = {
            "campaign": whose.campaign,
            "address": whose.address,
            "unsubscribe": made.link,
            "list_unsubscribe": made.list_unsubscribe,
            "list_unsubscribe_post": made.list_unsubscribe_post,
        }
        yield row | ({"booking": booking_link(with_what, whose, booking)} if booking else {})


def _print_csv(rows: Iterable[dict[str, str]]) -> None:
    writer = csv.writer(sys.stdout)
    for number, row in enumerate(rows):
        if number == 0:
            writer.writerow(row)
        writer.writerow(row.values())


def _print(rows: Iterable[dict[str, str]]) -> None:
    for row in rows:
        click.echo(f"{row['address']} in {row['campaign']}")
        click.echo(f"  link: {row['unsubscribe']}")
        click.echo(f"  List-Unsubscribe: {row['list_unsubscribe']}")
        click.echo(f"  List-Unsubscribe-Post: {row['list_unsubscribe_post']}")
        if "booking" in row:
            click.echo(f"  booking: {row['booking']}")
