"""Rules over the API: put, listed, tried, removed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from models.session import reading, transaction
from models.tables.mailing import Recipient
from models.tables.outside import AutomationCommand, AutomationRule, WebhookEndpoint
from tests.console.conftest import OURS, THEIRS, Console
from tests.worker.small_world import NOW, SENT_AT

RULE: dict[str, Any] = {
    "name": "silent",
    "when": {"days_without_reply": 5},
    "then": [{"if": {"opens": 1}, "then": [{"do": "call", "endpoint": "crm"}], "else": [{"do": "stop"}]}],
}
SINCE = (SENT_AT + timedelta(hours=1)).isoformat()


@pytest.fixture
def token(console: Console) -> str:
    with transaction(console.engine) as session:
        session.add(WebhookEndpoint(team_id=OURS, name="crm", url="https://crm.example", secret="s", recorded_at=NOW))
    return console.token(OURS, "ci", ["admin"])


def put(console: Console, token: str, *rules: dict[str, Any], campaign: str = "campaign-1") -> Any:
    return console.ask("POST", "/v1/automations", token, json={"campaign": campaign, "rules": list(rules)})


def test_rules_are_put_listed_and_removed(console: Console, token: str) -> None:
    assert put(console, token, RULE, RULE | {"name": "other"}).json() == {"in_place": ["silent", "other"]}
    first = console.ask("GET", "/v1/automations?limit=1", token).json()
    (row,) = first["rows"]
    assert (row["name"], row["definition"], row["by"], row["acted"]) == ("silent", RULE, "api: ci", 0)
    rest = console.ask("GET", f"/v1/automations?limit=1&after={first['next']}", token).json()
    assert ([each["name"] for each in rest["rows"]], rest["next"]) == (["other"], None)
    gone = console.ask("POST", "/v1/automations/remove", token, json={"campaign": "campaign-1", "name": "silent"})
    assert gone.json() == {"removed": "silent"}
    assert console.ask("GET", "/v1/automations?campaign=campaign-2", token).json()["rows"] == []
    assert put(console, token, *(row["definition"] for row in rest["rows"])).status_code == 200
    with reading(console.engine) as session:
        assert NOW in set(session.scalars(select(Recipient.next_change_at))), "it waits for days to pass"


def test_how_often_a_rule_acted_outside_is_counted(
    console: Console, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.queries.rule_pages.COUNTED", 2)
    put(console, token, RULE)
    with transaction(console.engine) as session:
        (rule_id,) = session.scalars(select(AutomationRule.id))
        for number in range(4):
            session.add(
                AutomationCommand(
                    recipient_id=1, rule_id=rule_id, event_key=str(number), action="call crm", outcome="told",
                    recorded_at=NOW,
                )
            )  # fmt: skip
    assert console.ask("GET", "/v1/automations", token).json()["rows"][0]["acted"] == 3


def test_a_rule_is_tried_and_nothing_changes(console: Console, token: str) -> None:
    asked = {"campaign": "campaign-1", "rule": RULE, "since": SINCE}
    told = console.ask("POST", "/v1/automations/try", token, json=asked).json()
    assert (told["looked_at"], told["touched"], told["ends"], told["more"]) == (2, 2, 2, False)
    assert told["changes"] == [{"before": "Active", "after": "Campaign Stopped", "recipients": 2}]
    assert told["first"][0]["says"] == ["the sequence ends"]
    assert console.ask("GET", "/v1/automations", token).json()["rows"] == []
    assert console.status() == "Active"


BAD = [
    (RULE | {"when": {"opens": 0}}, 422, "greater than or equal to 1"),
    (RULE | {"then": [{"do": "call", "endpoint": "erp"}]}, 409, "no endpoint 'erp'"),
    (RULE | {"when": {"link": "a\0b"}}, 409, "NUL"),
]


def test_a_bad_rule_changes_nothing(console: Console, token: str) -> None:
    for rule, status, says in BAD:
        answer = put(console, token, rule)
        assert (answer.status_code, says in answer.text) == (status, True)
    assert console.ask("GET", "/v1/automations", token).json()["rows"] == []


def test_another_team_has_no_such_campaign(console: Console, token: str) -> None:
    put(console, token, RULE)
    theirs = console.token(THEIRS, "theirs", ["admin"])
    assert console.ask("GET", "/v1/automations", theirs).json()["rows"] == []
    assert put(console, theirs, RULE).status_code == 404
    asked = {"campaign": "campaign-1", "rule": RULE, "since": SINCE}
    assert console.ask("POST", "/v1/automations/try", theirs, json=asked).status_code == 404
