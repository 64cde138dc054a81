"""The people who use the console: signing in, waiting after failures, and what ends a session."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from datetime import timedelta
from itertools import islice
from typing import Any

import pytest
from argon2 import PasswordHasher
from sqlalchemy import Engine, event, func, select, update
from sqlalchemy.orm import Session

from models.session import reading, transaction
from models.tables.people import Role, SignInFailure, Team, User
from tests.worker.small_world import NOW, furnish
from worker.act import Act
from worker.errors import InputError
from worker.people import sign_in, users
from worker.people.sign_in import Refused
from worker.people.users import SignedIn
from worker.secrets import passwords

OURS, THEIRS = 1, 2
PASSWORD, WRONG = "a horse in the rain", "wrong"
ACT = Act("root", NOW)
HOME, OFFICE = "203.0.113.7", "198.51.100.9"


class People:
    """A team with Petra, its editor, another team, and a clock."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.now = NOW
        furnish(engine)
        with transaction(engine) as session:
            session.add(Team(id=THEIRS, name="theirs"))
            self.petra = users.add_user(session, OURS, "petra", Role.EDITOR, ACT, PASSWORD)

    def try_(self, password: str = WRONG, name: str = "petra", client: str = HOME) -> SignedIn | Refused:
        return sign_in.sign_in(self.engine, name, password, client, self.now)

    def enter(self) -> SignedIn:
        found = self.try_(PASSWORD)
        assert isinstance(found, SignedIn), found
        return found

    def wait(self, **more: Any) -> int | None:
        found = self.try_(**more)
        assert isinstance(found, Refused)
        return found.retry_after_seconds

    def is_in(self, found: SignedIn) -> bool:
        with reading(self.engine) as session:
            return users.signed_in(session, found.user_id, found.epoch) is not None

    def failures(self) -> int:
        with reading(self.engine) as session:
            return session.scalar(select(func.count()).select_from(SignInFailure)) or 0

    def do(self, what: Callable[..., object], *more: Any) -> None:
        with transaction(self.engine) as session:
            what(session, OURS, self.petra, *more)


@pytest.fixture
def people(engine: Engine, quick_passwords: None) -> People:  # noqa: ARG001 - it replaces the hasher
    return People(engine)


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[str | None]:
    """The hashes that passwords were compared with."""
    seen: list[str | None] = []

    def look(hashed: str | None, text: str) -> bool:
        seen.append(hashed)
        return passwords.verify(hashed, text)

    monkeypatch.setattr(sign_in, "verify", look)
    return seen


# Signing in


def test_the_right_password_lets_in_and_tells_who_it_is(people: People) -> None:
    found = people.enter()
    assert found == SignedIn(people.petra, OURS, "default", "petra", Role.EDITOR, 0, "UTC", guess_first=True)
    assert people.is_in(found)
    assert people.failures() == 0


def test_capitals_and_spaces_around_a_name_do_not_count(people: People) -> None:
    for name in ("Petra", "  petra ", "PETRA"):
        assert isinstance(people.try_(PASSWORD, name), SignedIn)


def test_a_refusal_is_the_same_whether_the_name_is_known_or_not(people: People, looks: list[str | None]) -> None:
    with transaction(people.engine) as session:
        users.add_user(session, OURS, "boris", Role.VIEWER, ACT, None)
        gone = users.add_user(session, OURS, "gone", Role.VIEWER, ACT, PASSWORD)
        users.disable(session, OURS, gone, ACT)
    names = ("petra", "nobody", "gone", "boris", "", "x" * 300, "a\0b", "\ud800")
    assert {people.try_("wrong", name) for name in names} == {Refused("Name or password is wrong.")}
    assert people.try_(PASSWORD, "gone") == people.try_("", "boris") == Refused("Name or password is wrong.")
    assert len(looks) == len(names) + 2
    assert len([each for each in looks if each]) == 1


@pytest.mark.parametrize("name", ["petra", "nobody"])
def test_who_fails_more_than_five_times_waits_longer_each_time(people: People, name: str) -> None:
    for _ in range(6):
        assert people.wait(name=name) is None
    for minutes in (1, 2, 4, 8, 15):
        assert people.wait(name=name) == minutes * 60
        people.now += timedelta(seconds=30)
        assert people.wait(name=name) == minutes * 60 - 30
        people.now += timedelta(minutes=minutes, seconds=-30)
        assert people.wait(name=name) is None


def test_the_wait_is_told_in_minutes(people: People) -> None:
    for _ in range(6):
        people.try_()
    assert people.try_() == Refused("Too many attempts failed; try again in 1 minute.", 60)
    people.now += timedelta(minutes=1)
    people.try_()
    people.now += timedelta(seconds=1)
    assert people.try_() == Refused("Too many attempts failed; try again in 2 minutes.", 119)


def test_while_a_name_waits_no_password_is_looked_at_and_nothing_is_counted(
    people: People, looks: list[str | None]
) -> None:
    for _ in range(6):
        people.try_()
    assert [people.wait(password=PASSWORD) for _ in range(5)] == [60] * 5
    assert (len(looks), people.failures()) == (6, 6)
    people.now += timedelta(minutes=1)
    people.enter()


def test_another_name_does_not_wait(people: People) -> None:
    for _ in range(7):
        people.try_(name="boris")
    people.enter()


def test_a_quarter_of_an_hour_without_a_failure_is_a_new_beginning(people: People) -> None:
    for _ in range(6):
        people.try_()
    people.now += timedelta(minutes=15)
    assert [people.wait() for _ in range(6)] == [None] * 6
    assert people.wait() == 60


def test_success_forgets_the_failures_of_the_name_alone(people: People) -> None:
    people.try_(name="boris")
    for _ in range(5):
        people.try_()
    people.enter()
    assert people.failures() == 1
    assert [people.wait() for _ in range(6)] == [None] * 6


def test_unlocking_lets_try_at_once(people: People) -> None:
    for _ in range(7):
        people.try_()
    people.do(users.unlock, ACT)
    people.enter()


def fail_often(people: People, client: Callable[[int], str], times: int = 31) -> None:
    for number in range(times):
        assert people.wait(name=f"name {number}", client=client(number)) is None


def test_a_client_that_fails_with_many_names_waits(people: People) -> None:
    fail_often(people, lambda _: HOME)
    assert people.wait(password=PASSWORD) == 15 * 60
    assert isinstance(people.try_(PASSWORD, client=OFFICE), SignedIn)
    people.now += timedelta(minutes=15)
    people.enter()


def test_thirty_failures_of_a_client_make_it_wait_for_nothing(people: People) -> None:
    fail_often(people, lambda _: HOME, 30)
    people.enter()


def test_the_addresses_of_one_customer_are_one_client(people: People) -> None:
    fail_often(people, lambda number: f"2001:db8:1:2::{number:x}")
    assert people.wait(client="2001:db8:1:2:ffff::1") == 15 * 60
    assert people.wait(client="2001:db8:1:3::1") is None
    fail_often(people, lambda number: HOME if number % 2 else f"::ffff:{HOME}")
    assert people.wait() == 15 * 60


def test_a_client_without_an_address_is_counted_too(people: People) -> None:
    for client in ("", "testclient", "x" * 100, "a\0b"):
        assert people.wait(client=client) is None
    assert people.failures() == 4


def test_attempts_at_the_same_moment_are_all_counted(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()

    def look(*_: object) -> bool:
        release.wait(20)
        return False

    monkeypatch.setattr(sign_in, "verify", look)
    monkeypatch.setattr(sign_in, "_TURNS", threading.BoundedSemaphore(10))
    with ThreadPoolExecutor(10) as threads:
        asked = [threads.submit(people.wait) for _ in range(10)]
        try:
            done = [each.result() for each in islice(as_completed(asked, 20), 4)]
        finally:
            release.set()
    assert done == [60] * 4
    assert [each.result() for each in asked].count(None) == people.failures() == 6


def test_a_flood_of_attempts_keeps_few_threads_waiting(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()

    def look(*_: object) -> bool:
        release.wait(20)
        return False

    monkeypatch.setattr(sign_in, "verify", look)
    with ThreadPoolExecutor(20) as threads:
        asked = [threads.submit(people.wait, client=f"192.0.2.{number}", name=f"n{number}") for number in range(20)]
        try:
            turned_away = [each.result() for each in islice(as_completed(asked, 20), 12)]
        finally:
            release.set()
    assert turned_away == [sign_in.BUSY_SECONDS] * 12
    assert people.wait(client="192.0.2.99", name="later") is None


def test_failures_of_the_day_before_are_removed(people: People) -> None:
    people.try_(name="boris")
    people.now += timedelta(hours=23)
    people.try_(name="carla")
    assert people.failures() == 2
    people.now += timedelta(hours=2)
    people.try_()
    assert people.failures() == 2


def test_a_hash_of_old_parameters_is_made_anew(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    before = hash_of(people)
    people.enter()
    assert hash_of(people) == before
    monkeypatch.setattr(passwords, "_HASHER", PasswordHasher(time_cost=2, memory_cost=8, parallelism=1))
    found = people.enter()
    assert hash_of(people).startswith("$argon2id$v=19$m=8,t=2,p=1$")
    assert people.is_in(found)
    people.enter()


def hash_of(people: People) -> str:
    with reading(people.engine) as session:
        return session.scalars(select(User.password_hash).where(User.id == people.petra)).one() or ""


@pytest.mark.parametrize("what", ["password", "disabled"])
def test_what_changes_while_a_password_is_looked_at_counts(
    people: People, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    def look(*_: object) -> bool:
        people.do(users.set_password, "quite another one", ACT) if what == "password" else people.do(users.disable, ACT)
        return True

    monkeypatch.setattr(sign_in, "verify", look)
    assert people.wait(password=PASSWORD) is None
    assert people.failures() == 1


def test_the_log_names_users_and_never_what_may_be_a_password(people: People, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    people.try_()
    people.try_("petra", name=PASSWORD)
    people.enter()
    assert f"sign-in of petra from {HOME} refused" in caplog.text
    assert f"sign-in of an unknown name from {HOME} refused" in caplog.text
    assert f"user petra signed in from {HOME}" in caplog.text
    assert PASSWORD not in caplog.text


# Sessions and users


@pytest.mark.parametrize(
    "change",
    [
        lambda people: people.do(users.set_password, "quite another one", ACT),
        lambda people: people.do(users.set_role, Role.ADMIN, ACT),
        lambda people: people.do(users.sign_out_everywhere, ACT),
        lambda people: people.do(users.disable, ACT),
        lambda people: (people.do(users.disable, ACT), people.do(users.enable, ACT)),
    ],
    ids=["password", "role", "sign out", "disable", "enable"],
)
def test_what_ends_every_session(people: People, change: Callable[[People], object]) -> None:
    found = people.enter()
    change(people)
    assert not people.is_in(found)


def test_wishes_and_unlocking_end_no_session(people: People) -> None:
    found = people.enter()
    people.do(lambda *which: users.remember(*which, time_zone="Asia/Tokyo", guess_first=False))
    people.do(users.unlock, ACT)
    assert people.is_in(found)


def test_who_is_disabled_comes_back_when_enabled(people: People) -> None:
    people.do(users.disable, ACT)
    assert people.wait(password=PASSWORD) is None
    people.do(users.enable, ACT)
    people.enter()


def test_a_new_password_replaces_the_old_one_and_a_weak_one_does_not(people: People) -> None:
    with pytest.raises(InputError, match="12 to 1000"):
        people.do(users.set_password, "short", ACT)
    people.enter()
    people.do(users.set_password, "quite another one", ACT)
    assert people.wait(password=PASSWORD) is None
    assert isinstance(people.try_("quite another one"), SignedIn)


def test_who_is_signed_in_is_asked_in_one_statement(people: People) -> None:
    found = people.enter()
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        statements.append(statement)

    with reading(people.engine) as session:
        event.listen(people.engine, "before_cursor_execute", note)
        assert users.signed_in(session, found.user_id, found.epoch) == found
        event.remove(people.engine, "before_cursor_execute", note)
    assert len(statements) == 1


def test_times_are_shown_in_the_zone_of_the_person_or_else_of_the_team(people: People) -> None:
    with transaction(people.engine) as session:
        session.execute(update(Team).where(Team.id == OURS).values(time_zone="Europe/Berlin"))
    assert people.enter().time_zone == "Europe/Berlin"
    people.do(lambda *which: users.remember(*which, time_zone="Asia/Tokyo"))
    people.do(lambda *which: users.remember(*which, guess_first=False))
    assert (people.enter().time_zone, people.enter().guess_first) == ("Asia/Tokyo", False)
    people.do(lambda *which: users.remember(*which, time_zone=""))
    assert (people.enter().time_zone, people.enter().guess_first) == ("Europe/Berlin", False)
    with pytest.raises(InputError, match="no time zone"):
        people.do(lambda *which: users.remember(*which, time_zone="Mars/Olympus"))


def test_a_name_that_is_none_is_refused(people: People) -> None:
    for name in ("", "  ", "a\nb", "x" * 201, "a\u200bb"):
        with transaction(people.engine) as session, pytest.raises(InputError, match="no name of a user"):
            users.add_user(session, OURS, name, Role.VIEWER, ACT, None)


def test_a_name_is_unique_over_all_teams(people: People) -> None:
    for team in (OURS, THEIRS):
        with transaction(people.engine) as session, pytest.raises(InputError, match="a user 'petra' already"):
            users.add_user(session, team, "Petra ", Role.VIEWER, ACT, None)


def test_another_team_neither_finds_nor_changes_a_user(people: People) -> None:
    found = people.enter()
    acts: list[Callable[[Session, int], object]] = [
        lambda session, user: users.set_password(session, THEIRS, user, PASSWORD, ACT),
        lambda session, user: users.set_role(session, THEIRS, user, Role.ADMIN, ACT),
        lambda session, user: users.disable(session, THEIRS, user, ACT),
        lambda session, user: users.enable(session, THEIRS, user, ACT),
        lambda session, user: users.sign_out_everywhere(session, THEIRS, user, ACT),
        lambda session, user: users.unlock(session, THEIRS, user, ACT),
        lambda session, user: users.remember(session, THEIRS, user, guess_first=False),
        lambda session, _: users.user_id_of(session, THEIRS, "petra"),
    ]
    for act in acts:
        with transaction(people.engine) as session, pytest.raises(InputError, match="the team has no user"):
            act(session, people.petra)
    assert people.enter() == found
    with reading(people.engine) as session:
        assert users.list_users(session, THEIRS) == []
        assert [each.name for each in users.list_users(session, OURS)] == ["petra"]
