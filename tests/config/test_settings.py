"""Settings: every source, every error at once, secrets masked."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from config import logs
from config.settings import SettingsError, read


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_flags_win_over_environment_over_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "inbox-worker.toml").write_text("poll_seconds = 10\npoll_threads = 3\nabsence_days = 9\n")
    monkeypatch.setenv("INBOX_POLL_SECONDS", "20")
    monkeypatch.setenv("INBOX_POLL_THREADS", "4")
    settings = read(poll_seconds=30)
    assert (settings.poll_seconds, settings.poll_threads, settings.absence_days) == (30, 4, 9)


def test_a_dotenv_file_is_read_and_other_programs_lines_in_it_do_not_matter(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("INBOX_POLL_SECONDS=15\nOTHER_PROGRAM=1\n")
    assert read().poll_seconds == 15


def test_a_secret_comes_from_the_file_that_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "secret").write_text("postgresql://worker:hidden@db/mail\n")
    monkeypatch.setenv("INBOX_DATABASE_URL_FILE", str(tmp_path / "secret"))
    assert read().database_url.get_secret_value() == "postgresql://worker:hidden@db/mail"


def test_a_secret_is_masked_wherever_settings_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INBOX_DATABASE_URL", "postgresql://worker:hidden@db/mail")
    assert "hidden" not in f"{read()!r} {read()}"


def test_every_error_is_told_at_once_and_the_secret_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INBOX_POLL_SECONDS", "often")
    monkeypatch.setenv("INBOX_ABSENCE_DAYS", "-1")
    monkeypatch.setenv("INBOX_POL_THREADS", "4")
    with pytest.raises(SettingsError) as error:
        read()
    for name in ("INBOX_POLL_SECONDS", "INBOX_ABSENCE_DAYS", "INBOX_POL_THREADS: no such setting", "docs/configure.md"):
        assert name in str(error.value)


def test_an_unknown_name_in_the_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "inbox-worker.toml").write_text("pol_seconds = 10\n")
    with pytest.raises(SettingsError, match="POL_SECONDS"):
        read()


def test_a_broken_file_is_an_error_that_names_what_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "inbox-worker.toml").write_text("poll_seconds = \n")
    with pytest.raises(SettingsError, match="line 1"):
        read()


@pytest.mark.parametrize(("file", "why"), [
    ("missing", "missing cannot be read: No such file"), ("", "cannot be read: Is a directory"),
    ("wide", "wide is not UTF-8"),
])  # fmt: skip
def test_a_secret_file_that_cannot_be_read_is_told_with_its_setting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str, why: str
) -> None:
    (tmp_path / "wide").write_text("secret", encoding="utf-16")
    monkeypatch.setenv("INBOX_DATABASE_URL_FILE", str(tmp_path / file))
    with pytest.raises(SettingsError, match=f"^INBOX_DATABASE_URL_FILE: .*{why}"):
        read()


def test_the_mark_that_editors_put_before_utf_8_is_no_part_of_a_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "secret").write_text("sqlite:///x\r\n", encoding="utf-8-sig")
    monkeypatch.setenv("INBOX_DATABASE_URL_FILE", str(tmp_path / "secret"))
    assert read().database_url.get_secret_value() == "sqlite:///x"


def test_what_is_told_of_every_request_for_a_token_is_told_to_who_debugs_alone() -> None:
    names = ("", "apscheduler", "alembic", "imapclient", "httpx", "httpcore")
    before = {name: logging.getLogger(name).level for name in names}
    handlers = list(logging.getLogger().handlers)
    try:
        logs.start("INFO", "text")
        assert not any(logging.getLogger(name).isEnabledFor(logging.INFO) for name in ("httpx", "httpcore"))
        logs.start("DEBUG", "text")
        assert all(logging.getLogger(name).isEnabledFor(logging.DEBUG) for name in ("httpx", "httpcore"))
    finally:
        logging.getLogger().handlers[:] = handlers
        for name, level in before.items():
            logging.getLogger(name).setLevel(level)
