"""When a team works, and when its days begin."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, select

from classifier.verdict import Absence
from models.events import SequenceState, Status
from models.session import reading, transaction
from models.tables.mailing import Contact, Recipient
from models.tables.standing import RecipientEvent
from tests.worker.small_world import NOW, RULES, SENT_AT, a_mail, furnish, send_all, take_in
from worker.act import Act
from worker.acts.person import set_status
from worker.errors import InputError
from worker.people.teams import change_team, weekdays
from worker.working_days import EVERYWHERE, Calendar
from worker.writing.locks import lock
from worker.writing.refold import refold

FRIDAY = date(2026, 5, 8)


def test_working_days_skip_the_weekend() -> None:
    found = [EVERYWHERE.after(FRIDAY, count) for count in (0, 1, 2)]
    assert found == [FRIDAY, date(2026, 5, 11), date(2026, 5, 12)]


def test_a_team_that_works_from_sunday_to_thursday() -> None:
    calendar = Calendar("Asia/Riyadh", weekdays("sun-thu"))
    assert calendar.after(date(2026, 5, 7), 1) == date(2026, 5, 10)  # from Thursday to Sunday


def test_holidays_are_no_working_days_and_differ_between_parts_of_a_country() -> None:
    before = date(2026, 6, 3)  # Corpus Christi follows, which Bavaria keeps and Berlin does not.
    assert Calendar(holidays="DE-BY").after(before, 1) == date(2026, 6, 5)
    assert Calendar(holidays="DE-BE").after(before, 1) == date(2026, 6, 4)
    assert Calendar(holidays="DE").after(date(2026, 12, 24), 1) == date(2026, 12, 28)  # Christmas and a weekend


@pytest.mark.parametrize(
    ("zone", "day", "begins"),
    [
        ("UTC", date(2026, 5, 18), datetime(2026, 5, 18, tzinfo=UTC)),
        ("Europe/Berlin", date(2026, 1, 5), datetime(2026, 1, 4, 23, tzinfo=UTC)),
        ("Europe/Berlin", date(2026, 7, 6), datetime(2026, 7, 5, 22, tzinfo=UTC)),
        ("Europe/Berlin", date(2026, 3, 29), datetime(2026, 3, 28, 23, tzinfo=UTC)),  # clocks go forward at two
        ("Europe/Berlin", date(2026, 3, 30), datetime(2026, 3, 29, 22, tzinfo=UTC)),
        ("America/New_York", date(2026, 5, 18), datetime(2026, 5, 18, 4, tzinfo=UTC)),
        ("Pacific/Kiritimati", date(2026, 5, 18), datetime(2026, 5, 17, 10, tzinfo=UTC)),
        ("Asia/Kathmandu", date(2026, 5, 18), datetime(2026, 5, 17, 18, 15, tzinfo=UTC)),
    ],
)
def test_a_day_begins_at_the_midnight_of_the_teams_zone(zone: str, day: date, begins: datetime) -> None:
    assert Calendar(zone).midnight(day) == begins


def test_where_clocks_skip_midnight_the_day_begins_at_its_first_moment() -> None:
    begins = Calendar("Africa/Cairo").midnight(date(2024, 4, 26))  # 00:00 did not exist; 01:00 followed 23:59
    local = begins.astimezone(ZoneInfo("Africa/Cairo"))
    assert (local.date(), local.hour) == (date(2024, 4, 26), 1)
    assert (begins - timedelta(seconds=1)).astimezone(ZoneInfo("Africa/Cairo")).date() == date(2024, 4, 25)


@given(
    st.dates(),
    st.integers(0, 400),
    st.sampled_from(["UTC", "Pacific/Kiritimati", "America/Los_Angeles", "Asia/Riyadh"]),
    st.sampled_from(["1", "7", "12345", "1234567"]),
    st.sampled_from([None, "SA", "US-CA"]),
)
def test_no_year_is_too_far_off(day: date, count: int, zone: str, days: str, holidays: str | None) -> None:
    calendar = Calendar(zone, days, holidays)
    found = calendar.after(day, count)
    assert count == 0 or calendar.works_on(found)
    assert calendar.midnight(found).tzinfo is UTC


def test_teams_without_holidays_load_no_library() -> None:
    code = (
        "import sys; from datetime import date; from worker.working_days import Calendar;"
        " Calendar('Europe/Berlin').after(date(2026, 5, 8), 3); sys.exit('holidays' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("mon-fri", "12345"),
        ("Sun-Thu", "12347"),
        ("mon, wed, fri", "135"),
        ("54321", "12345"),
        ("sat-mon,wed", "1367"),
        ("tue", "2"),
    ],
)
def test_weekdays_are_read_as_people_write_them(text: str, days: str) -> None:
    assert weekdays(text) == days


@pytest.mark.parametrize("text", ["", "8", "0", "mon-", "monday", "mon,,fri", "mon-xyz", "mon,xyz"])
def test_what_names_no_weekdays_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="names no weekdays"):
        weekdays(text)


def berlin(engine: Engine) -> None:
    furnish(engine)
    with transaction(engine) as session:
        change_team(session, "default", {"time_zone": "Europe/Berlin", "holidays": "DE-BY"})
    send_all(engine)


def until(engine: Engine) -> set[datetime | None]:
    with reading(engine) as session:
        return set(session.scalars(select(RecipientEvent.until)))


def test_an_absence_ends_on_the_teams_next_working_day_and_a_changed_calendar_rewrites_nothing(engine: Engine) -> None:
    berlin(engine)
    take_in(engine, a_mail(Absence(return_date=date(2026, 6, 3)), answers=("anna-1-0@us",)))
    expected = datetime(2026, 6, 4, 22, tzinfo=UTC)  # behind Corpus Christi, at midnight of Berlin's summer
    assert until(engine) == {expected}
    with transaction(engine) as session:
        change_team(session, "default", {"time_zone": "UTC", "holidays": None})
    take_in(engine, a_mail(Absence(return_date=date(2026, 6, 3)), answers=("ben-1-0@us",)))
    assert until(engine) == {expected, datetime(2026, 6, 4, tzinfo=UTC)}


def test_a_day_of_return_that_a_person_gives_follows_the_same_calendar(engine: Engine) -> None:
    berlin(engine)
    with transaction(engine) as session:
        recipient = session.scalars(select(Recipient.id).order_by(Recipient.id)).first() or 0
        set_status(session, RULES, recipient, Status.OUT_OF_OFFICE, Act("mila", NOW), date(2026, 6, 3))
    assert until(engine) == {datetime(2026, 6, 4, 22, tzinfo=UTC)}


def test_a_pause_ends_at_the_same_moment_whoever_looks_when(engine: Engine) -> None:
    berlin(engine)
    take_in(engine, a_mail(Absence(return_date=date(2026, 5, 15)), answers=("anna-1-0@us",)))
    ends = datetime(2026, 5, 17, 22, tzinfo=UTC)

    def sequence(at: datetime) -> SequenceState:
        with transaction(engine) as session:
            refold(session, lock(session, session.scalars(select(Contact.id))), at)
            query = select(Recipient.sequence).join(RecipientEvent, RecipientEvent.recipient_id == Recipient.id)
            return session.scalars(query).one()

    assert sequence(ends - timedelta(microseconds=1)) is SequenceState.PAUSED
    assert sequence(ends + timedelta(days=7)) is SequenceState.RUNNING  # a week of downtime later
    assert sequence(SENT_AT + timedelta(days=60)) is SequenceState.RUNNING
