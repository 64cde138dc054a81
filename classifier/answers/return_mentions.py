"""Every day that a notice mentions, with each way to read it; what the day means is not asked here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta

from classifier.answers.return_words import (
    CONNECT,
    COUNTS,
    DAYS,
    IN,
    MONTHS,
    NEXT,
    NEXT_AFTER,
    NOT_THE_NEXT,
    PORTUGUESE_AND_ITALIAN_MONTHS,
    TOMORROW,
    TWO_LETTER_WEEKDAYS,
    WEEKDAYS,
    WEEKDAYS_IN_SHORT,
    WEEKS,
)

LAST_MONTH = 12
DAYS_OF_A_WEEK = 7
PAST = timedelta(days=60)
"""A date without a year that lies so little back is past; an older one is meant for next year."""
BARE_AHEAD = timedelta(days=20)
"""A day without a month ("the 15th") is certain only so far ahead; with its weekday, a month."""
_BEFORE = 24

_NAMES = "|".join(sorted([*MONTHS, *PORTUGUESE_AND_ITALIAN_MONTHS], key=len, reverse=True))
_MONTH = rf"(?:{_NAMES})(?![^\W\d_])"
_ORDINAL = r"(?:st|nd|rd|th|er|re|e|o|a|:?e)?(?![^\W\d_])[.°]?"
_TO = rf"\s?-\s?|,?\s(?:{CONNECT})\s(?:the |den |le |el |il |d\. |dia |o dia |giorno )?"
_DATE = re.compile(
    # 2026-06-15
    r"(?<![\d/])(?<!\d\.)(?:(?P<iso>\d{4})(?P<iso_mark>[-./])\s?(?P<iso_month>\d{1,2})(?P=iso_mark)\s?(?P<iso_day>\d{1,2})(?!\d)"
    # 2026年6月15日
    r"|(?:(?P<cjk>\d{4})\s?年\s?)?(?P<cjk_month>\d{1,2})\s?月\s?(?P<cjk_day>\d{1,2})\s?[日号]"
    # 15 June 2026, 1.-12. Juni
    rf"|(?:(?P<from_day>\d{{1,2}}){_ORDINAL}(?:{_TO}))?(?P<day>\d{{1,2}}){_ORDINAL}"
    rf"(?:[\s_-]?(?:of |de |d'|di )?)(?P<month>{_MONTH})"
    r"\.?(?:(?:,?\s(?:de |del |do )?(?=\d{4}|')|[-/_])(?P<year>'?\d{2}|\d{4})(?![\d:/-]|\.\d|\s?(?:h|uhr|am|pm)\b))?"
    # 15/6/2026, 15.6., 1.6.-12.6.
    r"|(?:(?P<from_number>\d{1,2})\.\s?-\s?)?(?P<first>\d{1,2})(?P<mark>[./-])\s?(?P<second>\d{1,2})"
    r"(?:(?P=mark)\s?(?P<third>\d{4}|\d{2})(?!\d))?\.?(?!(?P=mark)?\d|[:,/]\d|\s\d{2}\s\d|\s?(?:h|uhr|am|pm|%)\b)"
    # Monday 15th, the 15th
    r"|(?P<bare>\d{1,2})(?P<bare_ordinal>st|nd|rd|th|er|e)?(?![^\W_])(?![:.,/-]\d|-\w|\s?(?:uhr|h|am|pm|%|[ap]\.m)))"
    # June 15, 2026. junius 15
    rf"|(?:\b(?P<year_first>\d{{4}})\.?\s)?\b(?=[^\W\d_]{{3,12}}\.?\s\d)(?P<month_first>{_MONTH})\.?\s"
    rf"(?P<day_after>\d{{1,2}})(?!\d|[:/]\d|\.\d{{2}}){_ORDINAL}(?!\s(?:of )?{_MONTH})"
    rf"(?:\s?(?:-|to|through|thru|until)\s?(?P<to_day>\d{{1,2}})(?![\d:./]|\s?(?:{_MONTH}|am|pm)){_ORDINAL})?"
    r"(?:,?\s(?P<year_after>'\d{2}|\d{4})(?!\d|:))?"
)
_DIGIT = re.compile(r"\d")
_WEEKDAY_BEFORE = re.compile(r"([^\W\d_][\w-]{0,14})[.,]{0,2}\s{0,2}(?:(?:the|den|dem|le|el|il|d\.?|dia|o dia)\s)?$")
_WEEKDAY_AFTER = re.compile(r"\s?\(\s?([^\W\d_]{1,14})\.?\)")
_ARTICLE = re.compile(r"\b(?:le|el|il|dia|den|the|am)\s$")
_RELATIVE = re.compile(
    rf"\b(?:(?P<weekday>{'|'.join(sorted(WEEKDAYS, key=len, reverse=True))})|(?P<tomorrow>{TOMORROW})"
    rf"|(?:{IN})\s(?P<count>\d{{1,2}}|{'|'.join(sorted(COUNTS, key=len, reverse=True))})"
    rf"\s(?:(?P<weeks>{WEEKS})|(?:{DAYS})))\b"
)
_WORD = re.compile(r"[^\W\d_]{3,}")
_RELATIVE_WORDS = frozenset(_WORD.findall(" ".join([*WEEKDAYS, TOMORROW, DAYS, WEEKS]).replace("?", "")))
"""One of these stands in every text that counts from today; most texts have none."""
_NEXT_BEFORE = re.compile(rf"\b(?:{NEXT})\s$")
_NEXT_AFTER = re.compile(rf"\s(?:{NEXT_AFTER})\b")
_NO_DAY_AHEAD = re.compile(rf"\b(?:{NOT_THE_NEXT})\s$|\b(?:to|bis|a|al|au|tot|do|and|-)\s?$")
_NO_DAY_AFTER = re.compile(r"\s?(?:-|,|to|bis|and|und|a|al|au|tot|t/m|do|e|et|y|en|last|passad|pasad|scors|derni)\b")

Reading = tuple[int | None, int, int]
"""Year, month and day; a month of 0 stands for whichever comes next."""


@dataclass(frozen=True)
class Mention:
    """One day as it is written: where, and in which ways it can be read."""

    start: int
    end: int
    readings: tuple[Reading, ...] = ()
    """The day-first reading comes first where there are two."""
    from_day: int | None = None
    """The day on which a range with one month begins, as in "1-12 June"."""
    weekday: int | None = None
    alone: bool = False
    """A weekday without a date."""
    following: bool = False
    """A weekday called the next one."""
    ahead: int | None = None
    """Days from today, for "tomorrow" and "in two weeks"."""
    month_first: bool | None = None
    """For a date in figures that can only be read in one order: which."""


def mentions(text: str, language: str | None) -> Iterator[Mention]:
    """Find the days in one folded sentence, in their order.

    Args:
        text: the sentence, folded.
        language: of the notice; decides only about words that are other words elsewhere.
    """
    if not has_digit(text):
        return
    for found in _DATE.finditer(text):
        mention = _read(found, language)
        if mention is None:
            continue
        mention = _with_weekday(mention, text, language)
        if (
            found["bare"]
            and mention.weekday is None
            and not (found["bare_ordinal"] or _ARTICLE.search(text, max(0, found.start() - _BEFORE), found.start()))
        ):
            continue
        yield mention


def may_count_from_today(text: str) -> bool:
    """Say whether a text holds a word without which `relative` finds nothing in it."""
    return not _RELATIVE_WORDS.isdisjoint(_WORD.findall(text))


def has_digit(text: str) -> bool:
    """Say whether a text holds a digit, without which `mentions` finds nothing in it."""
    return _DIGIT.search(text) is not None


def relative(text: str) -> Iterator[Mention]:
    """Find the days that count from today: "Monday", "tomorrow", "in two weeks"."""
    if not may_count_from_today(text):
        return
    for found in _RELATIVE.finditer(text):
        start, end = found.span()
        if found["tomorrow"]:
            yield Mention(start, end, ahead=1)
        elif found["count"]:
            count = COUNTS.get(found["count"]) or int(found["count"])
            yield Mention(start, end, ahead=count * (DAYS_OF_A_WEEK if found["weeks"] else 1))
        elif not _NO_DAY_AHEAD.search(text, max(0, start - _BEFORE), start) and not _NO_DAY_AFTER.match(text, end):
            following = bool(_NEXT_BEFORE.search(text, max(0, start - _BEFORE), start) or _NEXT_AFTER.match(text, end))
            yield Mention(start, end, weekday=WEEKDAYS[found["weekday"]], alone=True, following=following)


def _read(found: re.Match[str], language: str | None) -> Mention | None:
    start, end = found.span()
    if found["iso"]:
        return Mention(start, end, ((int(found["iso"]), int(found["iso_month"]), int(found["iso_day"])),))
    if found["cjk_month"]:
        return Mention(start, end, ((_number(found["cjk"]), int(found["cjk_month"]), int(found["cjk_day"])),))
    if name := found["month"] or found["month_first"]:
        month = _month(name, language)
        return _named(found, month) if month else None
    if found["first"]:
        return _numeric(found, language)
    return Mention(start, end, ((None, 0, int(found["bare"])),))


def _named(found: re.Match[str], month: int) -> Mention:
    year = _number(found["year"] or found["year_after"] or found["year_first"])
    first, last = found["from_day"], found["day"]
    if found["to_day"]:
        first, last = found["day_after"], found["to_day"]
    day = int(last or found["day_after"])
    return Mention(*found.span(), ((year, month, day),), _number(first))


def _numeric(found: re.Match[str], language: str | None) -> Mention | None:
    first, second, mark, year = int(found["first"]), int(found["second"]), found["mark"], _number(found["third"])
    if mark == "-" and year is None and language != "nl":
        return None
    readings = [(year, second, first)] if second <= LAST_MONTH else []
    if mark != "." and first <= LAST_MONTH and first != second:
        readings.append((year, first, second))
    if not readings:
        return None
    only = mark != "." and len(readings) == 1 and first != second
    return Mention(
        *found.span(),
        tuple(readings),
        _number(found["from_number"]),
        month_first=second > LAST_MONTH if only else None,
    )


def _number(digits: str | None) -> int | None:
    return int(digits.lstrip("'")) if digits else None


def _month(name: str, language: str | None) -> int | None:
    if name in PORTUGUESE_AND_ITALIAN_MONTHS:
        return PORTUGUESE_AND_ITALIAN_MONTHS[name] if language in {"pt", "it"} else None
    return MONTHS[name]


def _with_weekday(mention: Mention, text: str, language: str | None) -> Mention:
    before = _WEEKDAY_BEFORE.search(text, max(0, mention.start - _BEFORE), mention.start)
    if before and (number := _weekday(before[1], language)) is not None:
        return replace(mention, start=before.start(1), weekday=number)
    after = _WEEKDAY_AFTER.match(text, mention.end)
    if after and (number := _weekday(after[1], language)) is not None:
        return replace(mention, end=after.end(), weekday=number)
    return mention


def _weekday(name: str, language: str | None) -> int | None:
    if language in {"de", "nl"} and name in TWO_LETTER_WEEKDAYS:
        return TWO_LETTER_WEEKDAYS[name]
    return WEEKDAYS.get(name, WEEKDAYS_IN_SHORT.get(name))


def resolved(reading: Reading, arrived_on: date) -> date | None:
    """Return the day a reading means to somebody who got the notice on that day; None where there is no such day."""
    year, month, day = reading
    if month == 0:
        return _next_such_day(day, arrived_on)
    if year is not None:
        return dated(year if year > 99 else arrived_on.year // 100 * 100 + year, month, day)  # noqa: PLR2004 - 2 digits
    years = (arrived_on.year, arrived_on.year + 1, arrived_on.year - 1)
    days = (dated(each, month, day) for each in years)
    return next((each for each in days if each and -PAST <= each - arrived_on < timedelta(days=365) - PAST), None)


def _next_such_day(day: int, arrived_on: date) -> date | None:
    ahead = (arrived_on + timedelta(days=days) for days in range(31))
    return next((each for each in ahead if each.day == day), None)


def dated(year: int, month: int, day: int) -> date | None:
    """Return the date, or None where the calendar has none."""
    try:
        return date(year, month, day)
    except ValueError:
        return None
