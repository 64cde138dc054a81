"""Webhook endpoints over the API: put, listed, tried, paused, replayed, removed; no answer holds a secret."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from models.session import reading, transaction
from models.tables.outside import Delivery, DeliveryState, EventType, OutboxEvent, WebhookEndpoint
from tests.console.conftest import OURS, THEIRS, Console
from tests.keys import SECRET_KEY
from tests.worker.receiver import receiving
from tests.worker.small_world import NOW
from worker.secrets.vault import Vault

CRM = {"name": "crm", "url": "http://127.0.0.1:9/", "types": ["dne.added"], "allow_private": True}


@pytest.fixture
def token(console: Console) -> str:
    console.settings["secret_keys"] = SECRET_KEY
    return console.token(OURS, "ci", ["admin"])


def ask(console: Console, token: str, path: str, **json: Any) -> Any:
    return console.ask("POST", f"/v1/webhooks{path}", token, json=json or None)


def test_an_endpoint_is_added_and_changed_by_its_name_and_its_secret_is_told_nowhere(
    console: Console, token: str
) -> None:
    said = {"Idempotency-Key": "one"}
    added = console.ask("POST", "/v1/webhooks", token, json=CRM, headers=said)
    assert (added.json()["types"], added.json()["state"]) == (["dne.added"], "active")
    changed = ask(console, token, "", **CRM | {"url": "http://127.0.0.1:8/", "types": []}).json()
    assert (changed["id"], changed["url"], changed["types"]) == (added.json()["id"], "http://127.0.0.1:8/", ["all"])
    listed = console.ask("GET", "/v1/webhooks", token)
    assert listed.json()["rows"] == [changed]
    with reading(console.engine) as session:
        secret = Vault((SECRET_KEY,)).open(session.scalars(select(WebhookEndpoint.secret)).one())
    assert secret.startswith("whsec_")
    assert not any("whsec_" in answer.text or "secret" in answer.json() for answer in (added, listed))
    refused = ask(console, token, "", **CRM | {"allow_private": False})
    assert (refused.status_code, "https" in refused.text) == (409, True)


def test_an_endpoint_is_tried_paused_resumed_and_removed(console: Console, token: str) -> None:
    with receiving() as server:
        endpoint_id = ask(console, token, "", **CRM | {"url": server.url}).json()["id"]
        told = ask(console, token, f"/{endpoint_id}/test").json()
        assert (told, len(server.heard)) == ({"well": True, "status": 204, "says": ""}, 1)
    assert ask(console, token, f"/{endpoint_id}/test").json()["well"] is False
    assert ask(console, token, f"/{endpoint_id}/pause").json()["state"] == "paused"
    assert ask(console, token, f"/{endpoint_id}/resume").json()["state"] == "active"
    assert ask(console, token, f"/{endpoint_id}/remove").json() == {"removed": "crm"}
    assert ask(console, token, f"/{endpoint_id}/pause").status_code == 404


def test_deliveries_are_listed_and_sent_again(console: Console, token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    endpoint_id = ask(console, token, "", **CRM).json()["id"]
    with transaction(console.engine) as session:
        for state in (DeliveryState.DEAD, DeliveryState.DELIVERED, DeliveryState.DEAD):
            event = OutboxEvent(
                team_id=OURS, type=EventType.DNE_ADDED, subject="a", payload={"target": "a"}, recorded_at=NOW
            )
            session.add(event)
            session.flush()
            session.add(
                Delivery(endpoint_id=endpoint_id, event_id=event.id, subject="a", state=state, next_attempt_at=NOW)
            )
    monkeypatch.setattr("console.api.webhooks.COUNTED", 0)
    assert console.ask("GET", "/v1/webhooks", token).json()["rows"][0]["dead"] == 1, "one stands for more"
    here = f"/v1/webhooks/{endpoint_id}/deliveries?state=dead&limit=1"
    first = console.ask("GET", here, token).json()
    assert [(row["event"], row["data"]) for row in first["rows"]] == [(3, {"target": "a"})]
    rest = console.ask("GET", f"{here}&after={first['next']}", token).json()
    assert ([row["event"] for row in rest["rows"]], rest["next"]) == ([1], None)
    assert ask(console, token, f"/{endpoint_id}/replay", event=1).json() == {"replayed": 1}
    assert ask(console, token, f"/{endpoint_id}/replay", event=1).status_code == 409
    assert ask(console, token, f"/{endpoint_id}/replay", delivered=True).json() == {"replayed": 2}
    theirs = console.token(THEIRS, "theirs", ["admin"])
    assert console.ask("GET", here, theirs).status_code == 404
    assert console.ask("GET", "/v1/webhooks", theirs).json()["rows"] == []
