"""How polls and backfills tell what they did."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from worker.cli.output import show
from worker.writing.refold import Change

if TYPE_CHECKING:  # it would load the classifier, and most commands that tell of changes judge nothing
    from worker.reading.visit import PollReport


def report_row(report: PollReport) -> dict[str, Any]:
    """Return a report as JSON data."""
    changes = [change_row(change) for change in report.applied.changes]
    return report.counts() | {"changes": changes, "more": report.more}


def change_row(change: Change) -> dict[str, Any]:
    """Return a change as JSON data."""
    return {
        "campaign": change.campaign,
        "address": change.address,
        "from": change.before.value,
        "to": change.after.value,
        "sequence": change.sequence_after.value,
        "because": list(change.because),
    }


def print_report(report: PollReport) -> None:
    """Print how many messages became what."""
    applied = report.applied
    states = ", ".join(f"{count} {state}" for state, count in sorted(applied.states.items()) if count)
    verdicts = ", ".join(f"{count} {name}" for name, count in sorted(applied.verdicts.items()))
    if report.sends:
        click.echo(f"sends learnt: {report.sends}")
    click.echo(f"messages: {states or 'none'}")
    if verdicts:
        click.echo(f"verdicts: {verdicts}")
    click.echo(f"changes: {applied.changed}")
    if report.more:
        click.echo("there is more; run it again to go on")


def print_changes(changes: Sequence[Change]) -> None:
    """Print the changes of recipients with their reasons."""
    if not changes:
        return
    rows = [
        (
            each.address,
            each.campaign,
            f"{each.before.value} -> {each.after.value}",
            each.sequence_after.value,
            "; ".join(each.because),
        )
        for each in changes
    ]
    show("Changes", ("recipient", "campaign", "status", "sequence", "because"), rows)
