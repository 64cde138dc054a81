"""Contacts and mail for programs: what the pages show, and saying that two addresses are one person."""

from __future__ import annotations

from dataclasses import replace
from http import HTTPStatus
from typing import Any

from classifier.verdict import Evidence, OptOut, Reply, ReplyClass
from tests.console.conftest import ANNA, BEN, THEIRS, Console
from tests.worker.small_world import a_mail, a_reply, take_in

REPLY = Reply(
    reply_class=ReplyClass.INTERESTED,
    confidence=0.9,
    sure=True,
    probabilities={"Interested": 0.9},
    visible_text="Please send me a time",
    evidence=(Evidence("classifier", "words: send me"),),
)
SAME = f"/v1/contacts/{ANNA}/same-person"


def got(console: Console, path: str, token: str) -> Any:
    answer = console.ask("GET", path, token)
    assert answer.status_code == HTTPStatus.OK, answer.text
    return answer.json()


def test_contacts_are_listed_page_by_page(console: Console) -> None:
    take_in(console.engine, a_mail(OptOut(), answers=("anna-1-1@us",)))
    token = console.token(scopes=["view"])
    first = got(console, "/v1/contacts?limit=1", token)
    assert first["rows"][0] | {"id": 0} == {
        "id": 0,
        "address": ANNA,
        "do_not_email": [{"target": ANNA, "reason": "unsubscribe reply"}],
        "campaigns": 2,
        "statuses": ["Removed", "Unsubscribed"],
    }
    second = got(console, f"/v1/contacts?limit=1&after={first['next']}", token)
    assert ([row["address"] for row in second["rows"]], second["next"]) == ([BEN], None)
    assert [row["address"] for row in got(console, "/v1/contacts?contact=Active", token)["rows"]] == [BEN]
    assert console.ask("GET", "/v1/contacts?after=nothing", token).status_code == HTTPStatus.CONFLICT


def test_a_story_holds_mail_reasons_and_changes(console: Console) -> None:
    take_in(console.engine, a_mail(REPLY, answers=("anna-1-1@us",)))
    story = got(console, f"/v1/contacts/{ANNA.upper()}", console.token(scopes=["view"]))
    assert (story["address"], story["contact"], story["entries"]) == (ANNA, "Active", [])
    first, *_ = story["recipients"]
    assert (first["campaign"], first["status"], first["sequence"]) == ("campaign-1", "Interested", "ended")
    (mail,) = (each for each in first["story"] if each["event"] == "reply")
    assert (mail["message"], mail["class"], mail["verdict"]) == (1, "Interested", "reply")
    assert (mail["changes"][0]["from"], mail["changes"][0]["to"]) == ("Active", "Interested")


def test_a_mail_holds_its_marked_words_and_whom_it_changed(console: Console) -> None:
    take_in(console.engine, a_mail(REPLY, answers=("anna-1-1@us",)), replace(a_mail(a_reply()), subject="Lunch?"))
    token = console.token(scopes=["view"])
    mail = got(console, "/v1/messages/1", token)
    assert [piece["text"] for piece in mail["own"] if piece["marked"]] == ["send me"]
    assert mail["evidence"] == [{"detector": "classifier", "because": "words: send me"}]
    (effect,) = mail["effects"]
    assert (effect["address"], effect["changes"][0]["to"]) == (ANNA, "Interested")
    (row,) = got(console, "/v1/messages", token)["rows"]
    assert (row["subject"], row["state"], row["verdict"], row["class"]) == (
        "Lunch?",
        "unmatched",
        "reply",
        "Interested",
    )


def test_two_addresses_are_said_to_be_one_person_and_two_again(console: Console) -> None:
    token = console.token(scopes=["edit"])
    answer = console.ask("POST", SAME, token, json={"second": "anna@home.example", "why": "she said so"})
    assert (answer.status_code, answer.json()) == (HTTPStatus.OK, {"changes": []})
    story = got(console, "/v1/contacts/anna@home.example", token)
    (other,) = story["other_addresses"]
    assert (story["address"], other["address"], other["why"]) == (ANNA, "anna@home.example", "she said so")
    assert other["by"].endswith("sender")
    assert console.ask("POST", SAME, token, json={"second": "anna@home.example"}).status_code == HTTPStatus.CONFLICT
    console.ask("POST", SAME, token, json={"second": "anna@home.example", "same": False})
    assert console.ask("GET", "/v1/contacts/anna@home.example", token).status_code == HTTPStatus.NOT_FOUND


def test_other_teams_and_lesser_tokens_get_nothing(console: Console) -> None:
    take_in(console.engine, a_mail(a_reply()))
    theirs = console.token(THEIRS, scopes=["edit"])
    asked = {"second": "anna@home.example"}
    for method, path in (("GET", f"/v1/contacts/{ANNA}"), ("GET", "/v1/messages/1"), ("POST", SAME)):
        answer = console.ask(method, path, theirs, **({"json": asked} if method == "POST" else {}))
        assert answer.status_code == HTTPStatus.NOT_FOUND, path
    assert got(console, "/v1/contacts", theirs)["rows"] == got(console, "/v1/messages", theirs)["rows"] == []
    reader = console.token(name="reader", scopes=["view"])
    assert console.ask("POST", SAME, reader, json=asked).status_code == HTTPStatus.FORBIDDEN
