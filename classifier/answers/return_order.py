"""Which day is meant: the order of day and month, and the weekday that must agree."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import date, timedelta

from classifier.answers.return_mentions import BARE_AHEAD, DAYS_OF_A_WEEK, Mention, resolved
from classifier.answers.return_roles import Said
from classifier.answers.return_words import ENGLISH

LONGEST_RANGE = timedelta(days=60)
FAR = timedelta(days=3 * 366)
"""A day so far off is no part of an absence that matters now."""
_ENGLISH = re.compile(ENGLISH)
_DAY_FIRST, _MONTH_FIRST = 0, 1
"""Places in `Mention.readings`."""


def read(said: Sequence[Said], text: str, language: str | None, arrived_on: date) -> dict[Mention, date]:
    """Return the date of every day that can be read in one way only.

    Args:
        said: the days of a notice, and what they are for.
        text: the whole notice, folded.
        language: of the notice, as well as it is known.
        arrived_on: the day it arrived.
    """
    days = [day for each in said for day in (each.since, each.day) if day]
    votes = _votes(days, arrived_on)
    if not votes and (language not in {"en", None} or not _ENGLISH.search(text)):
        votes = {_DAY_FIRST}
    votes = votes or _by_range(said, arrived_on)
    order = votes.pop() if len(votes) == 1 else None
    dates = {day: _date(day, order, arrived_on) for day in days}
    return {day: found for day, found in dates.items() if found and abs(found - arrived_on) < FAR}


def _date(day: Mention, order: int | None, arrived_on: date) -> date | None:
    if day.ahead is not None:
        return arrived_on + timedelta(days=day.ahead)
    if day.alone:
        return next_weekday(day, arrived_on)
    if len(day.readings) > 1:
        order = order if (agreeing := _agreeing(day, arrived_on)) is None else agreeing
        if order is None:
            return None
        found = resolved(day.readings[order], arrived_on)
    else:
        found = resolved(day.readings[0], arrived_on)
    if found is None or (day.weekday is not None and found.weekday() != day.weekday):
        return None
    far = day.readings[0][1] == 0 and day.weekday is None and found - arrived_on > BARE_AHEAD
    return None if far else found


def next_weekday(day: Mention, after: date) -> date | None:
    """Return the first such weekday after the date; None where it might as well be the week after, or today."""
    if day.weekday is None or day.weekday == after.weekday():
        return None
    if day.following and day.weekday > after.weekday():
        return None
    return after + timedelta(days=(day.weekday - after.weekday()) % DAYS_OF_A_WEEK)


def _agreeing(day: Mention, arrived_on: date) -> int | None:
    """Return the only reading that falls on the weekday that is named with it."""
    found = [resolved(reading, arrived_on) for reading in day.readings]
    fits = [at for at, each in enumerate(found) if each and each.weekday() == day.weekday]
    return fits[0] if len(fits) == 1 else None


def _votes(days: Sequence[Mention], arrived_on: date) -> set[int]:
    """Let the dates that leave no doubt say in which order this writer writes the others."""
    clear = {resolved(day.readings[0], arrived_on) for day in days if len(day.readings) == 1}
    votes: set[int] = set()
    for day in days:
        if day.month_first is not None:
            votes.add(_MONTH_FIRST if day.month_first else _DAY_FIRST)
        elif len(day.readings) > 1:
            named = [at for at, reading in enumerate(day.readings) if resolved(reading, arrived_on) in clear]
            agreeing = _agreeing(day, arrived_on)
            votes.update(named if len(named) == 1 else [] if agreeing is None else [agreeing])
    return votes


def _by_range(said: Iterable[Said], arrived_on: date) -> set[int]:
    """A notice mostly comes during the absence: take the only order in which a range of it covers the arrival."""
    return {order for each in said for order in (_DAY_FIRST, _MONTH_FIRST) if _covers(each, order, arrived_on)}


def _covers(said: Said, order: int, arrived_on: date) -> bool:
    if said.since is None or len(said.since.readings) <= order or len(said.day.readings) <= order:
        return False
    first, last = (resolved(each.readings[order], arrived_on) for each in (said.since, said.day))
    return bool(first and last and first <= arrived_on <= last and last - first <= LONGEST_RANGE)
