"""One visit to one mailbox: what it works with, who watches it, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from config.settings import Settings
from models.session import Writer, reading
from models.tables.handling import Purpose
from worker.apply import Applied
from worker.desk import Desk
from worker.imap.fetched import FolderState
from worker.mailbox import Mailbox as Imap
from worker.reading.crew import Understanding
from worker.writing.record import Judged
from worker.writing.traffic import budget_of, left, spend, used_up

Wrote = Callable[[Purpose, Sequence[Judged], Applied, datetime], None]
"""Told of a batch that was written: for what it was read, its messages, what they caused, and when."""


def unheard(_purpose: Purpose, _judged: Sequence[Judged], _applied: Applied, _now: datetime) -> None:
    """Hear of a batch and do nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """How a poll is watched: the clock (aware UTC), whether to stop after the batch in hand, and who hears of progress.

    `progress` is told how many messages are to come, then how many each batch brought.
    """

    clock: Callable[[], datetime]
    stopping: Callable[[], bool] = lambda: False
    progress: Callable[[int, int], None] = lambda _coming, _done: None
    wrote: Wrote = unheard
    """Hears of every batch once it is committed."""


@dataclass(slots=True)
class PollReport:
    """What a poll did: sends learnt, messages by state and verdict, changes; `more` where it stopped at its limit."""

    sends: int = 0
    applied: Applied = field(default_factory=Applied)
    more: bool = False
    backlog: int = 0
    """Messages that were found and are not taken in yet."""

    def counts(self) -> dict[str, Any]:
        """Return how many sends were learnt, how many messages became what, and how many recipients changed."""
        return {
            "sends_learnt": self.sends,
            "messages": {str(state): count for state, count in sorted(self.applied.states.items()) if count},
            "verdicts": dict(sorted(self.applied.verdicts.items())),
            "changes": self.applied.changed,
        }


Note = Callable[[Session, int, PollReport], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Station:
    """What polls and backfills share: settings, the database, how it is written, who watches, who understands."""

    settings: Settings
    engine: Engine
    writer: Writer
    watch: Watch
    understanding: Understanding


@dataclass(frozen=True, slots=True)
class Visit:
    """One visit to one mailbox: over which connection, with which desk, and what came of it so far."""

    station: Station
    desk: Desk
    imap: Imap
    report: PollReport = field(default_factory=PollReport)
    states: dict[str, FolderState] = field(default_factory=dict)
    """How the folders stood of which everything is taken in now."""
    purpose: Purpose = Purpose.LIVE
    """What it is read for; each has a budget of its own."""
    read: Callable[..., object] | None = None
    """What is done with each folder in place of reading it (`worker.reading.folder.read_folder`)."""
    is_part: bool = False
    """Others take in at the same time what else there is, and one of them looks after the whole."""
    note: Note = lambda _session, _messages, _report: None
    """Hears of every batch in its transaction: how many messages it had, and what came of them."""

    @property
    def mailbox_id(self) -> int:
        """Return the mailbox's row id."""
        return self.desk.box.mailbox_id

    def keep_to_budget(self) -> None:
        """Raise the MailboxError that says so where today's budget of octets is used up."""
        settings, now = self.station.settings, self.station.watch.clock()
        with reading(self.station.engine) as session:
            octets = left(session, self.mailbox_id, self.purpose, now, budget_of(settings, self.purpose))
        if not octets:
            raise used_up(self.desk.box.name, self.purpose, now, settings)

    def spend(self, session: Session, octets: int) -> None:
        """Count octets that were read, in the transaction of what they brought."""
        spend(session, self.mailbox_id, self.purpose, self.station.watch.clock(), octets)
