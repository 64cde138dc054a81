"""Arranges the story of an address for reading: the newest first, the older part folded, what can be taken back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from models.events import EventKind
from models.timeline import PERSON

Row = dict[str, Any]

SHOWN = 15
"""So many of the newest events of a campaign are shown at once; the others are unfolded."""


@dataclass(frozen=True, slots=True)
class Section:
    """One campaign of an address."""

    recipient: Row
    newest: list[Row]
    older: list[Row]
    undoable: Row | None
    """The newest act of a person that was not taken back."""

    @property
    def last_at(self) -> datetime:
        """When something happened last; a change that was only noticed then is none."""
        times = (row["at"] for row in (*self.newest, *self.older) if row["event"] != "changed")
        return max(times, default=datetime.min.replace(tzinfo=UTC))


BLANK: Row = dict.fromkeys(
    ("message", "class", "bounce", "confidence", "until", "acts", "retracted_at", "link", "subject", "by")
)
"""What not every row of a story has."""


def sections(recipients: Iterable[Row]) -> list[Section]:
    """Return the campaigns of a story (`worker.queries.history.tell`); where something happened last comes first.

    There the newest mail is open, so that it need not be looked for.
    """
    found = sorted(map(_section, recipients), key=lambda each: each.last_at, reverse=True)
    mails = (row for each in found[:1] for row in each.newest if row["message"])
    for row in islice(mails, 1):
        row["open"] = True
    return found


def _section(recipient: Row) -> Section:
    events = [BLANK | {"open": False} | row for row in reversed(recipient["story"])]
    return Section(recipient, events[:SHOWN], events[SHOWN:], _undoable(recipient["story"]))


def _undoable(story: Iterable[Row]) -> Row | None:
    events = list(story)
    gone = {row["about"] for row in events if row["event"] == EventKind.UNDONE}
    acts = [row for row in events if row["event"] in PERSON and row["key"] not in gone]
    return acts[-1] if acts else None
