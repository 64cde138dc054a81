"""What each kind of event does to a recipient: one handler a kind, as docs/statuses.md says."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from models.events import Bounced, DneReason, EndReason, Event, EventKind, ReviewKind, Status, Trust
from models.state import RESTING, State
from models.table import Column
from models.timeline import meaning

SOFT_LIMIT = 3
"""So many soft bounces in a row, of different sends, count as a hard one."""

_REPLIES: Mapping[Status | None, Column] = {
    Status.ENGAGED: Column.ENGAGED,
    Status.INTERESTED: Column.INTERESTED,
    Status.NOT_INTERESTED: Column.NOT_INTERESTED,
}

_WISHES = {
    EventKind.OPT_OUT: (DneReason.UNSUBSCRIBE_REPLY, Column.OPT_OUT),
    EventKind.COMPLAINT: (DneReason.COMPLAINT, Column.OPT_OUT),
    EventKind.LINK_OPT_OUT: (DneReason.UNSUBSCRIBE_LINK, Column.LINK),
}

_BANS_OF_LABELS = {
    Status.UNSUBSCRIBED: DneReason.MANUAL,
    Status.UNSUBSCRIBE_LINK: DneReason.MANUAL,
    Status.BOUNCED: DneReason.MANUAL,
}

_BANS_OF_REVIEWS = _BANS_OF_LABELS | {
    Status.UNSUBSCRIBED: DneReason.UNSUBSCRIBE_REPLY,
    Status.BOUNCED: DneReason.HARD_BOUNCE,
}


def _sent(state: State, _event: Event) -> None:
    state.sent_at = state.at


def _reply(state: State, event: Event) -> None:
    """Apply a reply's class, or that of the catch-all where it is not sure."""
    if may_be_opt_out(event):
        state.ask(event, ReviewKind.POSSIBLE_OPT_OUT, holds=True)
    elif not event.sure:
        state.ask(event, ReviewKind.LOW_CONFIDENCE)
    _answer(state, event, _REPLIES.get(event.status, Column.ENGAGED) if event.sure else Column.ENGAGED)


def may_be_opt_out(event: Event) -> bool:
    """Say whether a reply may ask for an end of the mail, although the classifier is not sure."""
    return event.kind is EventKind.REPLY and event.status is Status.UNSUBSCRIBED and not event.sure


def _answer(state: State, event: Event, column: Column) -> None:
    state.move(column, event)
    if event.ends or column is Column.NOT_INTERESTED:
        state.end(EndReason.REPLY)


def _auto_reply(state: State, event: Event) -> None:
    if not state.move(Column.AUTO, event):
        return
    if event.ends:
        state.end(EndReason.AUTO_RESPONSE)
    state.rest(event)


def _absence(state: State, event: Event) -> None:
    # A notice that somebody forgot to switch off says nothing about the days to come.
    if event.until is not None and event.until <= state.at:
        return
    state.move(Column.ABSENCE, event)
    state.rest(event)


def _wish(state: State, event: Event) -> None:
    """Obey an opt-out, a complaint or the link: above labels, bookings and everything else."""
    reason, column = _WISHES[meaning(event)]
    if state.ban(reason, event):
        state.move(column, event)
        state.end(EndReason.OPT_OUT)


def _bounce(state: State, event: Event) -> None:
    """Ban a dead address, unless a person answered from it after the send that failed."""
    reason = _dead(state, event)
    if reason is None:
        return
    failed = state.timeline.sends.get(event.send_id or "", state.sent_at)
    if state.alive_at and failed and state.alive_at >= failed:
        state.ask(event, ReviewKind.BOUNCE_AFTER_REPLY)
    elif state.ban(reason, event):
        if not state.labelled:
            state.move(Column.BOUNCE, event)
        state.end(EndReason.BOUNCE)


def _dead(state: State, event: Event) -> DneReason | None:
    """Return why the address counts as dead after this bounce, if it does."""
    if event.bounce is Bounced.HARD:
        return DneReason.HARD_BOUNCE
    if event.bounce is Bounced.SOFT:
        state.soft.add(event.send_id or event.happened_at.date().isoformat())
        if len(state.soft) >= SOFT_LIMIT:
            state.soft.clear()
            return DneReason.SOFT_BOUNCE_LIMIT
    return None


def banned_elsewhere(state: State) -> None:
    """Let an entry that arose elsewhere in the team act."""
    state.move(Column.DNE)
    state.end(EndReason.DNE)


def _opened(state: State, _event: Event) -> None:
    state.opens += 1


def _clicked(state: State, event: Event) -> None:
    if event.link is not None:
        state.links.add(event.link)


def _automation_stop(state: State, event: Event) -> None:
    state.move(Column.AUTOMATION, event)
    state.end(EndReason.AUTOMATION)


def _booked(state: State, event: Event) -> None:
    if event.trust is Trust.SUGGESTS:
        if event.booking_id not in state.timeline.cancelled:
            state.ask(event, ReviewKind.UNCERTAIN_MATCH, holds=True)
        return
    if event.booking_id in state.timeline.cancelled:
        # The fold without that booking, pause included; only the sequence stays ended.
        state.ended = state.ended or EndReason.BOOKING
        return
    state.move(Column.BOOKED, event)
    state.end(EndReason.BOOKING)


def _manual(state: State, event: Event) -> None:
    _label(state, event, _BANS_OF_LABELS)


def _review_resolved(state: State, event: Event) -> None:
    """Label what the person says about the newest mail; an older mail counts as the reply it turned out to be."""
    if is_newest(state, event) or event.status in _BANS_OF_REVIEWS:
        _label(state, event, _BANS_OF_REVIEWS)
    elif event.status is Status.AUTO_RESPONSE:
        _auto_reply(state, event)
    elif event.status is Status.OUT_OF_OFFICE:
        _absence(state, event)
    elif event.status in _REPLIES:
        _answer(state, event, _REPLIES[event.status])


def is_newest(state: State, event: Event) -> bool:
    """Say whether a person speaks of the newest mail of a person, or of no mail."""
    mail_at = state.timeline.arrivals.get(event.about or "")
    return mail_at is None or state.human_at is None or mail_at >= state.human_at


def _label(state: State, event: Event, bans: Mapping[Status, DneReason]) -> None:
    """Give the status a person chose, which stands against machines; Active begins again and stands against nothing."""
    if event.status is None:
        return
    if event.status is Status.ACTIVE:
        if not state.is_banned():
            state.restart(event)
        return
    if event.status in bans and not state.ban(bans[event.status], event):
        return
    if state.status in RESTING or event.status in RESTING:
        state.pause = None
    state.become(event.status, event)
    state.labelled = True
    if event.ends or event.status not in _MAY_GO_ON:
        state.end(EndReason.PERSON)
    if event.status in RESTING:
        state.rest(event, of_label=True)


_MAY_GO_ON = RESTING | {Status.ENGAGED, Status.INTERESTED}
"""Labels under which the sequence goes on unless the event says otherwise."""


def _moved_back(state: State, event: Event) -> None:
    """Ask what is wrong with a verdict that a person seems to doubt; moving a mail says too little to act on."""
    state.ask(event, ReviewKind.MOVED_BACK)


def _keep(_state: State, _event: Event) -> None:
    """Change nothing: the event speaks through the timeline or is only kept."""


HANDLERS: Mapping[EventKind, Callable[[State, Event], None]] = {
    EventKind.JOINED: _keep,
    EventKind.SENT: _sent,
    EventKind.DELIVERED: _keep,
    EventKind.REPLY: _reply,
    EventKind.AUTO_REPLY: _auto_reply,
    EventKind.ABSENCE: _absence,
    EventKind.OPT_OUT: _wish,
    EventKind.COMPLAINT: _wish,
    EventKind.LINK_OPT_OUT: _wish,
    EventKind.BOUNCE: _bounce,
    EventKind.OPENED: _opened,
    EventKind.CLICKED: _clicked,
    EventKind.AUTOMATION_STOP: _automation_stop,
    EventKind.BOOKED: _booked,
    EventKind.BOOKING_CANCELLED: _keep,
    EventKind.MANUAL: _manual,
    EventKind.REVIEW_RESOLVED: _review_resolved,
    EventKind.MOVED_BACK: _moved_back,
}
