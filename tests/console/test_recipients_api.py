"""What the page of recipients shows and does, for programs."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from sqlalchemy import update

from classifier.verdict import ReplyClass
from models.events import DneReason
from models.session import reading, transaction
from models.tables.standing import DneEntry
from tests.console.conftest import ANNA, BEN, OURS, THEIRS, Console
from tests.worker.small_world import a_mail, a_reply, take_in
from worker.act import Act
from worker.acts.do_not_email import add_dne
from worker.acts.person import find_recipients


@pytest.fixture
def token(console: Console) -> str:
    return console.token(OURS, "crm", ["edit"])


def id_of(console: Console, address: str = ANNA, campaign: str = "campaign-1") -> int:
    with reading(console.engine) as session:
        return find_recipients(session, OURS, address, campaign)[0]


def opt_out(console: Console) -> None:
    """Let Anna be under Do Not Email because she asked for it."""
    with transaction(console.engine) as session:
        add_dne(session, OURS, {ANNA: None}, DneReason.MANUAL, Act("petra", console.now))
        session.execute(update(DneEntry).values(reason=DneReason.UNSUBSCRIBE_REPLY))


def told(answer: httpx.Response) -> Any:
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_recipients_are_listed_page_by_page(console: Console, token: str) -> None:
    first = told(console.ask("GET", "/v1/recipients?campaign=campaign-1&limit=1", token))
    second = told(console.ask("GET", f"/v1/recipients?campaign=campaign-1&limit=1&after={first['next']}", token))
    assert {first["rows"][0]["address"], second["rows"][0]["address"]} == {ANNA, BEN}
    assert second["next"] is None
    (row,) = told(console.ask("GET", "/v1/recipients?words=ben&campaign=campaign-2&status=Active", token))["rows"]
    assert (row["sequence"], row["listed"], row["do_not_email"]) == ("running", True, [])
    assert told(console.ask("GET", f"/v1/recipients/{row['id']}", token)) == row
    assert console.ask("GET", "/v1/recipients?after=x", token).status_code == 409
    assert console.ask("GET", "/v1/recipients?stat=Active", token).status_code == 422


def test_a_status_is_set_and_taken_back(console: Console, token: str) -> None:
    path = f"/v1/recipients/{id_of(console)}"
    asked = {"status": "Out of Office", "until": "2026-06-01", "why": "her office says so", "by_mail": False}
    row = told(console.ask("POST", f"{path}/status", token, json=asked))
    assert (row["status"], row["sequence"], row["until"]) == ("Out of Office", "paused", "2026-06-02T00:00:00Z")
    assert "crm" in console.events("manual")[0].because[0]
    assert "her office says so" in console.events("manual")[0].because[0]
    assert told(console.ask("POST", f"{path}/undo", token, json={}))["status"] == "Active"
    refused = console.ask("POST", f"{path}/undo", token, json={})
    assert (refused.status_code, "no person's act" in refused.text) == (409, True)
    early = console.ask("POST", f"{path}/status", token, json=asked | {"until": "2026-05-01"})
    assert (early.status_code, "has passed" in early.text) == (409, True)


def test_only_the_act_that_a_program_means_is_taken_back(console: Console, token: str) -> None:
    path = f"/v1/recipients/{id_of(console)}"
    for status in ("Interested", "Engaged"):
        told(console.ask("POST", f"{path}/status", token, json={"status": status}))
    (story,) = (
        each["story"]
        for each in told(console.ask("GET", f"/v1/contacts/{ANNA}", token))["recipients"]
        if each["campaign"] == "campaign-1"
    )
    first, second = (row["key"] for row in story if row["event"] == "manual")
    refused = console.ask("POST", f"{path}/undo", token, json={"act": first})
    assert (refused.status_code, "has set it to Engaged since" in refused.text) == (409, True)
    assert told(console.ask("POST", f"{path}/undo", token, json={"act": second}))["status"] == "Interested"


def test_many_are_looked_at_changed_and_taken_back(console: Console, token: str) -> None:
    opt_out(console)
    asked = {"filter": {"campaign": "campaign-1"}, "status": "Active"}
    seen = told(console.ask("POST", "/v1/recipients/bulk/preview", token, json=asked))
    assert seen["recipients"] == 2
    assert seen["status"] == {
        "changes": {}, "same": 1, "refused": 1, "refused_first": [ANNA],
        "waiting": 0, "waiting_first": [], "settled": 0, "seen": 0,
    }  # fmt: skip
    asked = {"ids": [id_of(console), id_of(console, BEN)], "status": "Interested"}
    done = told(console.ask("POST", "/v1/recipients/bulk", token, json=asked))
    assert (done["done"], console.status(), console.status(BEN)) == (2, "Interested", "Interested")
    (act,) = told(console.ask("GET", "/v1/bulk-acts", token))["rows"]
    assert (act["id"], act["kind"], act["count"], act["undone_at"]) == (done["id"], "status", 2, None)
    path = f"/v1/bulk-acts/{act['id']}/undo"
    assert told(console.ask("POST", path, token, json={})) == {"done": 2, "left": {}}
    assert (console.status(), console.status(BEN)) == ("Removed", "Active")
    assert console.ask("POST", path, token, json={}).status_code == 409


def test_addresses_of_many_are_added_and_lifted(console: Console, token: str) -> None:
    opt_out(console)
    asked: dict[str, Any] = {"filter": {"campaign": "campaign-1", "unlisted": True}, "do_not_email": "lift"}
    seen = told(console.ask("POST", "/v1/recipients/bulk/preview", token, json=asked))
    entry = seen["do_not_email"].pop("seen")
    expected = {"new": 1, "live": 1, "opted_out": 1, "opted_out_first": [ANNA]}
    assert (seen["do_not_email"], seen["status"]) == (expected, None)
    early = told(console.ask("POST", "/v1/recipients/bulk", token, json=asked | {"why": "x", "seen": entry - 1}))
    assert (early["done"], early["newer"]) == (0, 1)
    asked["seen"] = entry
    assert console.ask("POST", "/v1/recipients/bulk", token, json=asked).status_code == 409
    lifted = told(console.ask("POST", "/v1/recipients/bulk", token, json=asked | {"why": "she came back"}))
    assert (lifted["done"], lifted["same"]) == (1, 1)
    added = told(console.ask("POST", "/v1/recipients/bulk", token, json=asked | {"do_not_email": "add"}))
    assert added["done"] == 2
    row = told(console.ask("GET", f"/v1/recipients/{id_of(console)}", token))
    assert row["do_not_email"] == [ANNA]


def test_who_names_what_was_seen_decides_over_no_newer_mail(console: Console, token: str) -> None:
    path = f"/v1/recipients/{id_of(console)}"
    row = told(console.ask("GET", path, token))
    asked: dict[str, Any] = {"ids": [row["id"]], "status": "Not Interested"}
    looked = told(console.ask("POST", "/v1/recipients/bulk/preview", token, json=asked))["status"]
    assert (row["seen"], looked["seen"]) == (0, 0)
    take_in(console.engine, a_mail(a_reply(), answers=("anna-1-1@us",), from_address=ANNA))
    done = told(console.ask("POST", "/v1/recipients/bulk", token, json=asked | {"seen": looked["seen"]}))
    assert (done["done"], done["came"], done["id"]) == (0, 1, None)
    asked = {"status": "Not Interested", "seen": row["seen"]}
    refused = console.ask("POST", f"{path}/status", token, json=asked)
    assert (refused.status_code, "came since you looked" in refused.text) == (409, True)
    asked["seen"] = told(console.ask("GET", path, token))["seen"]
    assert told(console.ask("POST", f"{path}/status", token, json=asked))["status"] == "Not Interested"


def test_a_possible_opt_out_is_answered_first(console: Console, token: str) -> None:
    take_in(console.engine, a_mail(a_reply(ReplyClass.UNSUBSCRIBED, sure=False), answers=("anna-1-1@us",)))
    refused = console.ask("POST", f"/v1/recipients/{id_of(console)}/status", token, json={"status": "Interested"})
    assert (refused.status_code, "may have asked to be removed" in refused.text) == (409, True)
    asked = {"ids": [id_of(console)], "status": "Interested"}
    assert told(console.ask("POST", "/v1/recipients/bulk", token, json=asked))["waiting"] == 1


def test_what_cannot_be_meant_is_refused(console: Console, token: str) -> None:
    for asked in (
        {"status": "Active"},
        {"ids": [1], "filter": {}, "status": "Active"},
        {"ids": [1]},
        {"ids": [1], "status": "Active", "do_not_email": "add"},
        {"ids": [2**63], "status": "Active"},
    ):
        for path in ("/v1/recipients/bulk", "/v1/recipients/bulk/preview"):
            assert console.ask("POST", path, token, json=asked).status_code == 422


def test_another_teams_recipients_are_not_found(console: Console) -> None:
    theirs = console.token(THEIRS, "crm", ["edit"])
    path = f"/v1/recipients/{id_of(console)}"
    assert told(console.ask("GET", "/v1/recipients", theirs))["rows"] == []
    assert console.ask("GET", path, theirs).status_code == 404
    assert console.ask("POST", f"{path}/status", theirs, json={"status": "Bounced"}).status_code == 404
    assert console.ask("POST", f"{path}/undo", theirs, json={}).status_code == 404
    asked = {"ids": [id_of(console)], "status": "Bounced"}
    assert console.ask("POST", "/v1/recipients/bulk", theirs, json=asked).status_code == 404
    ours = console.token(OURS, "crm", ["edit"])
    done = told(console.ask("POST", "/v1/recipients/bulk", ours, json=asked))
    assert console.ask("POST", f"/v1/bulk-acts/{done['id']}/undo", theirs, json={}).status_code == 404
    assert console.status() == "Bounced"


def test_who_may_only_read_changes_nothing(console: Console) -> None:
    reader = console.token(OURS, "report", ["view"])
    path = f"/v1/recipients/{id_of(console)}"
    assert console.ask("GET", path, reader).status_code == 200
    assert console.ask("POST", f"{path}/status", reader, json={"status": "Bounced"}).status_code == 403
