"""What holds for every request: headers, limits, failures that are told and never show a traceback."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import create_engine
from sqlalchemy.exc import DataError

from console import app as app_module
from console.edge import FOR_STRANGERS, HEADERS, LARGEST_BATCH
from console.render import asset
from tests.console.conftest import Console

MEGABYTE = 1024 * 1024


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/healthz", 200), ("GET", "/u/x", 404), ("GET", "/nowhere", 404), ("POST", "/v1/events", 401)],
)
def test_every_answer_protects_its_reader(console: Console, method: str, path: str, status: int) -> None:
    answer = console.ask(method, path)
    assert answer.status_code == status
    wanted = FOR_STRANGERS if path.startswith("/u/") else HEADERS
    assert {name: answer.headers[name] for name in wanted} == wanted
    assert answer.headers["strict-transport-security"] == "max-age=31536000"
    assert "'none'" in answer.headers["content-security-policy"]


def test_what_is_nowhere_is_told_so_to_people_and_to_programs(console: Console) -> None:
    for path in ("/nowhere", "/v1/nowhere"):
        assert "there is nothing at this address" in console.ask("GET", path).text


def test_the_page_needs_nothing_from_outside(console: Console) -> None:
    for page in (console.ask("GET", "/u/x").text, console.ask("GET", "/openapi.json").text):
        assert "<script" not in page
        assert "<link" not in page
    assert console.ask("GET", "/docs").status_code == 404


@pytest.mark.parametrize("path", ["/u/x", "/webhooks/calendly/default", "/v1/events"])
def test_a_huge_body_is_refused_before_it_is_read(console: Console, path: str) -> None:
    headers = {"Authorization": f"Bearer {console.token()}", "Content-Type": "application/json"}
    answer = console.ask("POST", path, content=b"x" * (LARGEST_BATCH + 1), headers=headers)
    assert answer.status_code == 413


def test_a_huge_body_of_untold_length_is_refused_on_the_way(console: Console) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(64):
            yield b"x" * MEGABYTE

    headers = {"Authorization": f"Bearer {console.token()}", "Content-Type": "application/json"}
    answer = console.ask("POST", "/v1/events", content=endless(), headers=headers)
    assert answer.status_code == 413
    assert "16 MB" in answer.json()["detail"]
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_webhook_is_smaller_than_a_batch(console: Console) -> None:
    answer = console.ask("POST", "/webhooks/calendly/default", content=b"x" * (MEGABYTE + 1))
    assert (answer.status_code, "1 MB" in answer.json()["detail"]) == (413, True)


def test_the_health_check_may_ask_without_a_body(console: Console) -> None:
    assert console.ask("HEAD", "/healthz").status_code == 200


def test_a_database_that_is_gone_is_told_without_its_name() -> None:
    console = Console(create_engine("postgresql+psycopg://mila:secret@127.0.0.1:1/nobody"))
    for method, path, more in (
        ("GET", "/readyz", {}),
        ("GET", "/u/" + "a" * 40, {}),
        ("POST", "/u/" + "a" * 40, {"data": {"confirm": "yes"}}),
        ("POST", "/webhooks/calendly/default", {}),
        ("POST", "/v1/events", {"headers": {"Authorization": "Bearer iw_x"}}),
    ):
        answer = console.ask(method, path, **more)
        assert answer.status_code == 503, path
        assert answer.headers["retry-after"] == "30"
        assert "127.0.0.1" not in answer.text
        assert "secret" not in answer.text


def test_what_nobody_foresaw_shows_no_traceback(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a secret inside")

    monkeypatch.setattr(app_module, "not_ready", broken)
    answer = console.ask("GET", "/readyz")
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert "Traceback" not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_failures_are_problem_details(console: Console) -> None:
    answer = console.ask("GET", "/v1/events")
    assert answer.status_code == 405
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json() == {
        "type": "about:blank", "title": "Method Not Allowed", "status": 405, "detail": "Method Not Allowed",
    }  # fmt: skip


def test_browsers_keep_a_file_of_ours_only_under_the_address_that_names_its_content(console: Console) -> None:
    kept = {
        path: console.ask("GET", path).headers["cache-control"]
        for path in (asset("style.css"), "/static/style.css", "/static/style.css?000000000000", "/static/nothing.css")
    }
    assert kept.pop(asset("style.css")).endswith("immutable")
    assert set(kept.values()) == {"no-store"}


@pytest.mark.parametrize("path", ["/sign-out", "/do-not-email/add"])
def test_a_form_is_smaller_than_a_batch(console: Console, path: str) -> None:
    assert console.ask("POST", path, data={"targets": "x" * (MEGABYTE + 1)}).status_code == 413


def test_a_value_that_the_database_cannot_hold_is_told_without_it(
    console: Console, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def unusable(*_: object) -> None:
        raise DataError("INSERT", {}, Exception("invalid byte sequence in secret"))

    monkeypatch.setattr("console.api.overview.overview", unusable)
    answer = console.ask("GET", "/v1/overview", console.token(scopes=["view"]))
    assert (answer.status_code, "cannot be stored" in answer.json()["detail"]) == (422, True)
    assert "secret" not in answer.text
    assert "invalid byte sequence" in caplog.text
