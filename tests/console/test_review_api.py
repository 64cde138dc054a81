"""`/v1/reviews`: the same questions and answers for programs."""

from __future__ import annotations

from datetime import timedelta

from tests.console.conftest import THEIRS, Console
from tests.console.test_review_page import ask


def test_open_questions_are_listed_page_by_page(console: Console) -> None:
    items = [ask(console, to, 0.1 * (n + 1)) for n, to in enumerate(("anna-1-0@us", "ben-1-0@us", "ben-2-0@us"))]
    token = console.token(scopes=["edit"])
    first = console.ask("GET", "/v1/reviews?limit=2&order=teach", token).json()
    assert [row["id"] for row in first["rows"]] == items[:2]
    rest = console.ask("GET", f"/v1/reviews?limit=2&order=teach&after={first['next']}", token).json()
    assert ([row["id"] for row in rest["rows"]], rest["next"]) == (items[2:], None)
    assert rest["rows"][0]["kind"] == "low confidence"
    assert rest["rows"][0]["guess"] == "Interested"
    some = console.ask("GET", "/v1/reviews?campaign=campaign-1&kind=low+confidence", token).json()
    assert [row["id"] for row in some["rows"]] == items[:2]


def test_a_question_is_answered_once_and_the_answer_taken_back(console: Console) -> None:
    item = ask(console)
    token = console.token(scopes=["edit"])
    path = f"/v1/reviews/{item}"
    settled = console.ask("POST", f"{path}/resolve", token, json={"answer": "Not Interested", "why": "says so"}).json()
    assert (settled["status"], settled["settled_at"] is None) == ("Not Interested", False)
    again = console.ask("POST", f"{path}/resolve", token, json={"answer": "Engaged"})
    assert (again.status_code, "somebody has settled it" in again.json()["detail"]) == (409, True)
    undone = console.ask("POST", f"{path}/undo", token, json={}).json()
    assert (undone["status"], undone["settled_at"]) == ("Engaged", None)
    assert console.ask("POST", f"{path}/undo", token, json={}).status_code == 409
    assert console.ask("POST", f"{path}/resolve", token, json={"answer": "Active"}).status_code == 422


def test_an_old_opt_out_is_taken_back_with_a_reason_only(console: Console) -> None:
    path = f"/v1/reviews/{ask(console)}"
    token = console.token(scopes=["edit"])
    console.ask("POST", f"{path}/resolve", token, json={"answer": "Unsubscribed"})
    console.now += timedelta(days=200)
    refused = console.ask("POST", f"{path}/undo", token, json={})
    assert (refused.status_code, "needs a reason" in refused.json()["detail"]) == (409, True)
    undone = console.ask("POST", f"{path}/undo", token, json={"why": "another list was meant"})
    assert (undone.status_code, undone.json()["status"]) == (200, "Engaged")


def test_another_team_and_another_scope_get_nothing(console: Console) -> None:
    item = ask(console)
    theirs, viewer = console.token(THEIRS, scopes=["edit"]), console.token(name="looks", scopes=["view"])
    assert console.ask("GET", "/v1/reviews", theirs).json()["rows"] == []
    for method, path, body in (
        ("GET", "", None),
        ("POST", "/resolve", {"answer": "Interested"}),
        ("POST", "/undo", {}),
    ):
        asked = {"json": body} if body is not None else {}
        assert console.ask(method, f"/v1/reviews/{item}{path}", theirs, **asked).status_code == 404
        assert console.ask(method, f"/v1/reviews/{item}{path}", viewer, **asked).status_code == 403
