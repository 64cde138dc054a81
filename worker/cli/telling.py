"""Prints the story of one address as text for people."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import click

from worker.cli.output import text

Row = dict[str, Any]


def print_story(story: Row) -> None:
    """Print a story as `worker.queries.story.tell` gives it."""
    click.echo(f"{text(story['address'])}: {story['contact']}")
    _section("Erased", map(_erased, story["erased"]), indent=2)
    _section("Also", map(_other, story["other_addresses"]), indent=2)
    _section("Do Not Email", map(_entry, story["entries"]), indent=2)
    for recipient in story["recipients"]:
        _print_recipient(recipient)
    if not story["recipients"]:
        click.echo("\nin no campaign")


def _erased(row: Row) -> str:
    return f"{text(row['at'])} on request, by {text(row['by'])}: {text(row['why'])}"


def _print_recipient(row: Row) -> None:
    name = f" ({text(row['campaign_name'])})" if row["campaign_name"] != row["campaign"] else ""
    unlisted = "" if row["listed"] else ", left the list"
    click.echo(f"\ncampaign {text(row['campaign'])}{name}: {row['status']}, sequence {_sequence(row)}{unlisted}")
    _section("To review", map(_review, row["reviews"]), indent=2)
    _section("What happened", (line for event in row["story"] for line in _event(event)), indent=2)


def _section(title: str, lines: Iterable[str], indent: int) -> None:
    for number, line in enumerate(lines):
        if number == 0:
            click.echo(" " * indent + title)
        click.echo(" " * indent * 2 + line)


def _sequence(row: Row) -> str:
    until = f" until {text(row['until'])}" if row["until"] else ""
    return f"{row['sequence']}{until}" + (f" ({row['reason']})" if row["reason"] else "")


def _entry(row: Row) -> str:
    said = f"{text(row['target'])}: {row['reason']} since {text(row['since'])}"
    said += f" by {text(row['by'])}" if row["by"] else ""
    said += f": {text(row['note'])}" if row["note"] else ""
    if row["lifted_at"]:
        why = f": {text(row['lifted_why'])}" if row["lifted_why"] else ""
        said += f"; lifted {text(row['lifted_at'])} by {text(row['lifted_by'])}{why}"
    return said + (f"; withdrawn {text(row['withdrawn_at'])}" if row["withdrawn_at"] else "")


def _review(row: Row) -> str:
    held = ", holds the sequence" if row["holds"] else ""
    return f"{row['id']}: {row['kind']}{held} (inbox-worker review resolve {row['id']} CLASS)"


def _other(row: Row) -> str:
    since = f" since {text(row['since'])}" if row["since"] else ""
    said = f" by {text(row['by'])}" if row["by"] else ", it answered a mail of ours"
    return f"{text(row['address'])}{since}{said}" + (f": {text(row['why'])}" if row["why"] else "")


def _event(row: Row) -> Iterable[str]:
    """Yield one thing that happened, why, and what it changed."""
    if row["event"] != "changed":
        yield f"{text(row['at'])} {row['event'].replace('_', ' ')}: {_facts(row)}".rstrip(": ")
        yield from (f"    because {text(reason)}" for reason in row["because"])
    for change in row["changes"]:
        yield f"{text(row['at'])} {_change(change)}" if row["event"] == "changed" else f"    -> {_change(change)}"
        yield from (f"    because {text(reason)}" for reason in change["because"] if reason not in row["because"])


def _facts(row: Row) -> str:
    if row["event"] == "sent":
        return text(row["subject"])
    if row["event"] == "automation":
        return f"{text(row['rule'])}: {text(row['did'])}: {text(row['outcome'])}"
    facts = [row["bounce"], row["class"], _confidence(row), text(row["link"])]
    facts += [f"until {text(row['until'])}"] if row["until"] else []
    facts += [f"by {text(row['by'])}"] if row["by"] else []
    facts += ["only a suggestion"] if row["acts"] == "suggests" else []
    facts += ["no longer counts"] if row["retracted_at"] else []
    verdict = row["verdict"] or "kept no more"
    facts += [f"message {row['message']} ({verdict}): {text(row['subject'])}"] if row["message"] else []
    return ", ".join(each for each in facts if each)


def _confidence(row: Row) -> str | None:
    if row["confidence"] is None:
        return None
    return f"{row['confidence']:.2f}{'' if row['sure'] else ' (not sure)'}"


def _change(row: Row) -> str:
    status = f"{row['from'] or 'new'} -> {row['to']}" if row["from"] != row["to"] else row["to"]
    sequence = f"{row['from_sequence'] or 'new'} -> {row['to_sequence']}"
    return f"{status}, sequence {sequence if row['from_sequence'] != row['to_sequence'] else row['to_sequence']}"
