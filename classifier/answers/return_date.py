"""When is the person back? Only forms that leave no doubt; no date is better than a wrong one.

Three steps: find the days that a sentence mentions (`return_mentions`), say from the words around each what it is for
(`return_roles`), and weigh here what all of them say together.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from classifier.answers.return_mentions import Mention, dated, has_digit, may_count_from_today, mentions, relative
from classifier.answers.return_order import FAR, next_weekday, read
from classifier.answers.return_roles import Role, Said, roles
from classifier.answers.return_words import AWAY, EVENT, MONTHS, SHORTENED, WEEKDAYS_IN_SHORT

MOST_TEXT = 4_000
MOST_SUBJECT = 300
FURTHEST = timedelta(days=366)
DAY = timedelta(days=1)
_LAST_DAY = date.max - FAR
"""Whoever writes that a mail was sent later than this writes nonsense, and there are no days left to count."""
MOST_DAYS = 60
"""A text with more dates than that is no absence notice."""
SHORTEST_WORD = 2
"""So short a word or number before a full stop is shortened, or an ordinal: "t.o.m.", "15. Juni"."""
OPENING = 25
"""A sentence that does not itself speak of an absence must open with its end ("Until 12 June, Ann stands in")."""
_AWAY = re.compile(AWAY)
_EVENT = re.compile(EVENT)
_NEXT_WORD = re.compile(r"\s(\w{1,20})")
_SIGNATURE = re.compile(r"^-- ?$|^_{5,}$", re.MULTILINE)
_QUOTED = re.compile(r"^>.*$|\"[^\"\n]{1,200}\"|\u201c[^\u201d\n]{1,200}\u201d", re.MULTILINE)
_PARAGRAPH = re.compile(r"\n\s*\n")
_STOP = re.compile(r"[.!?;]{1,3}(?=\s|$)|。")
_LAST_WORD = re.compile(r"(/?\w{1,20})[\"')]?$")


@dataclass(frozen=True)
class _Absence:
    since: date | None
    back: date


def return_date(text: str, language: str | None, arrived_on: date, subject: str = "") -> date | None:
    """Return the day the person is back, or None where the notice does not say so beyond doubt.

    Args:
        text: the notice, folded.
        language: of the text, as well as it is known; only with it "3/4" has one meaning, and in English it has two.
        arrived_on: the day the notice arrived, from which dates without a year count.
        subject: of the notice, folded; its own words count like those of the text.
    """
    if arrived_on >= _LAST_DAY:
        return None
    body = _QUOTED.sub(" ", _SIGNATURE.split(text[:MOST_TEXT], maxsplit=1)[0])
    notice = f"{_own_part(subject[:MOST_SUBJECT])}\n\n{body}"
    # Most sentences tell no day, and one look at all of them finds most of those.
    any_sentence = may_count_from_today(notice)
    telling = [sentence for sentence in sentences(notice) if any_sentence or has_digit(sentence)]
    said = [each for sentence in telling for each in _said(sentence, language, notice)]
    if not said or len(said) > MOST_DAYS:
        return None
    days = read(said, notice, language, arrived_on)
    ahead = [each for each in _absences(said, days) if arrived_on <= each.back <= arrived_on + FURTHEST]
    absence = _the_absence(ahead, arrived_on)
    returns = [each.day for each in said if each.role is Role.BACK]
    if returns:
        return _named_return(returns, days, arrived_on, absence)
    return absence.back if absence else None


def _own_part(subject: str) -> str:
    """Leave out what a machine copied: in "Automatic reply: Offer until 12 June" the date is one of ours."""
    parts = subject.split(": ")
    return "\n\n".join(part for part in parts if _AWAY.search(part) and not _EVENT.search(part))


def sentences(text: str) -> Iterator[str]:
    """Split into sentences; the full stop of "15. Juni" and of "Mon. 15 Sept." ends none, nor does a line's end."""
    for paragraph in _PARAGRAPH.split(text):
        flat, start = paragraph.replace("\n", " "), 0
        for stop in _STOP.finditer(flat):
            last = _LAST_WORD.search(flat, max(start, stop.start() - 20), stop.start())
            if not (last and _goes_on(last[1], _NEXT_WORD.match(flat, stop.end()))):
                yield flat[start : stop.end()]
                start = stop.end()
        yield flat[start:]


def _goes_on(word: str, following: re.Match[str] | None) -> bool:
    """Say whether the sentence goes on behind the full stop that follows the word."""
    if word in MONTHS or word in WEEKDAYS_IN_SHORT:
        return bool(following and following[1].isdigit())
    if word.isdigit() and len(word) == len("2026"):
        return bool(following and following[1] in MONTHS)
    return word in SHORTENED or (len(word) <= SHORTEST_WORD and not word.startswith("/"))


def _said(sentence: str, language: str | None, notice: str) -> list[Said]:
    written = list(mentions(sentence, language))
    taken = [(day.start, day.end) for day in written]
    free = (day for day in relative(sentence) if all(day.end <= start or end <= day.start for start, end in taken))
    days = sorted([*written, *free], key=lambda day: day.start)
    said = roles(sentence, days) if days else []
    if any(each.role is Role.UNTIL for each in said) and not _of_an_absence(sentence, days[0], notice):
        return [each for each in said if each.role is Role.BACK]
    return [each for each in said if each.role in {Role.BACK, Role.UNTIL}]


def _of_an_absence(sentence: str, first: Mention, notice: str) -> bool:
    if _AWAY.search(sentence):
        return True
    return first.start <= OPENING and not _EVENT.search(sentence) and bool(_AWAY.search(notice))


def _absences(said: Sequence[Said], days: dict[Mention, date]) -> Iterator[_Absence]:
    for each in said:
        last = days.get(each.day)
        if each.role is Role.UNTIL and last:
            since = _since(each, days, last)
            if since is None or since <= last:
                yield _Absence(since, last + DAY)


def _since(said: Said, days: dict[Mention, date], last: date) -> date | None:
    if said.day.from_day is not None:
        return dated(last.year, last.month, said.day.from_day)
    since = days.get(said.since) if said.since else None
    if said.since and since and since > last and said.since.readings and said.since.readings[0][0] is None:
        return dated(since.year - 1, since.month, since.day)
    return since


def _the_absence(ahead: Sequence[_Absence], arrived_on: date) -> _Absence | None:
    """Take the one that covers the arrival, the longest of several; of those to come, only one that stands alone."""
    covering = [each for each in ahead if each.since is None or each.since <= arrived_on]
    if covering:
        return max(covering, key=lambda each: each.back)
    return ahead[0] if len({each.back for each in ahead}) == 1 else None


def _named_return(
    returns: Sequence[Mention], days: dict[Mention, date], arrived_on: date, absence: _Absence | None
) -> date | None:
    """Take the day that is called the return, if it is one, lies ahead, and does not lie within the absence."""
    if absence:
        days = days | {day: found for day in returns if day.alone and (found := next_weekday(day, absence.back - DAY))}
    dates = {days.get(day) for day in returns}
    clear = {each for each in dates if each and arrived_on <= each <= arrived_on + FURTHEST}
    if absence:
        clear = {each for each in clear if not _within(each, absence)} if len(clear) > 1 else clear
    if len(clear) != 1:
        # Every return named is past: what is said of an absence still to come stands.
        return absence.back if absence and not clear and None not in dates else None
    (back,) = clear
    return None if absence and _within(back, absence) else back


def _within(back: date, absence: _Absence) -> bool:
    return (absence.since is None or absence.since < back) and back < absence.back - DAY
