"""A person puts back a mail that was moved: that asks a question, and changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from models.automation import Standing
from models.events import Event, EventKind, Interval, ReviewDraft, ReviewKind, SequenceState, Status
from models.status import fold
from tests.models.strategies import (
    LATER,
    automations,
    bounce,
    day,
    event,
    folded,
    histories,
    intervals,
    opt_out,
    questions,
    resolved,
    sent,
    standing,
)


@given(histories(), intervals(), automations(), st.integers(0, 40))
@settings(max_examples=60)
def test_whatever_happened_only_a_question_is_added(
    events: Sequence[Event], covered: list[Interval], rules: list[Standing], when: int
) -> None:
    back = event(EventKind.MOVED_BACK, when, key="moved back")
    before = fold(events, LATER, intervals=covered, rules=rules)
    after = fold([*events, back], LATER, intervals=covered, rules=rules)
    assert replace(after, reviews=()) == replace(before, reviews=())
    assert set(after.reviews) - set(before.reviews) == {ReviewDraft("moved back", ReviewKind.MOVED_BACK)}


def test_nothing_is_lifted_by_itself() -> None:
    for mail in (bounce(1), opt_out(1)):
        found = folded(mail, event(EventKind.MOVED_BACK, 2))
        assert standing(found) == standing(folded(mail))
        assert found.dne == folded(mail).dne != ()
        assert questions(found) == [ReviewKind.MOVED_BACK]


def test_a_person_settles_it_with_a_class_or_without() -> None:
    back = event(EventKind.MOVED_BACK, 2)
    assert questions(folded(bounce(1), back, resolved(3, None, back))) == []
    found = folded(bounce(1), back, resolved(3, Status.INTERESTED, back))
    assert (standing(found), questions(found)) == ((Status.INTERESTED, SequenceState.ENDED), [])


def test_seen_twice_it_is_one_question() -> None:
    back = event(EventKind.MOVED_BACK, 2)
    assert questions(folded(bounce(1), sent(1.5), back, replace(back, happened_at=day(4)))) == [ReviewKind.MOVED_BACK]
