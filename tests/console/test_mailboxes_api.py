"""Mailboxes for programs: the same acts as on the pages, and no secret in any answer."""

from __future__ import annotations

from typing import Any

import pytest

from models.session import reading, transaction
from models.tables.handling import AsideMessage
from models.tables.mail import InboundMessage, MessageState
from models.tables.mailboxes import Mailbox, SignIn
from tests.console.conftest import ANNA, OURS, THEIRS, Console
from tests.worker.small_world import BOX, NOW
from worker.secrets.vault import Vault, new_key

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
NEW = {"name": "nora@outreach.example", "host": "imap.outreach.example", "password": "canary-password"}
RAW = (
    b"From: anna@client.example\r\nSubject: Re: Question 1\r\nMessage-ID: <1@client.example>\r\n"
    b"In-Reply-To: <anna-1-0@us>\r\n\r\nPlease remove me from your list.\r\n"
)


@pytest.fixture
def console(console: Console) -> Console:
    console.settings["secret_keys"] = new_key()
    return console


@pytest.fixture
def token(console: Console) -> str:
    return console.token(scopes=["admin"])


def done(console: Console, token: str, method: str, path: str, json: Any = None, **more: Any) -> Any:
    answer = console.ask(method, f"/v1{path}", token, json=json, **more)
    assert answer.status_code == 200, answer.text
    assert "canary" not in answer.text
    return answer.json()


def stored(console: Console, mailbox_id: int) -> Mailbox:
    with reading(console.engine) as session:
        return session.get_one(Mailbox, mailbox_id)


def test_a_mailbox_is_added_changed_paused_resumed_and_removed(console: Console, token: str) -> None:
    made = done(console, token, "POST", "/mailboxes", NEW | {"security": "starttls", "folders": ["News"]})
    assert (made["state"], made["port"], made["username"]) == ("not polled yet", 143, NEW["name"])
    there = f"/mailboxes/{made['id']}"
    password = stored(console, made["id"]).password
    assert Vault((console.settings["secret_keys"],)).open(password) == NEW["password"]
    changed = done(console, token, "POST", there, {"bounces_to": "Handled", "read_junk": False})
    assert changed == made | {"bounces_to": "Handled", "read_junk": False}
    assert done(console, token, "POST", there, {"bounces_to": ""})["bounces_to"] is None
    assert done(console, token, "POST", f"{there}/pause")["state"] == "paused"
    assert done(console, token, "POST", f"{there}/resume")["paused_at"] is None
    assert done(console, token, "POST", f"{there}/remove") == {"done": True}
    assert console.ask("GET", f"/v1{there}", token).status_code == 404


def test_a_stored_password_is_shown_to_no_other_server(console: Console, token: str) -> None:
    made = done(console, token, "POST", "/mailboxes", NEW)
    there = f"/mailboxes/{made['id']}"
    refused = console.ask("POST", f"/v1{there}", token, json={"host": "imap.elsewhere.example"})
    assert (refused.status_code, "give the password again" in refused.json()["detail"]) == (409, True)
    moved = {"host": "imap.elsewhere.example", "password": "canary-2"}
    assert done(console, token, "POST", there, moved)["host"] == moved["host"]


def test_no_program_leads_the_daemon_inside_or_to_its_files(console: Console, token: str) -> None:
    inside = {"host": "inside.example", "password": "canary-2"}
    for path in ("/v1/mailboxes", "/v1/mailboxes/1"):
        added = NEW if path == "/v1/mailboxes" else {}
        refused = console.ask("POST", path, token, json=added | inside)
        assert (refused.status_code, "INBOX_MAILBOX_PRIVATE_HOSTS" in refused.json()["detail"]) == (409, True)
        assert console.ask("POST", path, token, json=added | {"ca_file": "/etc/passwd"}).status_code == 422
    assert stored(console, 1).host != inside["host"]
    console.settings["mailbox_private_hosts"] = True
    assert done(console, token, "POST", "/mailboxes", NEW | inside)["host"] == inside["host"]


def test_the_answer_that_an_idempotency_key_keeps_holds_no_secret(console: Console, token: str) -> None:
    headers = {"Idempotency-Key": '"one"'}
    first = done(console, token, "POST", "/mailboxes", NEW, headers=headers)
    assert done(console, token, "POST", "/mailboxes", NEW, headers=headers) == first
    assert [row["name"] for row in done(console, token, "GET", "/mailboxes")["rows"]] == [BOX.name, NEW["name"]]


def test_mailboxes_are_listed_with_what_is_wrong_and_what_to_do(console: Console) -> None:
    with transaction(console.engine) as session:
        shared = {"team_id": OURS, "host": "h", "port": 993, "username": "u", "password": "canary"}
        session.add(Mailbox(name="a@a.example", failures=5, last_error="no answer", last_success_at=NOW, **shared))
        session.add(Mailbox(name="b@a.example", stopped_at=NOW, sign_in=SignIn.MICROSOFT, **shared))
    token = console.token(scopes=["view"])
    ill = done(console, token, "GET", "/mailboxes?ill=true&limit=1")
    (row,) = ill["rows"]
    assert (row["state"], row["last_error"], row["delay_seconds"]) == ("failing", "no answer", 0)
    assert row["next_step"].startswith("Check it")
    (row,) = done(console, token, "GET", f"/mailboxes?ill=true&after={ill['next']}")["rows"]
    assert (row["name"], "Sign in with Microsoft anew" in row["next_step"]) == ("b@a.example", True)
    facts = done(console, token, "GET", f"/mailboxes/{row['id']}")
    assert (facts["read_to"], [each["octets"] for each in facts["traffic"]]) == ([], [0, 0])


def test_work_is_asked_for_watched_and_stopped(console: Console, token: str) -> None:
    asked = done(console, token, "POST", "/mailboxes/1/requests", {"wish": "backfill", "since": "2026-05-01"})
    assert (asked["state"], asked["open"], asked["by"]) == ("waiting", True, "api: sender")
    assert done(console, token, "GET", "/mailboxes/1/requests")["rows"] == [asked]
    assert done(console, token, "GET", f"/requests/{asked['id']}") == asked
    assert done(console, token, "POST", f"/requests/{asked['id']}/stop")["state"] == "stopped"
    late = console.ask("POST", "/v1/mailboxes/1/requests", token, json={"wish": "backfill", "since": "2099-01-01"})
    assert (late.status_code, "still to come" in late.json()["detail"]) == (409, True)


def test_mail_set_aside_is_listed_and_tried_again(console: Console, token: str) -> None:
    with transaction(console.engine) as session:
        mail = InboundMessage(
            mailbox_id=1, folder="INBOX", uidvalidity=1, uid=1, state=MessageState.SET_ASIDE, arrived_at=NOW, size=1,
            content_hash="x", from_address=ANNA, subject="Re: Question 1", error="a bug", recorded_at=NOW,
        )  # fmt: skip
        session.add(mail)
        session.flush()
        session.add(AsideMessage(message_id=mail.id, raw=RAW, last_attempt_at=NOW))
    (row,) = done(console, token, "GET", "/mailboxes/1/aside")["rows"]
    assert (row["error"], row["attempts"]) == ("a bug", 1)
    tried = done(console, token, "POST", f"/messages/{row['id']}/retry")
    assert (tried["fared_well"], tried["error"], tried["changes"]) == (True, None, 2)
    assert console.status() == "Unsubscribed"
    assert done(console, token, "GET", "/mailboxes/1/aside")["rows"] == []


def test_another_teams_mailboxes_are_not_there(console: Console, token: str) -> None:
    asked = done(console, token, "POST", "/mailboxes/1/requests", {"wish": "check"})
    theirs = console.token(THEIRS, scopes=["admin"])
    assert done(console, theirs, "GET", "/mailboxes")["rows"] == []
    for path in ("/mailboxes/1", "/mailboxes/1/requests", f"/requests/{asked['id']}", "/mailboxes/1/aside"):
        assert console.ask("GET", f"/v1{path}", theirs).status_code == 404, path
    acts: dict[str, Any] = {
        "/mailboxes/1": {}, "/mailboxes/1/pause": None, "/mailboxes/1/resume": None, "/mailboxes/1/remove": None,
        "/mailboxes/1/requests": {"wish": "check"}, f"/requests/{asked['id']}/stop": None,
    }  # fmt: skip
    for path, body in acts.items():
        assert console.ask("POST", f"/v1{path}", theirs, json=body).status_code == 404, path
    assert stored(console, 1).paused_at is None
