"""The vocabulary of the fold: statuses, events, and what follows from them. Pure: no database, no clock."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum


class Status(StrEnum):
    """The twelve statuses of a recipient (one contact in one campaign)."""

    ACTIVE = "Active"
    ENGAGED = "Engaged"
    INTERESTED = "Interested"
    NOT_INTERESTED = "Not Interested"
    AUTO_RESPONSE = "Auto Response"
    OUT_OF_OFFICE = "Out of Office"
    UNSUBSCRIBED = "Unsubscribed"
    UNSUBSCRIBE_LINK = "Unsubscribe link"
    BOUNCED = "Bounced"
    REMOVED = "Removed"
    CAMPAIGN_STOPPED = "Campaign Stopped"
    APPOINTMENT_BOOKED = "Appointment Booked"


class EventKind(StrEnum):
    """Every cause that may change a recipient."""

    JOINED = "joined"
    SENT = "sent"
    DELIVERED = "delivered"
    REPLY = "reply"
    AUTO_REPLY = "auto_reply"
    ABSENCE = "absence"
    OPT_OUT = "opt_out"
    COMPLAINT = "complaint"
    LINK_OPT_OUT = "link_opt_out"
    BOUNCE = "bounce"
    OPENED = "opened"
    CLICKED = "clicked"
    AUTOMATION_STOP = "automation_stop"
    BOOKED = "booked"
    BOOKING_CANCELLED = "booking_cancelled"
    MANUAL = "manual"
    REVIEW_RESOLVED = "review_resolved"
    MOVED_BACK = "moved_back"
    """A person put back a mail that we had moved to the folder of its kind."""
    UNDONE = "undone"
    """A person takes back what a person said."""


class Bounced(StrEnum):
    """The kind of a bounce event."""

    HARD = "hard"
    SOFT = "soft"
    POLICY = "policy"
    DELAYED = "delayed"
    UNKNOWN = "unknown"


class Rank(IntEnum):
    """The order of events that happened at the same instant."""

    SENDING = 0
    """What we did comes before what it caused."""
    COMPLIANCE = 1
    PERSON = 2
    HUMAN_MAIL = 3
    MACHINE = 4


class Trust(StrEnum):
    """How far an event may act, by the strength of the match that tied it to the recipient."""

    ACTS = "acts"
    SUGGESTS = "suggests"
    """Held and reviewed; changes no status and bans nobody."""


class DneReason(StrEnum):
    """Why an address or domain may not be mailed."""

    HARD_BOUNCE = "hard bounce"
    SOFT_BOUNCE_LIMIT = "soft-bounce limit"
    UNSUBSCRIBE_REPLY = "unsubscribe reply"
    UNSUBSCRIBE_LINK = "unsubscribe link"
    COMPLAINT = "complaint"
    MANUAL = "manual"
    IMPORT = "import"
    DOMAIN = "domain"
    AUTOMATION = "automation"


OPTED_OUT = frozenset({DneReason.UNSUBSCRIBE_REPLY, DneReason.UNSUBSCRIBE_LINK, DneReason.COMPLAINT})
OF_THE_PERSON = OPTED_OUT | {DneReason.MANUAL}
"""Reasons that concern the person and not the address; an address can be dead while the person is not."""


class ReviewKind(StrEnum):
    """Why a person should look."""

    LOW_CONFIDENCE = "low confidence"
    POSSIBLE_OPT_OUT = "possible opt-out"
    MACHINE_OPT_OUT = "opt-out in an automatic answer"
    UNCERTAIN_MATCH = "uncertain match"
    AGAINST_LABEL = "newer mail after a person's label"
    CONTRADICTION = "contradicts the status"
    BOUNCE_AFTER_REPLY = "bounce although a person answered"
    NEAR_OPT_OUT = "close to a possible opt-out"
    MOVED_BACK = "moved back"
    RANDOM_SAMPLE = "drawn at random"


ONLY_ASKED = frozenset({ReviewKind.RANDOM_SAMPLE, ReviewKind.NEAR_OPT_OUT})
"""Kinds that ask only whether the machine is right, about mail that nothing else is asked about."""


class SequenceState(StrEnum):
    """What the sending side may do."""

    RUNNING = "running"
    PAUSED = "paused"
    HELD = "held"
    ENDED = "ended"


class EndReason(StrEnum):
    """Why a sequence ended."""

    REPLY = "reply"
    AUTO_RESPONSE = "auto response"
    OPT_OUT = "opt-out"
    BOUNCE = "bounce"
    DNE = "do not email"
    AUTOMATION = "automation"
    BOOKING = "booking"
    PERSON = "person"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One append-only cause, holding what was decided when it was made.

    `key` identifies the event for good: a hash of the mail's own headers, the kind and the recipient, never a row
    id. `status` is the class of a reply, the status a person chose, or the class a review was resolved to (None:
    dismissed). `ends` and `until` store what the campaign's policy said then: whether the sequence ends, or until
    when it pauses. All times are aware UTC.
    """

    kind: EventKind
    happened_at: datetime
    key: str
    status: Status | None = None
    sure: bool = True
    confidence: float | None = None
    ends: bool = False
    until: datetime | None = None
    dated: bool = False
    """`until` comes from a date in the notice, not from the default."""
    bounce: Bounced | None = None
    send_id: str | None = None
    """The send this event is (sent) or concerns (bounce, delivered, strong replies)."""
    booking_id: str | None = None
    trust: Trust = Trust.ACTS
    review: ReviewKind | None = None
    """A review that the decision itself asked for."""
    sampled: bool = False
    """Its mail was drawn at random for a person to look at."""
    about: str | None = None
    """For a person's event: the key of the mail event it speaks of, or of the act it takes back."""
    rule: str | None = None
    """For an automation: which rule."""
    link: str | None = None
    """The link that was clicked."""
    other_address: str | None = None
    """The mail came from this second address of the same person."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A time in which an entry of the team covered the contact; `until` None: still live."""

    since: datetime
    until: datetime | None = None

    def covers(self, moment: datetime) -> bool:
        """Say whether the entry was live at `moment`."""
        return self.since <= moment and (self.until is None or moment < self.until)


@dataclass(frozen=True, slots=True)
class Lifts:
    """What people lifted of the entries that this recipient's own events made.

    `by_entry` maps (reason, source key) of stored entries to when they were lifted (None: never). An entry that is
    not stored yet, because its mail came late, was lifted by the newest lift of the same reason after it happened.
    """

    by_entry: dict[tuple[DneReason, str], datetime | None] = field(default_factory=dict)
    newest: dict[DneReason, datetime] = field(default_factory=dict)

    def lifted_at(self, reason: DneReason, source: str, since: datetime) -> datetime | None:
        """Return when the entry was lifted, or None while it is live."""
        if (reason, source) in self.by_entry:
            return self.by_entry[reason, source]
        newest = self.newest.get(reason)
        return newest if newest is not None and newest >= since else None


@dataclass(frozen=True, slots=True)
class DneDraft:
    """A Do Not Email entry that follows from a recipient's events."""

    reason: DneReason
    source: str
    """Key of the event behind it."""
    since: datetime
    other_address: str | None = None
    """Also bans this second address of the same person."""
    born_lifted: bool = False
    """It happened before a lift of its reason and became known after it: to be stored as lifted at `since`."""


@dataclass(frozen=True, slots=True)
class ReviewDraft:
    """An open question for a person about one event."""

    event_key: str
    kind: ReviewKind
    holds: bool = False


@dataclass(frozen=True, slots=True)
class Sequence:
    """What the sending side reads."""

    state: SequenceState
    until: datetime | None = None
    reason: EndReason | None = None
