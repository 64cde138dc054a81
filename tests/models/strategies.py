"""Events to write tests with: builders for single ones, Hypothesis strategies for whole histories."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from models.automation import Automation, Standing
from models.events import Bounced, Event, EventKind, Interval, Lifts, ReviewKind, SequenceState, Status, Trust
from models.outcome import Folded
from models.status import fold

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
LATER = START + timedelta(days=365)

REPLY_STATUSES = [
    Status.ENGAGED,
    Status.INTERESTED,
    Status.NOT_INTERESTED,
    Status.AUTO_RESPONSE,
    Status.OUT_OF_OFFICE,
    Status.UNSUBSCRIBED,
]


def day(number: float, minutes: int = 0) -> datetime:
    """Return a moment counted from the day the campaign starts."""
    return START + timedelta(days=number, minutes=minutes)


def event(kind: EventKind, when: float, **fields: Any) -> Event:
    """Return an event on day `when`; its key tells what and when unless one is given."""
    fields.setdefault("key", f"{kind.value}@{when}")
    return Event(kind=kind, happened_at=day(when), **fields)


def joined(when: float = 0, **fields: Any) -> Event:
    return event(EventKind.JOINED, when, **fields)


def sent(when: float = 0, send_id: str | None = None, **fields: Any) -> Event:
    return event(EventKind.SENT, when, send_id=send_id or f"send{when}", **fields)


def reply(when: float, status: Status = Status.ENGAGED, **fields: Any) -> Event:
    return event(EventKind.REPLY, when, status=status, **fields)


def absence(when: float, until: float, **fields: Any) -> Event:
    fields.setdefault("dated", True)
    return event(EventKind.ABSENCE, when, until=day(until), **fields)


def auto_reply(when: float, **fields: Any) -> Event:
    return event(EventKind.AUTO_REPLY, when, **fields)


def opt_out(when: float, **fields: Any) -> Event:
    return event(EventKind.OPT_OUT, when, **fields)


def bounce(when: float, kind: Bounced = Bounced.HARD, **fields: Any) -> Event:
    return event(EventKind.BOUNCE, when, bounce=kind, **fields)


def booked(when: float, booking_id: str | None = "meeting", **fields: Any) -> Event:
    return event(EventKind.BOOKED, when, booking_id=booking_id, **fields)


def cancelled(when: float, booking_id: str | None = "meeting", **fields: Any) -> Event:
    return event(EventKind.BOOKING_CANCELLED, when, booking_id=booking_id, **fields)


def manual(when: float, status: Status | None, **fields: Any) -> Event:
    return event(EventKind.MANUAL, when, status=status, **fields)


def resolved(when: float, status: Status | None, about: Event | None = None, **fields: Any) -> Event:
    return event(EventKind.REVIEW_RESOLVED, when, status=status, about=about.key if about else None, **fields)


def folded(
    *events: Event,
    now: float | datetime = LATER,
    intervals: Sequence[Interval] = (),
    lifts: Lifts | None = None,
    rules: Sequence[Standing] = (),
) -> Folded:
    """Fold the events of somebody who joined and was mailed on day 0."""
    moment = now if isinstance(now, datetime) else day(now)
    return fold([joined(), sent(), *events], moment, intervals=intervals, lifts=lifts or Lifts(), rules=rules)


def questions(one: Folded) -> list[ReviewKind]:
    """Return what a person is asked."""
    return [item.kind for item in one.reviews]


def standing(one: Folded) -> tuple[Status, SequenceState]:
    """Return the status and what may be sent."""
    return one.status, one.sequence.state


# Few distinct moments, so that ties, pauses that end between events and late sends are common.
_moments = st.one_of(
    st.integers(0, 40).map(day),
    st.tuples(st.integers(0, 3), st.integers(-90, 90)).map(lambda pair: day(*pair)),
)
_send_ids = st.sampled_from([None, "s1", "s2", "s3", "s4"])
_booleans = st.booleans()
_trust = st.sampled_from([Trust.ACTS, Trust.ACTS, Trust.ACTS, Trust.SUGGESTS])
_lengths = st.integers(1, 14).map(timedelta)


@st.composite
def machine_events(draw: st.DrawFn) -> Event:
    """Return an event that is no person's at our desk: mail, link, booking, automation."""
    machines = [kind for kind in EventKind if kind not in _NOT_MACHINE]
    kind = draw(st.sampled_from(machines))
    happened_at = draw(_moments)
    pauses = kind in {EventKind.ABSENCE, EventKind.AUTO_REPLY, EventKind.REPLY} and (
        kind is EventKind.ABSENCE or draw(_booleans)
    )
    return Event(
        kind=kind,
        happened_at=happened_at,
        key="",
        status=draw(st.sampled_from(REPLY_STATUSES)) if kind is EventKind.REPLY else None,
        sure=draw(_booleans),
        ends=draw(_booleans),
        until=happened_at + draw(_lengths) if pauses else None,
        dated=draw(_booleans),
        bounce=draw(st.sampled_from(Bounced)) if kind is EventKind.BOUNCE else None,
        send_id=draw(_send_ids),
        link="https://us.example/prices" if kind is EventKind.CLICKED else None,
        booking_id=draw(st.sampled_from([None, "b1", "b2"])),
        trust=draw(_trust),
        review=draw(st.sampled_from([None, None, ReviewKind.MACHINE_OPT_OUT, ReviewKind.NEAR_OPT_OUT])),
        sampled=draw(_booleans),
        other_address=draw(st.sampled_from([None, None, "home@example.org"])),
    )


@st.composite
def sends(draw: st.DrawFn) -> Event:
    return Event(kind=EventKind.SENT, happened_at=draw(_moments), key="", send_id=draw(_send_ids))


@st.composite
def person_events(draw: st.DrawFn) -> Event:
    """Return what a person did; `about` is a placeholder until the history gives the keys."""
    kind = draw(st.sampled_from([EventKind.MANUAL, EventKind.REVIEW_RESOLVED]))
    happened_at = draw(_moments)
    return Event(
        kind=kind,
        happened_at=happened_at,
        key="",
        status=draw(st.sampled_from([None, *Status])),
        ends=draw(_booleans),
        until=happened_at + draw(_lengths) if draw(_booleans) else None,
        about=draw(st.sampled_from([None, "unknown", *(str(number) for number in range(8))])),
    )


_NOT_MACHINE = {EventKind.JOINED, EventKind.SENT, EventKind.MANUAL, EventKind.REVIEW_RESOLVED, EventKind.UNDONE}

_conditions = st.one_of(
    st.sets(st.sampled_from(Status), min_size=1, max_size=3).map(lambda found: {"status": sorted(found)}),
    st.sets(st.sampled_from(REPLY_STATUSES), min_size=1, max_size=3).map(lambda found: {"class": sorted(found)}),
    st.integers(1, 3).map(lambda count: {"opens": count}),
    st.just({"link": "price"}),
    st.integers(1, 20).map(lambda count: {"days_without_reply": count}),
)
_both = st.tuples(_conditions, _conditions).map(lambda pair: pair[0] | pair[1])
_actions = st.sampled_from(
    [
        {"do": "stop"},
        {"do": "move", "campaign": "other"},
        {"do": "set_status", "status": "Engaged"},
        {"do": "set_status", "status": "Not Interested"},
        {"do": "add_dne"},
        {"do": "call", "endpoint": "crm"},
    ]
)
_steps = st.recursive(
    _actions,
    lambda below: st.builds(
        lambda when, then, otherwise: {"if": when, "then": then, "else": otherwise},
        _conditions,
        st.lists(below, min_size=1, max_size=2),
        st.lists(below, max_size=2),
    ),
    max_leaves=4,
)


@st.composite
def automations(draw: st.DrawFn) -> list[Standing]:
    """Return up to three rules of a campaign, some of which stand no longer or not yet."""
    found = draw(
        st.lists(
            st.tuples(st.one_of(_conditions, _both), st.lists(_steps, min_size=1, max_size=2), st.integers(-1, 20)),
            max_size=3,
        )
    )
    return [
        Standing(
            number,
            Automation.model_validate({"name": f"rule {number}", "when": when, "then": then}),
            day(since),
            draw(st.one_of(st.none(), st.integers(21, 40).map(day))),
        )
        for number, (when, then, since) in enumerate(found, start=1)
    ]


@st.composite
def histories(draw: st.DrawFn, *, with_persons: bool = True) -> list[Event]:
    """Return what may happen to one recipient: usually joined and mailed, then anything; keys are the positions."""
    anything = [machine_events(), machine_events(), machine_events(), sends()]
    if with_persons:
        anything.append(person_events())
    events = [event(EventKind.JOINED, 0)]
    if draw(st.integers(0, 9)):
        events.append(sent(0, "s1"))
    events += draw(st.lists(st.one_of(anything), max_size=10))
    return [replace(one, key=str(position)) for position, one in enumerate(events)]


@st.composite
def intervals(draw: st.DrawFn) -> list[Interval]:
    """Return when entries made elsewhere covered the contact."""
    return draw(st.lists(st.builds(_interval, _moments, st.one_of(st.none(), _lengths)), max_size=2))


def _interval(since: datetime, length: timedelta | None) -> Interval:
    return Interval(since, since + length if length else None)
