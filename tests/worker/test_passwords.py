"""Passwords: what is kept of them, what a look costs, and which new ones are refused."""

from __future__ import annotations

import threading
import unicodedata
from concurrent.futures import ThreadPoolExecutor

import pytest
from argon2.exceptions import VerifyMismatchError

from tests.quick_passwords import QUICK
from worker.errors import InputError
from worker.secrets import passwords

PASSWORD = "a horse in the rain"


def test_of_a_password_a_hash_by_rfc_9106_is_kept_and_nothing_else_fits_it() -> None:
    kept = passwords.hash_password(PASSWORD)
    assert kept.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert passwords.verify(kept, PASSWORD)
    assert not passwords.verify(kept, PASSWORD + " ")
    assert not passwords.needs_rehash(kept)
    assert passwords.needs_rehash(QUICK.hash(PASSWORD))


def test_where_nothing_is_kept_a_look_costs_as_much_and_says_no() -> None:
    assert not passwords.needs_rehash(passwords.NOBODY)
    assert not passwords.verify(None, PASSWORD)


@pytest.mark.usefixtures("quick_passwords")
def test_two_spellings_of_one_accent_are_one_password() -> None:
    kept = passwords.hash_password(unicodedata.normalize("NFD", "am Ende fällt Schnee"))
    assert passwords.verify(kept, unicodedata.normalize("NFC", "am Ende fällt Schnee"))


@pytest.mark.usefixtures("quick_passwords")
def test_what_is_no_text_is_a_wrong_password() -> None:
    assert not passwords.verify(passwords.hash_password(PASSWORD), "\ud800\0")


@pytest.mark.parametrize(
    ("password", "says"),
    [
        ("eleven char", "has 11; give another"),
        ("x" * 1_001, "has 1001; give another"),
        (unicodedata.normalize("NFD", "äääääähhhhh"), "has 11"),
        ("Petra@Outreach.example", "the name of its user"),
        ("PasswordPassword", "tried first"),
    ],
)
def test_a_weak_password_is_refused(password: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        passwords.refuse_weak("petra@outreach.example", password)


@pytest.mark.parametrize("password", ["twelve chars", "x" * 999 + "y", "petra@outreach.example!"])
def test_a_password_that_is_worth_having_is_taken(password: str) -> None:
    passwords.refuse_weak("petra@outreach.example", password)


def test_only_a_few_passwords_are_looked_at_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    inside: list[int] = []
    full = threading.Barrier(passwords.AT_ONCE)

    class Slow:
        def verify(self, *_: object) -> None:
            inside.append(1)
            full.wait(20)
            counts.append(len(inside))
            full.wait(20)
            inside.pop()
            raise VerifyMismatchError

    counts: list[int] = []
    monkeypatch.setattr(passwords, "_HASHER", Slow())
    with ThreadPoolExecutor(4 * passwords.AT_ONCE) as threads:
        done = list(threads.map(lambda _: passwords.verify(None, "x"), range(4 * passwords.AT_ONCE)))
    assert not any(done)
    assert max(counts) <= passwords.AT_ONCE
