"""When is the person back? Only forms that leave no doubt; no date is better than a wrong one."""

from __future__ import annotations

import re
from datetime import date, timedelta

_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "january jan januar janner jaenner janvier janv enero ene gennaio gen janeiro januari stycznia stycznien",
            "february feb februar fevrier fevr febrero febbraio fevereiro fev februari lutego",
            "march mar marz maerz mrz mars marzo marco maart mrt marca",
            "april apr avril avr abril abr aprile kwietnia",
            "may mai mayo maggio mag maio mei maja",
            "june jun juni juin junio giugno giu junho czerwca",
            "july jul juli juillet juil julio luglio lug julho lipca",
            "august aug aout agosto ago augustus sierpnia",
            "september sep sept septembre septiembre settembre set setembro wrzesnia",
            "october oct oktober okt octobre octubre ottobre ott outubro out pazdziernika",
            "november nov novembre noviembre novembro listopada",
            "december dec dezember dez decembre diciembre dic dicembre dezembro grudnia",
        ),
        start=1,
    )
    for name in names.split()
}
_WEEKDAYS = {
    name: number
    for number, names in enumerate(
        (
            "monday montag lundi lunes lunedi segunda-feira maandag poniedzialek",
            "tuesday dienstag mardi martes martedi terca-feira dinsdag wtorek",
            "wednesday mittwoch mercredi miercoles mercoledi quarta-feira woensdag srode sroda",
            "thursday donnerstag jeudi jueves giovedi quinta-feira donderdag czwartek",
            "friday freitag vendredi viernes venerdi sexta-feira vrijdag piatek",
        )
    )
    for name in names.split()
}
_MONTH = "|".join(sorted(_MONTHS, key=len, reverse=True))
_WEEKDAY = "|".join(sorted(_WEEKDAYS, key=len, reverse=True))
_DATE = re.compile(
    rf"\b(?P<iso>\d{{4}})-(?P<iso_month>\d{{2}})-(?P<iso_day>\d{{2}})\b"
    rf"|\b(?P<day>\d{{1,2}})(?:st|nd|rd|th|er|\.)?\s?(?:of |de |"
    rf"-)?(?P<month>{_MONTH})\b\.?,?(?:\s(?:de )?(?P<year>\d{{4}}))?"
    rf"|\b(?P<month_first>{_MONTH})\b\.?\s(?P<day_after>\d{{1,2}})(?:st|nd|rd|"
    rf"th)?\b(?!\s?[:.]\d)(?:,?\s(?P<year_after>\d{{4}}))?"
    r"|\b(?P<first>\d{1,2})(?P<mark>[./-])\s?(?P<second>\d{1,2})(?:(?P=mark)\s?(?P<third>\d{4}|\d{2})?)?(?![\d:])"
    rf"|\b(?P<weekday>{_WEEKDAY})\b"
)
_BACK = re.compile(
    r"\b(?:back|return(?:s|ing)?|in the office|again|resume|available|reachable|wieder|zuruck\w*|erreichbar|"
    r"retour|regres\w*|vuelv\w*|volver\w*|vuelta|incorpor\w*|rientr\w*|torner\w*|ritorno|"
    r"voltar\w*|retorn\w*|volta|terug|weer|aanwezig|bereikbaar|wroc\w*|wrac\w*|powr\w*|dostepn\w*)\b"
)
_UNTIL = re.compile(
    r"\b(?:until|till|til|through|thru|to|bis|jusqu'?au?|au|hasta|al|fino al?|sino al?|ate|tot|t/m|"
    r"do)\b(?:\s(?:the|and including|einschliesslich|zum|und mit|en met|el|le|den|dia|o|il|vrijdag|friday|"
    r",))*\s?(?:\w+,? )?$|\s-\s?$"
)
_INCLUSIVE = re.compile(r"\b(?:through|thru|inclu\w*|einschliesslich|t/m|tot en met|und mit|compreso|wlacznie)\b")
_STARTS = re.compile(r"\b(?:from|since|starting|as of|vom|von|seit|du|desde|del|dal|de|van|vanaf|od)\b\s(?:\w+ )?$")
_FROM_ON = re.compile(r"\b(?:ab|as of|from|starting|vanaf|a partir d[eu]|des|dal|desde|od)\b(?:\s\w+)?\s$")
# A single line break is how mail is wrapped; only an empty line ends a sentence that has no full stop.
_SENTENCE_END = re.compile(r"[.!?](?=\s|$)|\n\s*\n")
_DATE_FOLLOWS = re.compile(rf"^,?\s(?:(?:the|den|dem|le|el|il|o|de|dia) ){{0,2}}(?:\d|(?:{_MONTH})\b)")
_REACH = 60
MOST_TEXT = 4_000
FURTHEST = timedelta(days=400)
PAST_YEAR = timedelta(days=60)


def return_date(text: str, language: str | None, arrived_on: date) -> date | None:
    """Return the day the person is back, or None where the folded text does not say so beyond doubt.

    Args:
        text: the notice, folded.
        language: of the text; only with it "3/4" has one meaning, and in English it has two.
        arrived_on: the day the notice arrived, from which dates without a year count.
    """
    dates: dict[str, list[date]] = {"back": [], "until": []}
    for found in _DATE.finditer(text[:MOST_TEXT]):
        day, cue = _day(found, language, arrived_on), _cue(text, found)
        if cue and day and arrived_on <= day <= arrived_on + FURTHEST:
            around = text[max(0, found.start() - _REACH) : found.end() + _REACH // 2]
            inclusive = cue == "until" and _INCLUSIVE.search(around)
            dates[cue].append(day + timedelta(days=1) if inclusive else day)
    back, until = dates["back"], dates["until"]
    if len(set(back)) > 1:
        return None
    return max(back or until, default=None)


def _cue(text: str, found: re.Match[str]) -> str | None:
    """Say what the words around a date make of it: the day the person is back, or the end of the absence."""
    before = _SENTENCE_END.split(text[max(0, found.start() - _REACH) : found.start()])[-1]
    after = text[found.end() : found.end() + _REACH].partition("\n")[0]
    if found["weekday"] and _DATE_FOLLOWS.match(after):
        return None
    if _UNTIL.search(before):
        return "until"
    said_before = _BACK.search(before) and not _STARTS.search(before)
    return "back" if said_before or (_FROM_ON.search(before) and _BACK.search(after)) else None


def _day(found: re.Match[str], language: str | None, arrived_on: date) -> date | None:
    if weekday := found["weekday"]:
        ahead = (_WEEKDAYS[weekday] - arrived_on.weekday() - 1) % 7 + 1
        return arrived_on + timedelta(days=ahead)
    if found["iso"]:
        return _dated(int(found["iso"]), int(found["iso_month"]), int(found["iso_day"]))
    if name := found["month"] or found["month_first"]:
        day = int(found["day"] or found["day_after"])
        return _with_year(found["year"] or found["year_after"], _MONTHS[name], day, arrived_on)
    return _numeric(found, language, arrived_on)


def _numeric(found: re.Match[str], language: str | None, arrived_on: date) -> date | None:
    first, second, mark = int(found["first"]), int(found["second"]), found["mark"]
    if mark == "-" and not found["third"]:
        return None
    if second > 12:  # noqa: PLR2004 - no month
        first, second = second, first
    elif first <= 12 and language in {"en", None} and mark != "." and first != second:  # noqa: PLR2004 - no month
        return None
    return _with_year(found["third"], second, first, arrived_on)


def _with_year(year: str | None, month: int, day: int, arrived_on: date) -> date | None:
    if year:
        return _dated(int(year) if len(year) == 4 else 2000 + int(year), month, day)  # noqa: PLR2004 - digits
    this_year = _dated(arrived_on.year, month, day)
    if this_year and this_year < arrived_on - PAST_YEAR:
        return _dated(arrived_on.year + 1, month, day)
    return this_year


def _dated(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None
