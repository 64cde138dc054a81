from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.automation import Standing
from models.events import (
    DneDraft,
    DneReason,
    Event,
    EventKind,
    Interval,
    Lifts,
    SequenceState,
    Status,
)
from models.outcome import Folded
from models.status import fold
from tests.models.strategies import LATER, automations, day, histories, intervals, machine_events

BOUNCES = {DneReason.HARD_BOUNCE, DneReason.SOFT_BOUNCE_LIMIT}
PERSON = {EventKind.MANUAL, EventKind.REVIEW_RESOLVED}
moments = st.one_of(st.integers(0, 60).map(day), st.just(LATER))

thorough = settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def lifts(draw: st.DrawFn) -> Lifts:
    """Return what people lifted: of entries that are stored (keys are positions), and the newest of each reason."""
    stored = draw(
        st.dictionaries(
            st.tuples(st.sampled_from(DneReason), st.integers(0, 10).map(str)),
            st.one_of(st.none(), moments),
            max_size=4,
        )
    )
    return Lifts(stored, draw(st.dictionaries(st.sampled_from(DneReason), moments, max_size=2)))


def stored(one: Folded, known: Lifts) -> Lifts:
    """Return the lifts as they read once the drafts of `one` are stored."""
    by_entry = {
        (draft.reason, draft.source): draft.since if draft.born_lifted else known.lifted_at(*about(draft))
        for draft in one.dne
    }
    return Lifts({**known.by_entry, **by_entry}, known.newest)


def about(draft: DneDraft) -> tuple[DneReason, str, datetime]:
    return draft.reason, draft.source, draft.since


def covers(one: Folded, known: Lifts, moment: datetime) -> bool:
    own = [Interval(d.since, known.lifted_at(*about(d))) for d in one.dne if not d.born_lifted]
    return any(interval.covers(moment) for interval in own)


@thorough
@given(st.data(), histories(), intervals(), lifts(), automations(), moments)
def test_any_order_and_any_repetition_end_in_the_same_state(
    data: st.DataObject,
    history: list[Event],
    covered: list[Interval],
    lifted: Lifts,
    rules: list[Standing],
    now: datetime,
) -> None:
    repeated = [
        replace(one, happened_at=one.happened_at + timedelta(hours=hours))
        for one, hours in data.draw(st.lists(st.tuples(st.sampled_from(history), st.integers(0, 99)), max_size=4))
    ]
    shuffled = data.draw(st.permutations(history + repeated))
    first = fold(history, now, intervals=covered, lifts=lifted, rules=rules)
    assert fold(shuffled, now, intervals=covered[::-1], lifts=lifted, rules=rules) == first


@thorough
@given(st.data(), histories(), st.sampled_from(DneReason), moments)
def test_a_worker_that_stored_every_step_agrees_with_one_that_came_late(
    data: st.DataObject, history: list[Event], reason: DneReason, lift: datetime
) -> None:
    arriving = data.draw(st.permutations(history))
    known = Lifts(newest={reason: lift}) if data.draw(st.booleans()) else Lifts()
    diary = known
    for number, one in enumerate(arriving, start=1):
        diary = stored(fold(arriving[:number], one.happened_at, lifts=diary), diary)
    assert fold(history, LATER, lifts=diary) == fold(history, LATER, lifts=known)


@thorough
@given(histories(), intervals(), automations(), moments, st.integers(1, 400))
def test_nothing_changes_before_the_announced_moment(
    history: list[Event], covered: list[Interval], rules: list[Standing], now: datetime, days: int
) -> None:
    at_first = fold(history, now, intervals=covered, rules=rules)
    later = now + timedelta(days=days)
    if at_first.next_change_at is not None and later >= at_first.next_change_at:
        later = at_first.next_change_at - timedelta(microseconds=1)
    assert fold(history, max(now, later), intervals=covered, rules=rules) == at_first


@thorough
@given(histories(), intervals(), moments)
def test_a_pause_that_is_announced_ends_then(history: list[Event], covered: list[Interval], now: datetime) -> None:
    at_first = fold(history, now, intervals=covered)
    if at_first.next_change_at is not None:
        assert at_first.next_change_at > now
        after = fold(history, at_first.next_change_at, intervals=covered)
        assert after.next_change_at is None
        assert after.sequence.state is not SequenceState.PAUSED


@thorough
@given(histories(), st.lists(machine_events(), min_size=1, max_size=3), moments)
def test_no_machine_takes_away_an_entry_that_is_no_bounce(
    history: list[Event], more: list[Event], now: datetime
) -> None:
    grown = history + [replace(one, key=f"more{number}") for number, one in enumerate(more)]
    before = {about(draft) for draft in fold(history, now).dne if draft.reason not in BOUNCES}
    assert before <= {about(draft) for draft in fold(grown, now).dne}


@thorough
@given(histories(), st.lists(machine_events(), min_size=1, max_size=3), moments)
def test_a_person_who_comes_later_takes_no_entry_away(history: list[Event], acts: list[Event], now: datetime) -> None:
    last = max(one.happened_at for one in history)
    later = [
        Event(
            kind=EventKind.MANUAL if one.sure else EventKind.REVIEW_RESOLVED,
            happened_at=last + timedelta(hours=number),
            key=f"more{number}",
            status=one.status,
        )
        for number, one in enumerate(acts, start=1)
    ]
    assert set(fold(history, now).dne) <= set(fold(history + later, now).dne)


@thorough
@given(histories(), intervals(), moments)
def test_what_a_recipient_bans_does_not_depend_on_what_others_banned(
    history: list[Event], covered: list[Interval], now: datetime
) -> None:
    assert fold(history, now, intervals=covered).dne == fold(history, now).dne


@thorough
@given(histories(with_persons=False), st.sampled_from(sorted(Status)), st.lists(machine_events(), max_size=4))
def test_a_machine_overrides_a_label_only_by_compliance_or_a_booking(
    history: list[Event], status: Status, more: list[Event]
) -> None:
    last = max(one.happened_at for one in history)
    label = Event(kind=EventKind.MANUAL, happened_at=last + timedelta(hours=2), key="label", status=status)
    newer = [
        replace(one, key=f"more{number}", happened_at=label.happened_at + timedelta(hours=number))
        for number, one in enumerate(more, start=1)
    ]
    found = fold([*history, label, *newer], LATER)
    if status is not Status.ACTIVE and found.status is not status:
        strong = {EventKind.OPT_OUT, EventKind.COMPLAINT, EventKind.LINK_OPT_OUT, EventKind.BOOKED}
        decisive = next(one for one in newer if one.key == found.decided_by)
        assert decisive.kind in strong or (decisive.status is Status.UNSUBSCRIBED and decisive.sure)


@thorough
@given(histories(), intervals(), lifts(), automations())
def test_nobody_under_a_live_entry_is_active_or_mailed(
    history: list[Event], covered: list[Interval], lifted: Lifts, rules: list[Standing]
) -> None:
    found = fold(history, LATER, intervals=covered, lifts=lifted, rules=rules)
    if covers(found, lifted, LATER) or any(interval.covers(LATER) for interval in covered):
        assert found.status is not Status.ACTIVE
        assert found.sequence.state is SequenceState.ENDED


@thorough
@given(histories(), intervals(), lifts(), automations(), moments)
def test_the_facts_of_an_outcome_fit_together(
    history: list[Event], covered: list[Interval], lifted: Lifts, rules: list[Standing], now: datetime
) -> None:
    found = fold(history, now, intervals=covered, lifts=lifted, rules=rules)
    state, sequence = found.sequence.state, found.sequence
    assert (sequence.reason is not None) == (state is SequenceState.ENDED)
    assert (sequence.until is not None) == (state is SequenceState.PAUSED)
    assert found.next_change_at is None or found.next_change_at > now
    assert sequence.until is None or (found.next_change_at is not None and found.next_change_at <= sequence.until)
    assert state is not SequenceState.HELD or any(item.holds for item in found.reviews)
    assert len({(item.event_key, item.kind) for item in found.reviews}) == len(found.reviews)
    assert len({(draft.reason, draft.source) for draft in found.dne}) == len(found.dne)
    assert not found.removed_by_person or found.status is Status.REMOVED
    assert found.status not in ENDS_ALWAYS or state is SequenceState.ENDED
    assert found.decided_by in {None, *(one.key for one in history), *(one.key for one in found.fired)}
    assert len({one.key for one in found.fired}) == len(found.fired)


ENDS_ALWAYS = set(Status) - {
    Status.ACTIVE,
    Status.ENGAGED,
    Status.INTERESTED,
    Status.AUTO_RESPONSE,
    Status.OUT_OF_OFFICE,
}


@thorough
@given(st.data(), histories(), intervals(), automations(), moments)
def test_what_was_taken_back_never_was(
    data: st.DataObject, history: list[Event], covered: list[Interval], rules: list[Standing], now: datetime
) -> None:
    acts = [one for one in history if one.kind in PERSON]
    undone = data.draw(st.lists(st.sampled_from(acts), unique_by=lambda one: one.key)) if acts else []
    taken_back = [
        Event(
            kind=EventKind.UNDONE,
            happened_at=one.happened_at + timedelta(hours=1),
            key=f"undo {one.key}",
            about=one.key,
        )
        for one in undone
    ]
    rest = [one for one in history if one not in undone]
    without = fold(rest, now, intervals=covered, rules=rules)
    assert fold(history + taken_back, now, intervals=covered, rules=rules) == without


@thorough
@given(histories(), intervals(), automations(), moments)
def test_a_rule_acts_only_while_it_stands_and_once_for_a_cause(
    history: list[Event], covered: list[Interval], rules: list[Standing], now: datetime
) -> None:
    found = fold(history, now, intervals=covered, rules=rules)
    by_id = {rule.id: rule for rule in rules}
    assert all(by_id[one.rule_id].covers(one.at) for one in found.fired)
    assert len({(one.rule_id, one.trigger) for one in found.fired}) == len(found.fired)
    assert {one.fired.key for one in found.commands} <= {one.key for one in found.fired}


@thorough
@given(histories())
def test_questions_about_a_mail_are_closed_once_a_person_spoke_of_it(history: list[Event]) -> None:
    spoken = {one.about for one in history if one.kind in PERSON}
    assert not spoken & {item.event_key for item in fold(history, LATER).reviews}


@thorough
@given(histories(with_persons=False), st.integers(0, 40))
def test_ended_is_left_by_a_person_alone(history: list[Event], cut: int) -> None:
    # Mail that names its send may move when that send comes to light, so here no mail does.
    events = [one if one.kind is EventKind.SENT else replace(one, send_id=None) for one in history]
    before = fold([one for one in events if one.happened_at <= day(cut)], day(cut))
    if before.sequence.state is SequenceState.ENDED:
        assert fold(events, LATER).sequence == before.sequence
