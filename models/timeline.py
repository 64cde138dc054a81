"""The events of one recipient in the order in which they act, without those that may not act at all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from models.events import Event, EventKind, Interval, Rank, Status

CLOCK_SKEW = timedelta(hours=1)
"""How much earlier than the send it answers a mail may seem to have arrived."""

MAIL = frozenset(
    {
        EventKind.REPLY,
        EventKind.AUTO_REPLY,
        EventKind.ABSENCE,
        EventKind.OPT_OUT,
        EventKind.COMPLAINT,
        EventKind.BOUNCE,
        EventKind.DELIVERED,
    }
)
"""Events that arrive by mail: they count only after a send to the recipient."""

PERSON = frozenset({EventKind.MANUAL, EventKind.REVIEW_RESOLVED})

_RANKS = {
    EventKind.JOINED: Rank.SENDING,
    EventKind.SENT: Rank.SENDING,
    EventKind.OPT_OUT: Rank.COMPLIANCE,
    EventKind.COMPLAINT: Rank.COMPLIANCE,
    EventKind.LINK_OPT_OUT: Rank.COMPLIANCE,
    EventKind.MANUAL: Rank.PERSON,
    EventKind.REVIEW_RESOLVED: Rank.PERSON,
    EventKind.REPLY: Rank.HUMAN_MAIL,
}
"""Every other kind is a machine's."""

_SURELY_MEANS = {
    Status.UNSUBSCRIBED: EventKind.OPT_OUT,
    Status.OUT_OF_OFFICE: EventKind.ABSENCE,
    Status.AUTO_RESPONSE: EventKind.AUTO_REPLY,
}

_INSTANT = timedelta(microseconds=1)


class Step(NamedTuple):
    """What takes effect `at` a moment; `event` None: an entry made elsewhere covers the contact from here on."""

    at: datetime
    rank: Rank
    event: Event | None


@dataclass(frozen=True, slots=True)
class Timeline:
    """What the fold walks along, and what it must know beforehand.

    `sends` maps send ids to when they were sent, `arrivals` keys of mail events to when they took effect, `settled`
    holds the keys of mails a person has spoken about, `cancelled` the ids of cancelled bookings.
    """

    steps: tuple[Step, ...]
    sends: Mapping[str, datetime]
    arrivals: Mapping[str, datetime]
    settled: frozenset[str]
    cancelled: frozenset[str]


def meaning(event: Event) -> EventKind:
    """Return the kind the event acts as: a reply that is surely an opt-out or a machine's answer acts as that."""
    if event.kind is EventKind.REPLY and event.sure and event.status is not None:
        return _SURELY_MEANS.get(event.status, EventKind.REPLY)
    return event.kind


def rank_of(event: Event) -> Rank:
    """Return the place of the event among those of the same instant."""
    return _RANKS.get(meaning(event), Rank.MACHINE)


def order(event: Event) -> tuple[datetime, Rank, str]:
    """Return the sort key of events."""
    return event.happened_at, rank_of(event), event.key


def arrange(events: Iterable[Event], intervals: Sequence[Interval], now: datetime) -> Timeline:
    """Bring the events and the entries made elsewhere into the one order in which they act."""
    known = _standing(sorted(_once(events), key=order))
    sent = [event for event in known if event.kind is EventKind.SENT]
    # Sorted by time, so the reversed walk leaves the earliest time of a send that is told twice.
    sends = {event.send_id: event.happened_at for event in reversed(sent) if event.send_id is not None}
    first_sent = sent[0].happened_at if sent else None
    arrivals = {
        event.key: at
        for event in known
        if event.kind in MAIL and (at := _arrival(event, sends, first_sent)) is not None
    }
    steps = [
        Step(_effective(event, arrivals), rank_of(event), event)
        for event in known
        if event.kind not in MAIL or event.key in arrivals
    ]
    steps += _elsewhere(intervals, min((step.at for step in steps), default=now))
    return Timeline(
        # The sort is stable: what takes effect at the same instant keeps the order of its stamps.
        steps=tuple(sorted(steps, key=lambda step: step[:2])),
        sends=sends,
        arrivals=arrivals,
        settled=frozenset(event.about for event in known if event.about is not None),
        cancelled=frozenset(
            e.booking_id for e in known if e.kind is EventKind.BOOKING_CANCELLED and e.booking_id is not None
        ),
    )


def _once(events: Iterable[Event]) -> Iterable[Event]:
    """Keep the earliest of the events that share a key."""
    found: dict[str, Event] = {}
    for event in events:
        kept = found.setdefault(event.key, event)
        if event.happened_at < kept.happened_at:
            found[event.key] = event
    return found.values()


def _standing(events: Sequence[Event]) -> list[Event]:
    """Leave out what people took back, and the taking back itself; it counts whenever it became known."""
    undone = {event.about for event in events if event.kind is EventKind.UNDONE}
    if not undone:
        return list(events)
    left = [event for event in events if event.kind not in PERSON or event.key not in undone]
    return [event for event in left if event.kind is not EventKind.UNDONE]


def _arrival(event: Event, sends: Mapping[str, datetime], first_sent: datetime | None) -> datetime | None:
    """Return when a mail takes effect, never before the send it answers; None for mail from before the sends."""
    at = max(event.happened_at, sends.get(event.send_id or "", event.happened_at))
    if first_sent is None or at < first_sent or at - event.happened_at > CLOCK_SKEW:
        return None
    return at


def _effective(event: Event, arrivals: Mapping[str, datetime]) -> datetime:
    """Return when an event takes effect: a person's behind the mail it speaks of, also where a send moved that mail."""
    mail_at = arrivals.get(event.about or "")
    if mail_at is not None:
        return max(event.happened_at, mail_at + _INSTANT)
    return arrivals.get(event.key, event.happened_at)


def _elsewhere(intervals: Sequence[Interval], beginning: datetime) -> Iterable[Step]:
    for interval in intervals:
        at = max(interval.since, beginning)
        if interval.covers(at):
            yield Step(at, Rank.COMPLIANCE, None)
