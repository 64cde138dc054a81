"""Values taken ahead: in order, no more than asked for, and whatever goes wrong is told in its place."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.reading.ahead import ahead

SECONDS = 10


@given(st.lists(st.integers()), st.integers(min_value=1, max_value=4))
def test_every_value_comes_in_its_order_with_what_was_begun(values: list[int], most: int) -> None:
    with ahead(iter(values), most, str) as coming:
        assert list(coming) == [(value, str(value)) for value in values]


@given(st.integers(min_value=1, max_value=4), st.integers(min_value=1, max_value=12))
def test_no_more_is_in_hand_than_allowed(most: int, count: int) -> None:
    taken: list[int] = []

    def source() -> Iterator[int]:
        for number in range(count):
            taken.append(number)
            yield number

    with ahead(source(), most, str) as coming:
        for done, _ in enumerate(coming):
            assert len(taken) - done <= most


def test_the_next_value_is_taken_while_the_one_before_is_worked_on() -> None:
    second = threading.Event()

    def source() -> Iterator[int]:
        yield 1
        second.set()
        yield 2

    with ahead(source(), 2, str) as coming:
        assert next(coming) == (1, "1")
        assert second.wait(SECONDS)


def test_an_error_of_the_source_comes_after_what_was_taken_before() -> None:
    def source() -> Iterator[int]:
        yield 1
        raise ConnectionError("gone")

    with ahead(source(), 3, str) as coming:
        assert next(coming) == (1, "1")
        with pytest.raises(ConnectionError, match="gone"):
            next(coming)


def test_who_stops_in_between_waits_for_what_is_being_taken_and_takes_no_more() -> None:
    begun: list[int] = []
    with ahead(iter(range(100)), 2, begun.append) as coming:
        next(coming)
    count = len(begun)
    assert count <= 2
    assert not [each for each in threading.enumerate() if each.name == "taking ahead"]
