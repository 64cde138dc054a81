"""What is true of a recipient at one moment of the fold, and the few ways in which it can change."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from models.automation import Command, Fired, Standing
from models.events import (
    ONLY_ASKED,
    DneDraft,
    DneReason,
    EndReason,
    Event,
    Interval,
    Lifts,
    ReviewDraft,
    ReviewKind,
    SequenceState,
    Status,
)
from models.events import Sequence as Sending
from models.outcome import Folded
from models.table import NEWEST_WINS, Column, cell
from models.timeline import PERSON, Timeline

RESTING = frozenset({Status.OUT_OF_OFFICE, Status.AUTO_RESPONSE})
"""The statuses that a pause can give, and that then end with it."""


@dataclass(frozen=True, slots=True)
class Pause:
    """A time in which nothing is sent."""

    until: datetime
    dated: bool
    """The end comes from a date in the notice."""
    of_label: bool
    """It belongs to the status, not only to the sequence, although a person's label stands."""


@dataclass(slots=True)
class State:
    """The recipient between two events. `labelled`: a person gave the status, and machines may not change it."""

    timeline: Timeline
    lifts: Lifts
    at: datetime
    """The moment; later than the stamp of an event that a send moved."""
    live: list[Interval]
    """When entries covered the contact: those made elsewhere, and one more for each own entry that acts."""
    status: Status = Status.ACTIVE
    removed_by_person: bool = False
    labelled: bool = False
    decided_by: str | None = None
    ended: EndReason | None = None
    pause: Pause | None = None
    held: bool = False
    """A mail waits for a person; an ended sequence waits for nobody, whatever stands here."""
    waits: set[str] = field(default_factory=set)
    """Keys of the mails that wait at this moment of the fold, although a person speaks of them later on."""
    dne: list[DneDraft] = field(default_factory=list)
    reviews: dict[tuple[str, ReviewKind], ReviewDraft] = field(default_factory=dict)
    soft: set[str] = field(default_factory=set)
    """The sends whose soft bounces stand in a row."""
    sent_at: datetime | None = None
    human_at: datetime | None = None
    """When the newest mail of a person arrived."""
    alive_at: datetime | None = None
    """The same, from the contact's own address."""
    heard: Status | None = None
    """What the newest answer counts as."""
    opens: int = 0
    links: set[str] = field(default_factory=set)
    rules: Sequence[Standing] = ()
    true_rules: set[int] = field(default_factory=set)
    """Rules whose condition was true when they were last looked at."""
    fired: list[Fired] = field(default_factory=list)
    commands: list[Command] = field(default_factory=list)

    def wake(self, moment: datetime) -> None:
        """Go on to `moment`, and end the pause if it is over by then."""
        self.at = moment
        if self.pause is None or self.pause.until > moment:
            return
        if self.status in RESTING and (self.pause.of_label or not self.labelled):
            self.become(Status.ACTIVE, None)
        self.pause = None

    def become(self, status: Status, cause: Event | None) -> None:
        """Take a new status; a label falls with the status it named."""
        self.status, self.labelled = status, False
        self.decided_by = cause.key if cause else None
        self.removed_by_person = status is Status.REMOVED and cause is not None

    def move(self, column: Column, event: Event | None = None) -> bool:
        """Do what the table says, and tell whether that gave a status."""
        rule = cell(self.status, column, by_person=self.removed_by_person)
        if rule.review and event:
            self.ask(event, ReviewKind.CONTRADICTION)
        # A person who judges an older mail late does not make it the newest one.
        if rule.status is None or (rule.note == NEWEST_WINS and event and event.kind in PERSON):
            return False
        self.become(rule.status, event)
        return True

    def ask(self, event: Event, kind: ReviewKind, *, holds: bool = False) -> None:
        """Ask a person about a mail, unless one has spoken about it already, before or later."""
        if event.kind in PERSON:
            return
        if holds:
            self.waits.add(event.key)
        if event.key in self.timeline.settled:
            return
        self.reviews[event.key, kind] = ReviewDraft(event.key, kind, holds)
        self.held = self.held or holds

    def ban(self, reason: DneReason, event: Event) -> bool:
        """Add a Do Not Email entry and tell whether it acts; one from before a lift of its kind does not act again."""
        # An entry dates from the stamp, so that a send imported late moves it across no lift.
        since, lift = event.happened_at, self.lifts.lifted_at(reason, event.key, event.happened_at)
        known = (reason, event.key) in self.lifts.by_entry
        acts = lift is None or (known and lift > since)
        self.dne.append(DneDraft(reason, event.key, since, event.other_address, born_lifted=not acts))
        if acts:
            self.live.append(Interval(since, lift))
        return acts

    def is_banned(self) -> bool:
        """Say whether an entry covers the contact at this moment."""
        return any(interval.covers(self.at) for interval in self.live)

    def end(self, reason: EndReason) -> None:
        """End the sequence; the first reason stands."""
        self.ended = self.ended or reason
        self.pause = None

    def rest(self, event: Event, *, of_label: bool = False) -> None:
        """Pause a sequence that has not ended; a notice without a date does not shorten one with a date."""
        if self.ended or event.until is None:
            return
        if self.pause and self.pause.dated and not event.dated and event.until <= self.pause.until:
            return
        self.pause = Pause(event.until, event.dated, of_label)

    def restart(self, event: Event) -> None:
        """Begin again, because a person says so."""
        self.become(Status.ACTIVE, event)
        self.ended = self.pause = None
        self.held = False
        self.waits.clear()

    def outcome(self, next_change_at: datetime | None) -> Folded:
        """Return what holds now; `next_change_at` is when the passing of time alone changes something."""
        until = self.pause.until if self.pause else None
        return Folded(
            status=self.status,
            sequence=self._sending(until),
            dne=tuple(self.dne),
            reviews=tuple(self._open()),
            removed_by_person=self.removed_by_person,
            decided_by=self.decided_by,
            next_change_at=next_change_at,
            listed=self.status is not Status.REMOVED or self.sent_at is not None,
            fired=tuple(self.fired),
            commands=tuple(self.commands),
        )

    def _open(self) -> Iterable[ReviewDraft]:
        """Yield the open questions; whether the machine is right is asked only of mail that raises no other.

        For who confirms that settles every question about the mail, and changes nothing.
        """
        asked = {key for key, kind in self.reviews if kind not in ONLY_ASKED}
        drawn = {key for key, kind in self.reviews if kind is ReviewKind.RANDOM_SAMPLE}
        for (key, kind), item in self.reviews.items():
            if kind in ONLY_ASKED and (key in asked or (kind is ReviewKind.NEAR_OPT_OUT and key in drawn)):
                continue
            yield item

    def _sending(self, until: datetime | None) -> Sending:
        if self.ended:
            return Sending(SequenceState.ENDED, reason=self.ended)
        if self.held:
            return Sending(SequenceState.HELD)
        return Sending(SequenceState.PAUSED, until) if until else Sending(SequenceState.RUNNING)
