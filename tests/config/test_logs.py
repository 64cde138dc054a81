"""Lines of the log: one sentence for people, a key and typed fields for machines, whatever strangers wrote."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config import logs

log = logs.logger("tests.config.logs")
ESCAPES = "\x1b[2J\r\n2026-01-01 00:00:00,000 ERROR   worker: forged [user_added]\x85\ud800\u202e"


class Wish(StrEnum):
    CHECK = "check"


class Told:
    """A value that says how often it was looked at."""

    times = 0

    def __str__(self) -> str:
        self.times += 1
        return "told"


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    names = ("", "apscheduler", "alembic", "imapclient", "httpx", "httpcore")
    levels = {name: logging.getLogger(name).level for name in names}
    handlers = logging.getLogger().handlers[:]
    yield
    logging.getLogger().handlers[:] = handlers
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


def text(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().err.removesuffix("\n").split("\n")


def machine_lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text(capsys)]


def test_a_line_for_people_is_a_sentence_with_its_key_behind(capsys: pytest.CaptureFixture[str]) -> None:
    logs.start("INFO", "text")
    log.info("mailbox_paused", says="mailbox {mailbox}: paused by {by}", mailbox="mila@outreach.example", by="petra")
    (line,) = text(capsys)
    at, said = line[:23], line[23:]
    assert datetime.strptime(at, "%Y-%m-%d %H:%M:%S,%f")  # noqa: DTZ007 - local time, as people read it
    assert said == " INFO    tests.config.logs: mailbox mila@outreach.example: paused by petra [mailbox_paused]"


def test_a_line_for_machines_has_every_field_with_its_type(capsys: pytest.CaptureFixture[str]) -> None:
    logs.start("INFO", "json")
    before = datetime.now(UTC)
    log.warning(
        "request_late", says="{wish} {request} since {since}, {day}: {error}", wish=Wish.CHECK, request=7,
        since=datetime(2026, 11, 27, 7, 0, tzinfo=UTC), day=date(2026, 11, 27), error=ValueError("too late"),
        of=None, ok=True,
    )  # fmt: skip
    (line,) = machine_lines(capsys)
    at = line.pop("at")
    assert at.endswith("Z")
    # Written to the millisecond.
    assert 0 <= (datetime.fromisoformat(at) - before).total_seconds() + 0.001 < 60
    assert line == {
        "level": "WARNING", "logger": "tests.config.logs", "event": "request_late",
        "message": "check 7 since 2026-11-27 07:00:00+00:00, 2026-11-27: too late",
        "wish": "check", "request": 7, "since": "2026-11-27T07:00:00+00:00", "day": "2026-11-27",
        "error": "too late", "of": None, "ok": True,
    }  # fmt: skip


@pytest.mark.parametrize("form", ["text", "json"])
def test_lines_of_libraries_go_the_same_way_and_have_no_key(capsys: pytest.CaptureFixture[str], form: str) -> None:
    logs.start("INFO", form)
    logging.getLogger("somebody.else").warning("%s of %s", 1, 2)
    log.info("listening", says="listening")
    libraries, ours = text(capsys)
    assert ("1 of 2" in libraries, "[" in libraries, "event" in libraries) == (True, False, False)
    assert "listening" in ours


@pytest.mark.parametrize("form", ["text", "json"])
def test_an_error_comes_with_its_traceback(capsys: pytest.CaptureFixture[str], form: str) -> None:
    logs.start("INFO", form)
    try:
        int("nobody foresaw this")
    except ValueError as error:
        log.exception("step_failed", says="{step} failed", step="counting")
        seen = error
    log.error("step_failed_later", says="{step} failed", step="counting", exc_info=seen)
    said = capsys.readouterr().err
    assert said.count("Traceback (most recent call last)") == 2
    assert said.count("ValueError: invalid literal") == 2


def test_nothing_is_formatted_below_the_level() -> None:
    logs.start("INFO", "text")
    value = Told()
    log.debug("looked_at", says="it was {value}", value=value)
    assert value.times == 0
    log.info("looked_at", says="it was {value}", value=value)
    assert value.times == 1


def test_handlers_and_tests_see_a_record_like_any_other(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    log.info("user_added", says="user {user}: added", user="petra", error=KeyError("lost"))
    (record,) = caplog.records
    assert (record.getMessage(), record.name, record.levelname) == ("user petra: added", "tests.config.logs", "INFO")
    assert (vars(record)["event"], vars(record)["fields"]) == ("user_added", {"user": "petra", "error": "'lost'"})


def test_a_line_knows_where_in_the_code_it_was_said(caplog: pytest.LogCaptureFixture) -> None:
    log.warning("said_here", says="here")
    try:
        int("nobody foresaw this")
    except ValueError:
        log.exception("said_there", says="there")
    assert {Path(record.pathname) for record in caplog.records} == {Path(__file__)}


@pytest.mark.parametrize("field", ["name", "args", "msg", "module", "fields", "levelname", "process"])
def test_a_field_may_be_called_as_the_standard_library_calls_its_own(
    capsys: pytest.CaptureFixture[str], field: str
) -> None:
    logs.start("INFO", "json")
    log.info("odd_field", says="odd", **{field: "ours"})
    (line,) = machine_lines(capsys)
    assert line[field] == "ours"


@pytest.mark.parametrize("form", ["text", "json"])
def test_what_strangers_wrote_makes_no_line_and_no_key(capsys: pytest.CaptureFixture[str], form: str) -> None:
    logs.start("INFO", form)
    log.warning("server_said", says="the server said: {words}", words=ESCAPES, error=ValueError(ESCAPES))
    log.error("poll_failed", says="a poll failed: {words!r}", words=ESCAPES, exc_info=ValueError(ESCAPES))
    lines = text(capsys)
    assert all(line.isprintable() for line in lines)
    assert not [line for line in lines if line.startswith("2026-01-01")]
    if form == "text":
        assert lines[0].endswith(" [server_said]")
    else:
        assert all(line.isascii() for line in lines)
        assert [json.loads(line)["event"] for line in lines] == ["server_said", "poll_failed"]


@given(st.text())
def test_braces_and_percent_signs_in_a_value_mean_nothing(words: str) -> None:
    heard: list[str] = []
    ear = logging.Handler()
    ear.emit = lambda record: heard.append(record.getMessage())  # type: ignore[method-assign]
    below = logging.getLogger("tests.config.logs")
    below.addHandler(ear)
    try:
        for said in (words, f"{{words.__class__}} %s {words} {{0}}"):
            log.error("server_said", says="it says {words}", words=said)
    finally:
        below.removeHandler(ear)
    assert heard == [f"it says {words}", f"it says {{words.__class__}} %s {words} {{0}}"]
