"""Settings: every source, every error at once, secrets masked."""

from __future__ import annotations

from pathlib import Path

import pytest

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


def test_a_secret_file_that_is_missing_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INBOX_DATABASE_URL_FILE", "/no/such/file")
    with pytest.raises(SettingsError, match="/no/such/file"):
        read()
