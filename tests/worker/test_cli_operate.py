"""Bringing the schema up, and seeing that all is well."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from models.session import transaction
from models.tables.mailboxes import Mailbox
from tests.worker.commanding import BOX, Commands
from worker.cli import operate


def fare(run: Commands, **columns: object) -> None:
    with run.database() as engine, transaction(engine) as session:
        session.execute(update(Mailbox).values(**columns))


def test_a_new_database_is_migrated_and_a_migrated_one_is_left_alone(run: Commands) -> None:
    assert run.done("migrate").out.startswith("schema: empty -> ")
    assert run.done("migrate").out.endswith(", nothing to do\n")


def test_a_well_installation_passes(run: Commands) -> None:
    run.add_mailbox()
    said = run.done("doctor", "--json")
    assert {row["what"]: row["says"] for row in said.rows}["mailboxes"] == "1 not polled yet"
    assert [row["what"] for row in said.rows if row["look"] or not row["ok"]] == ["daemon"]


def test_wrong_settings_are_all_named(run: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INBOX_POLL_SECONDS", "often")
    monkeypatch.setenv("INBOX_POL_THREADS", "3")
    said = run("doctor")
    assert said.code == 1
    assert "INBOX_POLL_SECONDS" in said.out
    assert "INBOX_POL_THREADS: no such setting" in said.out


def test_a_database_without_tables_is_told_to_migrate(run: Commands) -> None:
    said = run("doctor")
    assert said.code == 1
    assert "-> run: inbox-worker migrate" in said.out


def test_a_worker_of_a_fleet_needs_postgresql_and_makes_no_other_database(
    run: Commands, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("INBOX_DATABASE_URL", f"sqlite:///{tmp_path}/other.sqlite")
    for words in (["worker"], ["train", "--on-worker"]):
        said = run(*words)
        assert (said.code, "share a PostgreSQL" in said.err) == (1, True)
    assert not (tmp_path / "other.sqlite").exists()


def test_a_database_that_does_not_answer_is_told_without_its_password(
    run: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INBOX_DATABASE_URL", "postgresql://inbox:sesame@127.0.0.1:1/inbox")
    said = run("doctor")
    assert said.code == 1
    assert "FAILED  database: cannot use INBOX_DATABASE_URL" in said.out
    assert "sesame" not in said.out + said.err


def test_an_artifact_that_does_not_load_is_named(run: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INBOX_ARTIFACT", run.file("broken.artifact", "nothing"))
    said = run("doctor")
    assert said.code == 1
    assert "FAILED  classifier: " in said.out


def test_a_failing_mailbox_is_named_with_the_next_step(run: Commands) -> None:
    run.add_mailbox()
    fare(run, failures=3, last_error="sign-in refused")
    said = run("doctor")
    assert said.code == 1
    assert f"FAILED  mailbox {BOX}: 3 failures in a row; the last: sign-in refused" in said.out
    assert f"-> run: inbox-worker mailboxes check {BOX}" in said.out


def test_one_failure_or_a_pause_is_no_alarm(run: Commands) -> None:
    run.add_mailbox()
    fare(run, failures=2, last_error="no answer")
    assert "1 trying again" in run.done("doctor").out
    fare(run, failures=9, paused_at=datetime.now(UTC))
    assert "1 paused" in run.done("doctor").out


def test_a_health_check_fails_once_no_mailbox_is_read_any_more(run: Commands) -> None:
    run.add_mailbox()
    assert "no success yet" in run("doctor", "--max-age", "60").out
    fare(run, last_success_at=datetime.now(UTC) - timedelta(seconds=90))
    said = run("doctor", "--max-age", "60")
    assert said.code == 1
    assert "FAILED  polling: newest success" in said.out
    run.done("doctor", "--max-age", "120")


def test_a_health_check_is_not_failed_by_one_mailbox_of_many(run: Commands) -> None:
    run.add_mailbox()
    fare(run, last_success_at=datetime.now(UTC))
    run.add_mailbox("noor@outreach.example")
    with run.database() as engine, transaction(engine) as session:
        session.execute(update(Mailbox).where(Mailbox.name != BOX).values(failures=40, last_error="wrong password"))
    run.done("doctor", "--max-age", "60")


def test_a_health_check_with_nothing_to_poll_passes(run: Commands) -> None:
    run.add_mailbox()
    fare(run, paused_at=datetime.now(UTC))
    assert "no mailbox to poll" in run.done("doctor", "--max-age", "60").out


def test_without_the_meaning_of_texts_doctor_says_what_makes_replies_surer(
    run: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operate, "encoder_here", lambda: None)
    rows = {row["what"]: row for row in run("doctor", "--json").rows}
    assert rows["classifier"]["ok"]
    assert "by words alone" in rows["classifier"]["says"]
    assert "pip install 'inbox-worker[semantic]'" in rows["classifier"]["says"]
