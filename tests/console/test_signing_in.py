"""Who may ask, and the same request twice."""

from __future__ import annotations

import asyncio
import threading
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine, func, select, update

from console import sending
from console.idempotency import Request, begin
from models.session import reading, transaction
from models.tables.mailing import Campaign
from models.tables.outside import IdempotencyKey
from tests.console.conftest import OURS, THEIRS, Console
from tests.databases import database_url as database_url  # noqa: PLC0414 - on both databases
from worker.act import Act
from worker.people.api_tokens import add_token, revoke_token

CAMPAIGN = {"key": "autumn", "name": "Autumn"}


def make(console: Console, token: str, under: str | None = None, **more: Any) -> httpx.Response:
    headers = {"Idempotency-Key": under} if under is not None else {}
    return console.ask("POST", "/v1/campaigns", token, json=CAMPAIGN | more, headers=headers)


def stored(console: Console) -> int:
    with reading(console.engine) as session:
        return session.scalar(select(func.count()).select_from(IdempotencyKey)) or 0


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer iw_nobody", "Basic iw_nobody", "Bearer \u00e4", "iw_"])
def test_without_a_token_nothing_is_answered(console: Console, header: str) -> None:
    headers = {"Authorization": header.encode()} if header else {}
    answer = console.ask("POST", "/v1/campaigns", content=b"{broken", headers=headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_revoked_token_is_none(console: Console) -> None:
    token = console.token()
    assert make(console, token).status_code == 200
    with transaction(console.engine) as session:
        revoke_token(session, OURS, "sender", Act("petra", console.now))
    assert make(console, token).status_code == 401


def test_the_sending_side_needs_its_scope(console: Console) -> None:
    with transaction(console.engine) as session:
        token = add_token(session, OURS, "board", Act("petra", console.now), ["view", "edit", "teach", "admin"])
    for path in ("campaigns", "recipients", "events", "suppressions/check"):
        answer = console.ask("POST", f"/v1/{path}", token, json=CAMPAIGN, headers={"Idempotency-Key": "one"})
        assert (answer.status_code, answer.headers["content-type"]) == (403, "application/problem+json")
        assert "tokens add NAME --scope sending" in answer.json()["detail"]
    assert stored(console) == 0
    with reading(console.engine) as session:
        assert session.scalar(select(Campaign.id).where(Campaign.key == CAMPAIGN["key"])) is None


def test_the_same_request_again_has_the_same_answer_and_does_nothing(console: Console) -> None:
    token = console.token()
    first = make(console, token, '"one"')
    assert first.json()["created"]
    for key in ('"one"', "one"):
        again = make(console, token, key)
        assert (again.status_code, again.json()) == (200, first.json())


def test_another_request_under_the_same_key_is_refused(console: Console) -> None:
    token = console.token()
    make(console, token, "one")
    assert make(console, token, "one", name="Winter").status_code == 422
    other = console.ask(
        "POST", "/v1/suppressions/check", token, json={"addresses": ["a@b.example"]}, headers={"Idempotency-Key": "one"}
    )
    assert other.status_code == 422


def test_each_team_has_keys_of_its_own(console: Console) -> None:
    make(console, console.token(), "one")
    assert make(console, console.token(THEIRS), "one").json()["created"]


def test_each_system_of_a_team_has_keys_of_its_own(console: Console) -> None:
    assert make(console, console.token(name="crm"), "one").json()["created"]
    assert make(console, console.token(name="shop"), "one", name="Winter").json()["name"] == "Winter"


def test_a_request_that_failed_may_be_tried_again_under_its_key(console: Console) -> None:
    token = console.token()
    assert make(console, token, "one", key="learnt:x").status_code == 422
    assert make(console, token, "one", stop_on_reply="maybe").status_code == 422
    assert stored(console) == 0
    assert make(console, token, "one").status_code == 200


@pytest.mark.parametrize("key", ["", '""', "x" * 256, "\u00e4"])
def test_a_key_that_is_none_is_refused(console: Console, key: str) -> None:
    answer = console.ask(
        "POST", "/v1/campaigns", console.token(), json=CAMPAIGN, headers={"Idempotency-Key": key.encode("latin-1")}
    )
    assert answer.status_code == 400


def test_answers_are_kept_for_two_days(console: Console) -> None:
    token = console.token()
    make(console, token, "one")
    console.now += timedelta(hours=47)
    assert make(console, token, "one").json()["created"]
    console.now += timedelta(hours=2)
    assert not make(console, token, "one").json()["created"]
    assert stored(console) == 1


def test_two_at_once_do_the_work_once(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    token = console.token()
    inside, leave = threading.Event(), threading.Event()

    def slow(engine: Engine) -> Any:
        inside.set()
        assert leave.wait(20)
        return transaction(engine)

    async def both() -> tuple[httpx.Response, httpx.Response]:
        asked = {"json": CAMPAIGN, "headers": {"Authorization": f"Bearer {token}", "Idempotency-Key": "one"}}
        first = asyncio.create_task(console.request("POST", "/v1/campaigns", **asked))
        await asyncio.to_thread(inside.wait, 20)
        second = await console.request("POST", "/v1/campaigns", **asked)
        leave.set()
        return await first, second

    monkeypatch.setattr(sending, "transaction", slow)
    first, second = asyncio.run(both())
    assert (first.status_code, second.status_code) == (200, 409)
    assert second.headers["retry-after"]


def test_a_request_whose_process_died_may_be_begun_again_after_a_while(console: Console) -> None:
    token = console.token()
    make(console, token, "one")
    with transaction(console.engine) as session:
        session.execute(update(IdempotencyKey).values(status_code=0, answer={}))
        ((key, request_hash),) = session.execute(select(IdempotencyKey.key, IdempotencyKey.request_hash)).all()
    assert make(console, token, "one").status_code == 409
    console.now += timedelta(minutes=6)
    assert make(console, token, "one").status_code == 200
    with transaction(console.engine) as session:
        known = begin(session, Request(OURS, key, request_hash, console.now))
    assert known.status_code == 200
