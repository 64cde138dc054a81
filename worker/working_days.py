"""On which days a team works, and when its days begin: pure, and cheap to ask."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

MONDAY_TO_FRIDAY = "12345"
DAY = timedelta(days=1)
WEEK = timedelta(days=7)
LAST_YEAR = 2200
"""Holidays of later years are not known to anybody."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """The days on which a team works.

    `zone` is an IANA time zone, `weekdays` the ISO weekdays that are worked on (Monday is 1), `holidays` an ISO 3166
    code ("DE" or "DE-BY") whose public holidays are free; None: no holidays.
    """

    zone: str = "UTC"
    weekdays: str = MONDAY_TO_FRIDAY
    holidays: str | None = None

    def after(self, day: date, count: int) -> date:
        """Return the `count`-th working day after `day`; `day` itself, whatever it is, where `count` is 0."""
        # "Until the end of time" has no working day after it; a week holds one at least where no holidays are known.
        day = min(day, date.max - (count + 2) * WEEK)
        for _ in range(count):
            day += DAY
            while not self.works_on(day):
                day += DAY
        return day

    def midnight(self, day: date) -> datetime:
        """Return when a day of the team begins, in UTC; the first moment of it where clocks skip midnight."""
        # The first and last day of all have no UTC time in every zone.
        day = min(max(day, date.min + DAY), date.max - DAY)
        return datetime.combine(day, time(), ZoneInfo(self.zone)).astimezone(UTC)

    def works_on(self, day: date) -> bool:
        """Say whether the team works on a day."""
        if str(day.isoweekday()) not in self.weekdays:
            return False
        return self.holidays is None or day.year > LAST_YEAR or day not in _holidays(self.holidays, day.year)


EVERYWHERE = Calendar()
"""Monday to Friday, in UTC: the days of a team that has said nothing else."""


@cache
def _holidays(code: str, year: int) -> frozenset[date]:
    import holidays  # noqa: PLC0415 - loads hundreds of countries, which teams without holidays need not wait for

    country, _, subdivision = code.partition("-")
    return frozenset(holidays.country_holidays(country, subdiv=subdivision or None, years=year))
