"""Secrets are encrypted with the first key and opened with any."""

from __future__ import annotations

import pytest

from config.settings import Settings, SettingsError, read
from tests.keys import SECRET_KEY, VAULT
from worker.errors import InputError
from worker.secrets.vault import Vault, is_sealed, new_key, vault_of


def test_what_was_sealed_is_opened_and_cannot_be_read_or_guessed_by_comparing() -> None:
    sealed = VAULT.seal("päss word")
    assert VAULT.open(sealed) == "päss word"
    assert is_sealed(sealed)
    assert "päss" not in sealed
    assert sealed != VAULT.seal("päss word")


def test_what_was_stored_before_there_was_encryption_is_read_as_it_is() -> None:
    assert VAULT.open("open sesame") == "open sesame"
    assert Vault().open("open sesame") == "open sesame"
    assert not is_sealed("open sesame")


def test_the_first_key_encrypts_and_every_key_opens() -> None:
    old, new = new_key(), new_key()
    sealed = Vault((old,)).seal("x")
    both = Vault((new, old))
    assert both.open(sealed) == "x"
    again = both.reseal(sealed)
    assert Vault((new,)).open(again) == "x"
    with pytest.raises(InputError, match="INBOX_SECRET_KEYS"):
        Vault((old,)).open(again)


def test_what_was_tampered_with_is_not_opened() -> None:
    sealed = VAULT.seal("open sesame")
    changed = sealed[:-10] + ("A" if sealed[-10] != "A" else "B") + sealed[-9:]
    with pytest.raises(InputError, match="INBOX_SECRET_KEYS"):
        VAULT.open(changed)


def test_without_a_key_nothing_is_stored_and_nothing_opened_and_both_say_what_to_do() -> None:
    with pytest.raises(InputError, match="inbox-worker secrets new-key"):
        Vault().seal("x")
    with pytest.raises(InputError, match="inbox-worker secrets new-key"):
        Vault().require_key()
    with pytest.raises(InputError, match="INBOX_SECRET_KEYS_FILE"):
        Vault().open(VAULT.seal("x"))


def test_keys_may_be_separated_by_spaces_commas_and_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = [new_key() for _ in range(4)]
    monkeypatch.setenv("INBOX_SECRET_KEYS", f"{keys[0]} {keys[1]},{keys[2]}\n{keys[3]}\n")
    assert vault_of(read()).keys == tuple(keys)
    assert vault_of(Settings(_env_file=None, secret_keys=None)).keys == ()


@pytest.mark.parametrize("value", ["short", f"{SECRET_KEY} {SECRET_KEY[:-1]}", f"{SECRET_KEY[:-2]}!="])
def test_what_is_no_key_is_refused_when_the_settings_are_read_and_not_repeated(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("INBOX_SECRET_KEYS", value)
    with pytest.raises(SettingsError, match="inbox-worker secrets new-key") as caught:
        read()
    assert not any(part in str(caught.value) for part in value.split())
