"""Teams at the terminal: when they work, and what is never shown."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from models.session import reading
from models.tables.people import Team
from tests.keys import VAULT
from tests.worker.commanding import Commands


def the_team(run: Commands, name: str = "sales") -> dict[str, str | None]:
    (row,) = [row for row in run.done("teams", "list", "--json").rows if row["name"] == name]
    return row


def test_a_team_is_made_and_works_from_monday_to_friday_in_utc(run: Commands) -> None:
    run.done("teams", "add", "sales")
    assert the_team(run) == {
        "name": "sales", "time_zone": "UTC", "working_days": "12345", "holidays": None, "calendly": None
    }  # fmt: skip
    assert run.done("dne", "list", "--team", "sales").out == ""


def test_its_days_are_set_as_people_write_them(run: Commands) -> None:
    run.done("teams", "add", "sales")
    run.done(
        "teams", "set", "sales", "--time-zone", "Europe/Berlin", "--working-days", "mon-thu", "--holidays", "de-by"
    )
    row = the_team(run)
    assert (row["time_zone"], row["working_days"], row["holidays"]) == ("Europe/Berlin", "1234", "DE-BY")
    run.done("teams", "set", "sales", "--no-holidays")
    assert (the_team(run)["holidays"], the_team(run)["working_days"]) == (None, "1234")


@pytest.mark.parametrize(
    ("option", "value", "says"),
    [
        ("--time-zone", "Berlin", "is no time zone"),
        ("--time-zone", "../etc/passwd", "is no time zone"),
        ("--working-days", "never", "names no weekdays"),
        ("--holidays", "XX", "no holidays are known"),
        ("--holidays", "DE-AUGSBURG", "known are DE-BB"),
    ],
)
def test_what_means_nothing_is_refused(run: Commands, option: str, value: str, says: str) -> None:
    run.done("teams", "add", "sales")
    said = run("teams", "set", "sales", option, value)
    assert said.code == 1
    assert says in said.err


def test_the_key_of_the_bookings_is_kept_and_never_shown(run: Commands) -> None:
    run.done("teams", "add", "sales")
    said = run.done("teams", "set", "sales", "--calendly-key-file", run.file("key", "whsec-123\n"))
    listed = run.done("teams", "list")
    assert "whsec" not in said.out + said.err + listed.out
    assert the_team(run)["calendly"] == "signed"
    with run.database() as engine, reading(engine) as session:
        assert VAULT.open(session.scalars(select(Team.calendly_key).where(Team.name == "sales")).one()) == "whsec-123"
    assert "is empty" in run("teams", "set", "sales", "--calendly-key-file", run.file("key", "\n")).err


def test_a_name_is_given_once(run: Commands) -> None:
    run.done("teams", "add", "sales")
    assert "there is a team 'sales' already" in run("teams", "add", " sales ").err
    assert "is no name of a team" in run("teams", "add", " ").err


def test_an_unknown_team_and_nothing_to_set_are_errors(run: Commands) -> None:
    assert "inbox-worker teams list" in run("teams", "set", "sales", "--no-holidays").err
    assert run("teams", "set", "default").code == 2
    assert run("teams", "set", "default", "--holidays", "DE", "--no-holidays").code == 2


def test_a_key_that_is_no_text_is_refused(run: Commands) -> None:
    run.done("teams", "add", "sales")
    (run.folder / "key").write_bytes(b"\xff\xfe")
    said = run("teams", "set", "sales", "--calendly-key-file", "key")
    assert (said.code, "no text in UTF-8; write the signing key of the webhook" in said.err) == (1, True)
    assert the_team(run)["calendly"] is None
