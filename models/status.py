"""The fold: from everything that happened to a recipient to what is true of it now (docs/statuses.md).

A recipient is one contact in one campaign. The fold is a small state machine: `arrange` brings the events into order,
one handler per kind of event changes the `State`, and the state's outcome is the answer. It is pure: the same set of
events gives the same answer, in whatever order and however often they became known.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from models.automation import Standing
from models.causes import HANDLERS, banned_elsewhere, is_newest, may_be_opt_out
from models.events import (
    Bounced,
    Event,
    EventKind,
    Interval,
    Lifts,
    ReviewKind,
    Status,
    Trust,
)
from models.outcome import Folded
from models.reaction import next_due, react
from models.state import State
from models.timeline import MAIL, PERSON, arrange, meaning

NO_LIFTS = Lifts()

_HUMAN = frozenset({EventKind.REPLY, EventKind.OPT_OUT})
_SIGN_OF_LIFE = _HUMAN | {EventKind.AUTO_REPLY, EventKind.ABSENCE, EventKind.DELIVERED}
_YIELDS_TO_LABEL = frozenset({EventKind.REPLY, EventKind.AUTO_REPLY, EventKind.ABSENCE, EventKind.AUTOMATION_STOP})


def fold(
    events: Iterable[Event],
    now: datetime,
    *,
    intervals: Sequence[Interval] = (),
    lifts: Lifts = NO_LIFTS,
    rules: Sequence[Standing] = (),
) -> Folded:
    """Return what is true of a recipient at `now` (aware UTC).

    Args:
        events: everything known about the recipient, in any order; events that share a key are one event.
        now: ends the pauses that are over, and lets the rules act that wait for time to pass; it filters no events.
        intervals: when Do Not Email entries that other causes made covered the contact.
        lifts: what people lifted of the entries that these events made; decides nothing but whether those act.
        rules: the automations of the campaign, also those that stand no longer.
    """
    timeline = arrange(events, intervals, now)
    state = State(timeline, lifts, at=now, live=list(intervals), rules=rules)
    for at, _, event in timeline.steps:
        _wait(state, at)
        if event is None:
            banned_elsewhere(state)
        else:
            _take(state, event)
        react(state, event, event.key if event else f"dne {at.isoformat()}")
    _wait(state, now)
    return state.outcome(_next(state))


def _wait(state: State, moment: datetime) -> None:
    """Let time pass until `moment`: pauses end and rules act when they are due."""
    while (due := _next(state)) and due <= moment:
        state.wake(due)
        react(state, None, f"at {due.isoformat()}")
    state.wake(moment)


def _next(state: State) -> datetime | None:
    """Return when the passing of time alone changes something."""
    return min((at for at in (state.pause.until if state.pause else None, next_due(state)) if at), default=None)


def _take(state: State, event: Event) -> None:
    """Let one event act, as far as its trust and a standing label allow."""
    kind = meaning(event)
    if event.review is not None:
        state.ask(event, event.review)
    if event.sampled:
        state.ask(event, ReviewKind.RANDOM_SAMPLE)
    if kind in MAIL:
        _hear(state, event, kind)
    if kind in PERSON:
        state.waits.discard(event.about or "")
    if event.trust is Trust.ACTS and (kind is not EventKind.REVIEW_RESOLVED or is_newest(state, event)):
        state.heard = _counts_as(event, kind) or state.heard
    if kind in MAIL and event.trust is Trust.SUGGESTS:
        _suggest(state, event)
    elif state.labelled and kind in _YIELDS_TO_LABEL:
        _yield_to_label(state, event, kind)
    else:
        HANDLERS[kind](state, event)


_ANSWERS = {
    EventKind.AUTO_REPLY: Status.AUTO_RESPONSE,
    EventKind.ABSENCE: Status.OUT_OF_OFFICE,
    EventKind.OPT_OUT: Status.UNSUBSCRIBED,
}


def _counts_as(event: Event, kind: EventKind) -> Status | None:
    """Return the class of an answer as it is applied; None where the event is none."""
    if kind in {EventKind.REPLY, EventKind.REVIEW_RESOLVED}:
        return event.status if event.sure else Status.ENGAGED
    return _ANSWERS.get(kind)


def _hear(state: State, event: Event, kind: EventKind) -> None:
    """Note the sign of life in a mail, whether or not it may act."""
    if kind in _SIGN_OF_LIFE:
        state.soft.clear()
    if kind in _HUMAN and event.review is not ReviewKind.MACHINE_OPT_OUT:
        state.human_at = state.at
        # A reply from a second address does not show that the first one is alive.
        if event.other_address is None:
            state.alive_at = state.at


def _suggest(state: State, event: Event) -> None:
    if event.kind is EventKind.DELIVERED:
        return
    if event.kind is not EventKind.BOUNCE or event.bounce in {Bounced.HARD, Bounced.SOFT}:
        state.ask(event, ReviewKind.UNCERTAIN_MATCH, holds=True)


def _yield_to_label(state: State, event: Event, kind: EventKind) -> None:
    """Leave a person's label alone and ask; what the label does not speak of still protects the contact."""
    if kind is EventKind.AUTOMATION_STOP:
        return
    state.ask(event, ReviewKind.AGAINST_LABEL, holds=True)
    if may_be_opt_out(event):
        state.ask(event, ReviewKind.POSSIBLE_OPT_OUT, holds=True)
    if kind is EventKind.ABSENCE and not (state.pause and state.pause.of_label):
        state.rest(event)
