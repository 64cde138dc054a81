"""What is a mentioned day for? The words around it say: the return, the end of the absence, its start, or nothing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto

from classifier.answers.return_mentions import Mention
from classifier.answers.return_words import (
    AWAY,
    BACK,
    CONNECT,
    DEADLINE,
    EVENT,
    FROM,
    FROM_AFTER,
    GLUE,
    NO,
    NOT_BEFORE,
    NOT_COMING_BACK,
    ONLY,
    OR,
    PRESENT,
    SINCE,
    UNTIL,
    UNTIL_AFTER,
    WHEN,
)

_REACH = 80
"""Characters on either side of a day in which its words are looked for."""
_NEAR = 18
"""A denial stands so close before what it denies."""


def _just_before(words: str) -> re.Pattern[str]:
    """Compile: these words stand directly before the day, apart from articles and the like."""
    return re.compile(rf"(?:^|[^\w'])(?:{words})(?:\W{{1,3}}(?:{GLUE})){{0,5}}\W{{0,3}}$")


_UNTIL = _just_before(UNTIL)
_FROM = _just_before(FROM)
_SINCE = _just_before(SINCE)
_DEADLINE = _just_before(DEADLINE)
_ONLY_BEFORE = _just_before(ONLY)
_NOT_BEFORE = re.compile(rf"{NOT_BEFORE}(?:\W{{1,3}}(?:{GLUE})){{0,3}}\W{{0,3}}$")
_CONNECT = re.compile(rf"^[\s,.)]{{0,3}}(?:-|~|至|到|から|(?:{CONNECT})(?:\W{{1,3}}(?:{GLUE})){{0,4}})\W{{0,3}}$")
_OR = re.compile(rf"^[\s,]{{0,2}}(?:{OR})(?:\W{{1,3}}(?:{GLUE})){{0,4}}\W{{0,3}}$")
_UNTIL_AFTER = re.compile(UNTIL_AFTER)
_FROM_AFTER = re.compile(FROM_AFTER)
_ONLY_AFTER = re.compile(rf"\W{{0,2}}(?:{ONLY})\b")
_BACK = re.compile(BACK)
_PRESENT = re.compile(PRESENT)
_NO = re.compile(NO)
_WHEN = re.compile(WHEN)
_EVENT = re.compile(EVENT)
_AWAY = re.compile(AWAY)
_NOT_COMING_BACK = re.compile(NOT_COMING_BACK)
_CLAUSE_END = re.compile(r"[,;(:]|\s(?:and|und|et|y|e|en|och|og|ja|but|aber|mais|pero|ma|mas|maar|ale|men)\s")


class Role(Enum):
    """What a day is in an absence."""

    BACK = auto()
    UNTIL = auto()
    START = auto()
    NOTHING = auto()
    """A day on which somebody is there, not away."""


@dataclass(frozen=True)
class Said:
    """A day, what it is for, and for the end of an absence the day on which that began, where it is said."""

    role: Role
    day: Mention
    since: Mention | None = None


def roles(text: str, days: Sequence[Mention]) -> list[Said]:
    """Say what each day of one sentence is for; days that have no part in an absence are left out.

    Args:
        text: the sentence, folded.
        days: its mentions, in their order.
    """
    said: list[Said] = []
    before: Mention | None = None
    for at, day in enumerate(days):
        gap = text[max(before.end if before else 0, day.start - _REACH) : day.start]
        ends = days[at + 1].start if at + 1 < len(days) else day.end + _REACH
        after = text[day.end : min(ends, day.end + _REACH)]
        if before and _CONNECT.match(gap):
            _connect(said, before, day)
        elif said and said[-1].day is before and _OR.match(gap):
            said.append(replace(said[-1], day=day))
        elif role := _role(gap, after, day, text):
            began = next((each.day for each in reversed(said) if each.role is Role.START), None)
            said.append(Said(role, day, since=began if role is Role.UNTIL else None))
        before = day
    return said


def _connect(said: list[Said], first: Mention, last: Mention) -> None:
    """Make a range of two days, unless somebody is there, not away, between them."""
    before = said.pop() if said and said[-1].day is first else None
    if before is None or before.role is not Role.BACK:
        said.append(Said(Role.UNTIL, last, since=first))


def _role(gap: str, after: str, day: Mention, text: str) -> Role | None:
    if _of_something_else(gap, text):
        return None
    if _NOT_BEFORE.search(gap):
        return Role.BACK if _PRESENT.search(gap) or _BACK.search(gap) or _comes_back_after(after) else None
    if _SINCE.search(gap) or (_DEADLINE.search(gap) and not _back_by(gap)):
        return None
    return _role_by_preposition(gap, after, day) or _role_by_words(gap, after, text)


def _of_something_else(gap: str, text: str) -> bool:
    """Say whether an event or an offer is dated, in the sentence as a whole or in the clause before the day."""
    if not _EVENT.search(gap):
        return False
    *_, ends = [0, *(end.end() for end in _CLAUSE_END.finditer(gap))]
    return not _AWAY.search(text) or bool(_EVENT.search(gap, ends) and not _AWAY.search(gap, ends))


def _role_by_preposition(gap: str, after: str, day: Mention) -> Role | None:
    """Judge by what stands right beside the day: "from", "until", or the first day of a range."""
    if day.from_day is not None:
        return Role.NOTHING if _present(gap) else Role.UNTIL
    if _FROM.search(gap) or _FROM_AFTER.match(after):
        there = _comes_back(gap) or _present(gap) or _comes_back_after(after, present=True)
        return Role.BACK if there else Role.START
    if _UNTIL.search(gap) or _UNTIL_AFTER.match(after):
        return _until(gap)
    return None


def _until(gap: str) -> Role:
    """Tell "not back until Monday", the return itself, from "available until Monday", no absence, and from the end."""
    if _BACK.search(gap):
        return Role.BACK if _NO.search(gap) else Role.UNTIL
    return Role.NOTHING if _present(gap) else Role.UNTIL


def _role_by_words(gap: str, after: str, text: str) -> Role | None:
    """Judge by the words farther away: the person comes back, or is away on that day only."""
    if _comes_back(gap) or _comes_back_after(after):
        return Role.BACK
    only = _ONLY_BEFORE.search(gap) or _ONLY_AFTER.match(after)
    return Role.UNTIL if only and _AWAY.search(text) else None


def _back_by(gap: str) -> bool:
    return gap.rstrip().endswith("back by")


def _present(gap: str) -> bool:
    present = _PRESENT.search(gap)
    return present is not None and not _denied(gap, present.start())


def _comes_back(gap: str) -> bool:
    back = _BACK.search(gap)
    return back is not None and not (_denied(gap, back.start()) or _NOT_COMING_BACK.search(gap))


def _comes_back_after(after: str, *, present: bool = False) -> bool:
    """Say whether the words behind the day say that the person is back then, before another thought begins."""
    # A comma right behind the day belongs to it: "Le 15 juin, je serai de retour".
    comma = _CLAUSE_END.search(after, 1 if after.startswith(",") else 0)
    clause = after[: comma.start()] if comma else after
    if _WHEN.search(clause) or _NO.search(clause) or _NOT_COMING_BACK.search(clause):
        return False
    return bool(_BACK.search(clause) or (present and _PRESENT.search(clause)))


def _denied(text: str, at: int) -> bool:
    return bool(_NO.search(text, max(0, at - _NEAR), at + 3))
