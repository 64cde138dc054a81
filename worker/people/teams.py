"""Teams: who shares campaigns and one Do Not Email list, and when they work."""

from __future__ import annotations

import re
from typing import Any
from zoneinfo import available_timezones

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.tables.people import Team
from worker.errors import InputError
from worker.working_days import Calendar

LONGEST_NAME = 200
LONGEST_CODE = 3
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_RANGE = re.compile(r"([a-z]{3})-([a-z]{3})")


def calendar_of(session: Session, team_id: int) -> Calendar:
    """Return on which days a team works, as its settings stand now."""
    row = session.execute(select(Team.time_zone, Team.working_days, Team.holidays).where(Team.id == team_id)).one()
    return Calendar(row.time_zone, row.working_days, row.holidays)


def add_team(session: Session, name: str) -> Team:
    """Make a team.

    Raises:
        InputError: the name is empty, too long, or taken.
    """
    name = name.strip()
    if not name or len(name) > LONGEST_NAME:
        raise InputError(f"{name!r} is no name of a team; give 1 to {LONGEST_NAME} characters")
    if session.scalar(select(Team.id).where(Team.name == name)) is not None:
        raise InputError(f"there is a team {name!r} already; inbox-worker teams list shows all")
    team = Team(name=name)
    session.add(team)
    session.flush()
    return team


def change_team(session: Session, name: str, wanted: dict[str, Any]) -> Team:
    """Change settings of a team; what was decided before stays decided.

    Args:
        session: inside a write transaction.
        name: of the team.
        wanted: columns of the team with their new values.

    Raises:
        InputError: no such team, or a value that means nothing.
    """
    team = session.scalar(select(Team).where(Team.name == name).with_for_update())
    if team is None:
        raise InputError(f"no team {name!r}; inbox-worker teams list shows them")
    for column, value in wanted.items():
        setattr(team, column, _READ[column](value) if column in _READ and value is not None else value)
    session.flush()
    return team


def weekdays(text: str) -> str:
    """Return the ISO weekdays that a person means by "mon-fri", "sun-thu", "mon,wed,fri" or "12345".

    Raises:
        InputError: it means none.
    """
    plain = re.sub(r"\s", "", text.lower())
    if re.fullmatch("[1-7]+", plain):
        return "".join(sorted(set(plain)))
    parts = [_days(part) for part in plain.split(",")]
    if not all(parts):
        raise InputError(f"{text!r} names no weekdays; write mon-fri, sun-thu, mon,wed,fri or 12345 (1 is Monday)")
    return "".join(sorted({str(day + 1) for part in parts for day in part}))


def known_time_zone(text: str) -> str:
    """Return the IANA name of a time zone.

    Raises:
        InputError: there is none of this name.
    """
    if text not in available_timezones():
        raise InputError(f"{text!r} is no time zone; give its IANA name, for example Europe/Berlin")
    return text


def _days(part: str) -> list[int]:
    """Return the days of a name or of a range, which may go over the end of the week; none where it is neither."""
    ends = _RANGE.fullmatch(part)
    first, last = ends.groups() if ends else (part, part)
    if first not in DAYS or last not in DAYS:
        return []
    start = DAYS.index(first)
    return [(start + step) % 7 for step in range((DAYS.index(last) - start) % 7 + 1)]


def _holidays(text: str) -> str:
    import holidays  # noqa: PLC0415 - loads hundreds of countries, for nobody but who sets them

    country, _, subdivision = text.strip().upper().partition("-")
    known = holidays.list_supported_countries(include_aliases=False)
    if country not in known:
        raise InputError(f"no holidays are known of {text!r}; give an ISO 3166 code, for example DE or DE-BY")
    # The library knows some cities and schools besides, which have no code.
    codes = [each for each in known[country] if len(each) <= LONGEST_CODE and each == each.upper()]
    if subdivision and subdivision not in codes:
        parts = ", ".join(f"{country}-{each}" for each in codes) or f"{country} alone"
        raise InputError(f"no holidays are known of {text!r}; known are {parts}")
    return f"{country}-{subdivision}" if subdivision else country


_READ = {"time_zone": known_time_zone, "working_days": weekdays, "holidays": _holidays}
