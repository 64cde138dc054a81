"""Reads files of sends: JSON lines or CSV, every bad row reported with its number."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from classifier.decode import normal_address
from worker.errors import InputError
from worker.matching.known_sends import Sent
from worker.sending.sends import (
    ADDRESS,
    LONGEST_ADDRESS,
    LONGEST_CAMPAIGN,
    LONGEST_ID,
    LONGEST_SEND_ID,
    LONGEST_TOKEN,
    send_id_of,
)
from worker.writing.book import LEARNT
from worker.writing.stored import storable

FIELDS = frozenset(
    {
        "campaign",
        "campaign_name",
        "to",
        "message_id",
        "message_ids",
        "subject",
        "sent_at",
        "send_id",
        "token",
        "mailbox",
    }
)
LONGEST = {
    "to": LONGEST_ADDRESS,
    "campaign": LONGEST_CAMPAIGN,
    "campaign_name": LONGEST_CAMPAIGN,
    "send_id": LONGEST_SEND_ID,
    "token": LONGEST_TOKEN,
}

MOST_SHOWN = 20


def read_sends(path: Path, mailboxes: Mapping[str, int]) -> list[Sent]:
    """Read a whole file, or refuse it whole.

    Columns or keys: campaign, to, sent_at (ISO 8601 with a zone), message_ids (a list, or separated by spaces) and,
    as wanted, subject, send_id, token, campaign_name, mailbox. Without a send_id the first Message-ID and the recipient
    stand for it.

    Args:
        path: a file named *.csv, or JSON lines.
        mailboxes: name -> id of the mailboxes that a row may name.

    Raises:
        InputError: names every bad row and what is wrong with it.
    """
    sends: list[Sent] = []
    problems: list[str] = []
    whose: dict[str, str] = {}
    for number, row in _rows(path):
        try:
            send = _sent(_object(row) if isinstance(row, str) else row, mailboxes)
            if whose.setdefault(send.send_id, send.to) != send.to:
                raise ValueError(f"send_id {send.send_id!r} stands for a mail to {whose[send.send_id]} already")  # noqa: TRY301
            sends.append(send)
        except ValueError as error:
            problems.append(f"{path}, row {number}: {error}")
    if problems:
        more = len(problems) - MOST_SHOWN
        shown = "\n".join([*problems[:MOST_SHOWN], *([f"... and {more} more"] if more > 0 else [])])
        raise InputError(f"{shown}\nNothing was imported; mend these rows and import the file again.")
    return sends


def _rows(path: Path) -> Iterator[tuple[int, Mapping[str, Any] | str]]:
    """Yield the number of each row with its columns, or with the line that is to be read as JSON."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            if path.suffix.lower() == ".csv":
                yield from enumerate(csv.DictReader(lines), start=2)
                return
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    yield number, line
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} cannot be read: {error}") from error


def _object(line: str) -> Mapping[str, Any]:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"no JSON: {error}") from None
    if not isinstance(value, dict):
        raise ValueError("no JSON object")  # noqa: TRY004 - a mistake in a file, as all that are wrong with a row
    return value


def _sent(row: Mapping[str, Any], mailboxes: Mapping[str, int]) -> Sent:
    unknown = sorted(set(map(str, row)) - FIELDS)
    if unknown:
        raise ValueError(f"unknown field {unknown[0]!r}; known are {', '.join(sorted(FIELDS))}")
    text = {name: str(row.get(name) or "").strip() for name in FIELDS - {"message_ids"}}
    ids = _message_ids(row.get("message_ids") or text["message_id"])
    to = normal_address(text["to"])
    if not ADDRESS.fullmatch(to):
        raise ValueError(f"to is no address: {text['to']!r}")
    _check_campaign(text["campaign"])
    if not ids and not text["send_id"]:
        raise ValueError("message_ids is missing, and no send_id stands in for it")
    _check_texts(text, ids)
    if text["mailbox"] and text["mailbox"] not in mailboxes:
        raise ValueError(f"no mailbox {text['mailbox']!r}; add it first (inbox-worker mailboxes add)")
    return Sent(
        campaign=text["campaign"],
        campaign_name=text["campaign_name"] or None,
        to=to,
        message_ids=ids,
        subject=text["subject"],
        sent_at=_time(text["sent_at"]),
        send_id=text["send_id"] or send_id_of(ids[0], to),
        token=text["token"] or None,
        mailbox_id=mailboxes.get(text["mailbox"]),
    )


def _check_campaign(key: str) -> None:
    if not key:
        raise ValueError("campaign is missing")
    if key.startswith(LEARNT):
        raise ValueError(f"campaign begins with {LEARNT!r}, as those of mail that was found in a Sent folder do")


def _check_texts(text: Mapping[str, str], ids: Sequence[str]) -> None:
    """See that every text fits its column, and holds nothing that no database can keep."""
    for name, most in LONGEST.items():
        if len(text[name]) > most:
            raise ValueError(f"{name} is longer than {most} characters")
    if any(len(each) > LONGEST_ID for each in ids):
        raise ValueError(f"a Message-ID is longer than {LONGEST_ID} characters")
    for name, each in ({name: text[name] for name in LONGEST} | {"message_ids": " ".join(ids)}).items():
        if storable(each) != each:
            raise ValueError(f"{name} holds a character that no database can keep: {each!r}")


def _message_ids(value: Any) -> tuple[str, ...]:
    values = value if isinstance(value, list) else str(value).replace(",", " ").split()
    return tuple(dict.fromkeys(str(each).strip("<> ") for each in values if str(each).strip("<> ")))


def _time(text: str) -> datetime:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"sent_at is no ISO 8601 time: {text!r}") from None
    if time.tzinfo is None:
        raise ValueError(f"sent_at has no time zone: {text!r}; write 2026-05-04T09:30:00Z or +02:00")
    try:
        return time.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"sent_at is before or after all time: {text!r}") from None
