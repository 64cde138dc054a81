"""The sending side: campaigns, recipients, sends and what became of them, suppression checks; teams apart."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from models.events import DneReason
from models.session import reading, transaction
from models.tables.mailboxes import Mailbox
from models.tables.mailing import Campaign, Contact, Recipient, SentMessage
from tests.console.conftest import ANNA, BEN, OURS, PUBLIC_URL, THEIRS, Console
from tests.databases import database_url as database_url  # noqa: PLC0414 - on both databases
from tests.worker.small_world import BOX, SENT_AT
from worker.act import Act
from worker.acts.do_not_email import add_dne

AT = (SENT_AT + timedelta(days=2)).isoformat()


def post(console: Console, path: str, body: Any, team: int = OURS, status: int = 200) -> Any:
    headers = {"Content-Type": "application/json"}
    token = console.token(team, f"t{next(NUMBERS)}")
    answer = console.ask("POST", path, token, content=json.dumps(body), headers=headers)
    assert answer.status_code == status, answer.text
    return answer.json()


NUMBERS = iter(range(10_000))


def tell(console: Console, *rows: dict[str, Any], team: int = OURS, status: int = 200) -> Any:
    return post(console, "/v1/events", {"events": list(rows)}, team, status)


def ban(console: Console, target: str, team: int = OURS) -> None:
    with transaction(console.engine) as session:
        add_dne(session, team, {target: None}, DneReason.MANUAL, Act("petra", console.now))


def count(console: Console, table: type[Any]) -> int:
    with reading(console.engine) as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def a_send(to: str = "clara@new.example", **more: Any) -> dict[str, Any]:
    return {"event": "sent", "campaign": "autumn", "to": to, "sent_at": AT, "send_id": f"s-{to}"} | more


def test_a_campaign_is_made_and_changed(console: Console) -> None:
    made = post(console, "/v1/campaigns", {"key": "autumn", "auto_response": "pause"})
    assert made == {
        "created": True, "key": "autumn", "name": "autumn", "stop_on_reply": True, "auto_response": "pause",
        "auto_response_days": 3, "policy_version": 1,
    }  # fmt: skip
    changed = post(console, "/v1/campaigns", {"key": "autumn", "name": "Autumn", "stop_on_reply": False})
    assert changed == made | {"created": False, "name": "Autumn", "stop_on_reply": False, "policy_version": 2}
    assert post(console, "/v1/campaigns", {"key": "autumn"}) == changed


def test_a_key_of_learnt_sends_is_no_campaign(console: Console) -> None:
    (error,) = post(console, "/v1/campaigns", {"key": "learnt:x"}, status=422)["errors"]
    assert "'learnt:' begins the campaigns of mail that was found in a Sent folder" in error["says"]


def test_a_row_of_very_many_fields_is_one_error(console: Console) -> None:
    row = {"event": "opened", "at": "2026-05-05T09:00:00Z", "send_id": "anna-1-0"} | {f"f{n}": n for n in range(5_000)}
    said = post(console, "/v1/events", {"events": [row]}, status=422)
    assert ["more than 20 fields" in error["says"] for error in said["errors"]] == [True]


def test_very_many_bad_values_are_one_error(console: Console) -> None:
    row = {"event": "sent"} | {f"f{number}": number for number in range(19)}
    (error,) = tell(console, *[row] * 1_000, status=422)["errors"]
    assert "has 22000 values that cannot be used" in error["says"]


def test_names_that_a_stranger_made_long_are_told_short(console: Console) -> None:
    for row in (a_send() | {"x" * 100_000: 1}, {"event": "x" * 100_000}):
        (error,) = tell(console, row, status=422)["errors"]
        assert len(error["field"] + error["says"]) < 1_100


def test_recipients_join_with_their_links_unless_they_may_not_be_mailed(console: Console) -> None:
    ban(console, "banned.example")
    with transaction(console.engine) as session:
        session.get_one(Mailbox, 1).opt_out_aliases = ["out@outreach.example"]
    asked = {
        "campaign": "campaign-1", "addresses": ["Clara@New.example", ANNA, "x@sub.banned.example", "nobody", ANNA],
    }  # fmt: skip
    said = post(console, "/v1/recipients", asked)
    assert [each["state"] for each in said["recipients"]] == ["joined", "known", "refused", "refused", "known"]
    assert (said["joined"], said["known"], said["refused"]) == (1, 2, 2)
    clara, _, banned, *_ = said["recipients"]
    assert clara["address"] == "clara@new.example"
    assert clara["unsubscribe"].startswith(f"{PUBLIC_URL}/u/")
    token = clara["unsubscribe"].rpartition("/")[2]
    assert clara["list_unsubscribe"] == (
        f"<{clara['unsubscribe']}>, <mailto:out@outreach.example?subject=unsubscribe%20{token}>"
    )
    assert clara["list_unsubscribe_post"] == "List-Unsubscribe=One-Click"
    assert "banned.example" in banned["says"]
    assert banned["unsubscribe"] is None
    console.ask("POST", f"/u/{token}", data={"confirm": "yes"})
    assert console.status("clara@new.example") == "Unsubscribe link"


def test_recipients_join_without_links_where_none_can_be_made(console: Console) -> None:
    console.settings.clear()
    said = post(console, "/v1/recipients", {"campaign": "campaign-1", "addresses": ["clara@new.example"]})
    assert said["recipients"][0]["state"] == "joined"
    assert said["recipients"][0]["unsubscribe"] is None


def test_recipients_of_an_unknown_campaign_are_refused(console: Console) -> None:
    asked = {"campaign": "nowhere", "addresses": ["clara@new.example"]}
    said = post(console, "/v1/recipients", asked, status=404)["detail"]
    assert said == "no campaign 'nowhere'; make it first: POST /v1/campaigns"
    assert count(console, Contact) == 2


def test_a_suppression_check_names_the_reason(console: Console) -> None:
    ban(console, "banned.example")
    ban(console, ANNA)
    said = post(console, "/v1/suppressions/check", {"addresses": ["A@sub.Banned.example", BEN, ANNA.upper()]})
    assert [(each["address"], each["because"][0]["target"]) for each in said["suppressed"]] == [
        ("A@sub.Banned.example", "banned.example"), (ANNA.upper(), ANNA),
    ]  # fmt: skip
    assert said["suppressed"][1]["because"][0]["reason"] == "manual"


def test_sends_are_taken_in_once(console: Console) -> None:
    rows = [a_send(), a_send("dora@new.example", mailbox=BOX.name, message_ids=["<d1@us>", "d2@us"])]
    assert tell(console, *rows) == {"new": 2, "known": 0, "unknown": 0, "unknown_rows": []}
    assert tell(console, *rows) == {"new": 0, "known": 2, "unknown": 0, "unknown_rows": []}
    assert console.status("clara@new.example", "autumn") == "Active"


def test_what_became_of_sends_is_taken_in_once_and_unknown_ones_are_named(console: Console) -> None:
    rows = [
        {"event": "opened", "send_id": "nothing", "at": AT},
        {"event": "delivered", "send_id": "anna-1-0", "at": AT},
        {"event": "opened", "message_id": "<anna-1-1@us>", "at": AT},
        {"event": "clicked", "send_id": "ben-1-0", "at": AT, "link": "https://us.example/a"},
        {"event": "clicked", "send_id": "ben-1-0", "at": AT, "link": "https://us.example/b"},
        {"event": "delivered", "send_id": "s-clara@new.example", "at": AT},
        a_send(),
        {"event": "delivered", "message_id": "nowhere@us", "at": AT},
    ]
    assert tell(console, *rows) == {"new": 6, "known": 0, "unknown": 2, "unknown_rows": [0, 7]}
    assert tell(console, *rows) == {"new": 0, "known": 6, "unknown": 2, "unknown_rows": [0, 7]}
    assert len(console.events("delivered", "opened", "clicked")) == 5
    assert {each.link for each in console.events("clicked")} == {"https://us.example/a", "https://us.example/b"}


def test_an_event_with_an_id_of_its_own_is_known_by_it(console: Console) -> None:
    row = {"event": "opened", "send_id": "anna-1-0", "at": AT, "id": "e-1"}
    later = row | {"at": (SENT_AT + timedelta(days=3)).isoformat()}
    assert tell(console, row, later, later | {"id": "e-2"})["new"] == 2


def test_a_mail_to_several_people_is_told_apart_by_the_address(console: Console) -> None:
    shared = {"message_ids": ["shared@us"], "campaign": "autumn"}
    tell(console, *(a_send(each, **shared) for each in ("clara@new.example", "dora@new.example")))
    row = {"event": "opened", "message_id": "shared@us", "at": AT}
    assert tell(console, row)["unknown_rows"] == [0]
    assert tell(console, row | {"to": "dora@new.example"})["new"] == 1


def test_a_hard_rejection_of_a_known_send_bans_the_address(console: Console) -> None:
    said = {"code": "550 5.1.1", "reply": "No such\x00 user"}
    tell(console, {"event": "rejected", "kind": "hard", "send_id": "anna-1-1", "at": AT} | said)
    assert console.status() == "Bounced"
    (event,) = console.events("bounce")
    assert event.because == ["refused while it was sent: 550 5.1.1 No such\ufffd user"]
    assert event.actor.startswith("api: ")


@pytest.mark.parametrize(("kind", "status"), [("hard", "Bounced"), ("soft", "Active"), ("policy", "Active")])
def test_a_rejection_of_a_mail_that_was_attempted_counts(console: Console, kind: str, status: str) -> None:
    row = {"event": "rejected", "kind": kind, "campaign": "autumn", "to": "clara@new.example", "sent_at": AT}
    assert tell(console, row) == {"new": 1, "known": 0, "unknown": 0, "unknown_rows": []}
    assert tell(console, row)["known"] == 1
    assert console.status("clara@new.example", "autumn") == status
    assert count(console, SentMessage) == 9


@pytest.mark.parametrize("ids", [{"message_id": "anna-1-1@us"}, {"send_id": "x", "message_id": "anna-1-1@us"}])
def test_a_rejection_of_a_mail_known_by_its_message_id_is_no_second_send(console: Console, ids: dict[str, str]) -> None:
    row = {"event": "rejected", "kind": "hard", "campaign": "campaign-1", "to": ANNA, "sent_at": AT} | ids
    assert tell(console, row)["new"] == 1
    assert count(console, SentMessage) == 8
    assert console.events("bounce")[0].send_id == "anna-1-1"


def test_nobody_is_banned_by_a_rejection_that_names_no_send(console: Console) -> None:
    assert tell(console, {"event": "rejected", "kind": "hard", "send_id": "no", "to": ANNA, "at": AT})["unknown"] == 1
    assert console.status() == "Active"


def test_a_thousand_bad_rows_are_counted_and_the_first_are_shown(console: Console) -> None:
    rows = [a_send(f"c{number}@new.example") for number in range(1_000)]
    for number in range(500, 1_000):
        rows[number] = rows[number] | {"to": "nobody", "sent_at": "yesterday"}
    said = tell(console, *rows, status=422)
    assert said["bad_rows"] == 500
    assert {each["row"] for each in said["errors"]} == set(range(500, 520))
    assert {each["field"] for each in said["errors"]} == {"to", "sent_at"}
    assert "nothing was written" in said["detail"]
    assert count(console, SentMessage) == 8


BAD_SENDS = [
    {"sent_at": "2026-05-04T09:30:00"}, {"sent_at": 1_700_000_000}, {"sent_at": "0001-01-01T00:00:00+14:00"},
    {"sent_at": "9999-12-31T23:59:59-14:00"}, {"send_id": None}, {"send_id": " "}, {"send_id": "a\x00"},
    {"campaign": "x" * 201}, {"to": "a b@c.example"}, {"to": "a\ud800@c.example"}, {"subject": "\ud800"},
    {"message_ids": ["a b"]}, {"message_ids": ["<>"]}, {"mailbox": "nobody"}, {"unknown": 1},
]  # fmt: skip
BAD_EVENTS = [
    {}, None, 7, [], {"event": "seen"}, {"event": "opened", "at": AT}, {"event": "opened", "send_id": "a", "at": None},
    {"event": "clicked", "send_id": "anna-1-0", "at": AT}, {"event": "rejected", "kind": "hard", "send_id": "anna-1-0"},
    {"event": "rejected", "kind": "odd", "send_id": "anna-1-0", "at": AT},
]  # fmt: skip


@pytest.mark.parametrize("row", [*(a_send(**each) for each in BAD_SENDS), *BAD_EVENTS])
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_bad_row_is_refused_with_its_number(console: Console, row: Any) -> None:
    said = tell(console, a_send(), row, status=422)
    assert said["bad_rows"] == 1
    assert {each["row"] for each in said["errors"]} == {1}
    assert count(console, SentMessage) == 8


def test_one_send_id_for_mails_to_two_people_is_refused(console: Console) -> None:
    said = tell(console, a_send(send_id="one"), a_send("dora@new.example", send_id="one"), status=422)
    assert said["errors"] == [
        {"row": 1, "field": "send_id", "says": "'one' stands for a mail to clara@new.example in this batch"}
    ]
    assert "anna-1-0" in tell(console, a_send(send_id="anna-1-0"), status=409)["detail"]


@pytest.mark.parametrize("body", [b"", b"{", b"null", b"[]", b"\xff", b"[" * 100_000, b'{"events": []}'])
def test_a_body_that_is_no_request_is_refused(console: Console, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    answer = console.ask("POST", "/v1/events", console.token(), content=body, headers=headers)
    assert answer.status_code in {400, 422}
    assert answer.headers["content-type"] == "application/problem+json"


def test_more_rows_than_a_request_may_have_are_refused(console: Console) -> None:
    said = post(console, "/v1/suppressions/check", {"addresses": ["a@b.example"] * 10_001}, status=422)
    assert "bad_rows" not in said


def test_what_happened_in_the_future_happened_now(console: Console) -> None:
    tell(console, {"event": "opened", "send_id": "anna-1-0", "at": "2027-01-01T00:00:00Z"})
    assert console.events("opened")[0].happened_at == console.now


def test_another_team_sees_and_changes_nothing(console: Console) -> None:
    ban(console, BEN)
    before = {table: count(console, table) for table in (Campaign, Contact, Recipient)}
    rows = [
        {"event": "rejected", "kind": "hard", "send_id": "anna-1-0", "at": AT},
        {"event": "opened", "message_id": "anna-1-0@us", "at": AT},
    ]
    assert tell(console, *rows, team=THEIRS) == {"new": 0, "known": 0, "unknown": 2, "unknown_rows": [0, 1]}
    assert post(console, "/v1/suppressions/check", {"addresses": [BEN]}, THEIRS) == {"suppressed": []}
    post(console, "/v1/recipients", {"campaign": "campaign-1", "addresses": [ANNA]}, THEIRS, 404)
    tell(console, a_send(ANNA, mailbox=BOX.name), team=THEIRS, status=422)
    assert before == {table: count(console, table) for table in (Campaign, Contact, Recipient)}
    assert console.status() == "Active"
    # The same keys and ids may be used by both; each has its own.
    post(console, "/v1/campaigns", {"key": "campaign-1", "name": "theirs"}, THEIRS)
    row = a_send(ANNA, campaign="campaign-1", send_id="anna-1-0", message_ids=["anna-1-0@us"])
    reject = {"event": "rejected", "kind": "hard", "send_id": "anna-1-0", "at": AT}
    assert tell(console, row, reject, team=THEIRS)["new"] == 2
    assert console.linked(team_id=OURS).recipient_id != console.linked(team_id=THEIRS).recipient_id
    with reading(console.engine) as session:
        assert session.get_one(Recipient, console.linked().recipient_id).status.value == "Active"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_ten_thousand_events_are_one_request(console: Console) -> None:
    row = {"event": "opened", "send_id": "anna-1-0", "at": AT}
    known = [row | {"id": f"e{number}"} for number in range(1_500)]
    said = tell(console, *known, *(row | {"send_id": f"no-{number}"} for number in range(8_500)))
    assert (said["new"], said["unknown"], said["unknown_rows"][-1]) == (1_500, 8_500, 9_999)
