"""`users`: people are added, changed, disabled and unlocked, and no password is ever shown or an argument."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from models.session import reading
from tests.worker.commanding import Commands
from worker.people.sign_in import Refused, sign_in
from worker.people.users import SignedIn, signed_in

pytestmark = pytest.mark.usefixtures("quick_passwords")

PASSWORD, OTHER = "a horse in the rain", "two horses in the rain"


def add(run: Commands, name: str = "petra@outreach.example", *more: str) -> None:
    run.done("users", "add", name, "--role", "editor", "--password-file", run.file("p", f"{PASSWORD}\n"), *more)


def enter(run: Commands, password: str = PASSWORD, name: str = "petra@outreach.example") -> SignedIn | Refused:
    with run.database() as engine:
        return sign_in(engine, name, password, "127.0.0.1", datetime.now(UTC))


def is_in(run: Commands, found: SignedIn | Refused) -> bool:
    assert isinstance(found, SignedIn)
    with run.database() as engine, reading(engine) as session:
        return signed_in(session, found.user_id, found.epoch) is not None


def test_a_person_who_was_added_signs_in_and_is_listed_without_the_password(run: Commands) -> None:
    add(run, "Petra@outreach.example")
    assert isinstance(enter(run), SignedIn)
    listed = run.done("users", "list", "--json")
    (row,) = listed.rows
    assert (row["name"], row["role"], row["password"], row["time_zone"], row["disabled"]) == (
        "petra@outreach.example", "editor", True, None, None,
    )  # fmt: skip
    assert "argon2" not in listed.out + run.done("users", "list").out


def test_the_password_is_read_from_standard_input_too(run: Commands) -> None:
    run.done("users", "add", "petra@outreach.example", "--role", "data staff", "--password-file", "-", stdin=PASSWORD)
    assert isinstance(enter(run), SignedIn)


def test_on_a_terminal_the_password_is_asked_for_twice(run: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = SimpleNamespace(stdin=SimpleNamespace(isatty=lambda: True))
    monkeypatch.setattr("worker.cli.passwords.sys", terminal)
    said = run("users", "add", "petra@outreach.example", "--role", "admin", stdin=f"{PASSWORD}\n{OTHER}\n")
    assert "do not match" in said.out
    said = run.done("users", "add", "petra@outreach.example", "--role", "admin", stdin=f"{PASSWORD}\n{PASSWORD}\n")
    assert PASSWORD not in said.out + said.err
    run.done("users", "set", "petra@outreach.example", "--ask-password", stdin=f"{OTHER}\n{OTHER}\n")
    assert isinstance(enter(run, OTHER), SignedIn)


def test_without_a_terminal_and_a_file_the_next_step_is_told(run: Commands) -> None:
    said = run("users", "add", "petra", "--role", "admin")
    assert (said.code, "--password-file FILE" in said.err) == (2, True)
    assert run.done("users", "list").out == ""


def test_a_person_of_the_identity_provider_has_no_password(run: Commands) -> None:
    run.done("users", "add", "petra@outreach.example", "--role", "viewer", "--no-password")
    assert run.done("users", "list", "--json").rows[0]["password"] is False
    assert isinstance(enter(run), Refused)
    both = ("--no-password", "--password-file", run.file("p", PASSWORD))
    assert "exclude each other" in run("users", "add", "boris", "--role", "viewer", *both).err


def test_what_is_set_ends_sessions_unless_it_is_a_wish(run: Commands) -> None:
    add(run)
    found = enter(run)
    rows = run.done("users", "set", "petra@outreach.example", "--time-zone", "Asia/Tokyo", "--json").rows
    assert rows[0]["time_zone"] == "Asia/Tokyo"
    assert is_in(run, found)
    rows = run.done("users", "set", "petra@outreach.example", "--role", "admin", "--time-zone", "", "--json").rows
    assert (rows[0]["role"], rows[0]["time_zone"]) == ("admin", None)
    assert not is_in(run, found)
    run.done("users", "set", "petra@outreach.example", "--password-file", run.file("o", OTHER))
    assert isinstance(enter(run), Refused)
    assert isinstance(enter(run, OTHER), SignedIn)


def test_a_bad_value_changes_nothing_of_the_others(run: Commands) -> None:
    add(run)
    wrong = ("--role", "admin", "--time-zone", "Mars/Olympus")
    assert "no time zone" in run("users", "set", "petra@outreach.example", *wrong).err
    wrong = ("--role", "admin", "--password-file", run.file("weak", "petra"))
    assert "12 to 1000" in run("users", "set", "petra@outreach.example", *wrong).err
    assert run.done("users", "list", "--json").rows[0]["role"] == "editor"
    assert "give at least one of" in run("users", "set", "petra@outreach.example").err
    assert "empty" in run("users", "set", "petra@outreach.example", "--password-file", run.file("none", "")).err


def test_who_is_disabled_is_out_at_once_until_enabled(run: Commands) -> None:
    add(run)
    found = enter(run)
    run.done("users", "disable", "petra@outreach.example")
    assert not is_in(run, found)
    assert isinstance(enter(run), Refused)
    assert run.done("users", "list", "--json").rows[0]["disabled"]
    run.done("users", "enable", "Petra@outreach.example")
    assert isinstance(enter(run), SignedIn)


def test_signing_out_ends_sessions_and_nothing_else(run: Commands) -> None:
    add(run)
    found = enter(run)
    run.done("users", "sign-out", "petra@outreach.example")
    assert not is_in(run, found)
    assert isinstance(enter(run), SignedIn)


def test_unlocking_ends_the_wait(run: Commands) -> None:
    add(run)
    for _ in range(6):
        enter(run, "wrong")
    waiting = enter(run)
    assert isinstance(waiting, Refused)
    assert waiting.retry_after_seconds
    run.done("users", "unlock", "petra@outreach.example")
    assert isinstance(enter(run), SignedIn)


def test_a_person_belongs_to_one_team(run: Commands) -> None:
    run.done("teams", "add", "theirs")
    add(run, "petra@outreach.example", "--team", "theirs")
    assert "has no user" in run("users", "disable", "petra@outreach.example").err
    assert run.done("users", "list", "--json").rows == []
    assert "already" in run("users", "add", "petra@outreach.example", "--role", "viewer", "--no-password").err
    assert "teams add" in run("users", "add", "boris", "--role", "viewer", "--no-password", "--team", "new").err
    run.done("users", "disable", "petra@outreach.example", "--team", "theirs")
