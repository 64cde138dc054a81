"""The unsubscribe link: looking changes nothing, one press does, and a token hits nobody else."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import func, select, text

from console import people
from models.events import DneReason
from models.session import reading, transaction
from models.tables.mailing import Campaign, Contact
from models.tables.standing import DneEntry
from tests.console.conftest import ANNA, BEN, KEY, OLD_KEY, OURS, Console
from tests.databases import database_url as database_url  # noqa: PLC0414 - on both databases
from worker.act import Act
from worker.acts.do_not_email import lift_dne
from worker.matching.links import Purpose, make_token

ONE_CLICK = "List-Unsubscribe=One-Click"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def path(console: Console, key: str = KEY, purpose: Purpose = Purpose.UNSUBSCRIBE, **whose: str) -> str:
    return f"/u/{make_token(key, purpose, console.linked(**whose))}"


def press(console: Console, where: str, body: str | bytes = ONE_CLICK, kind: str = FORM["Content-Type"]) -> int:
    return console.ask("POST", where, content=body, headers={"Content-Type": kind}).status_code


def test_looking_at_the_page_changes_nothing(console: Console) -> None:
    for method in ("GET", "HEAD", "GET"):
        answer = console.ask(method, path(console))
        assert answer.status_code == 200
    assert '<form method="post">' in answer.text
    assert console.status() == "Active"
    assert not console.events("link_opt_out")


def test_one_click_ends_every_mail_of_the_team(console: Console) -> None:
    answer = console.ask("POST", path(console), content=ONE_CLICK, headers=FORM)
    assert answer.status_code == 200
    assert "set-cookie" not in answer.headers
    assert console.status() == "Unsubscribe link"
    assert console.status(campaign="campaign-2") == "Removed"
    assert console.status(BEN) == "Active"
    (event,) = console.events("link_opt_out")
    assert (event.actor, event.because, event.happened_at) == (
        "recipient", ["unsubscribe link: one-click"], console.now,
    )  # fmt: skip
    with reading(console.engine) as session:
        (entry,) = session.scalars(select(DneEntry)).all()
    assert (entry.target, entry.reason) == (ANNA, DneReason.UNSUBSCRIBE_LINK)


def test_the_button_of_our_own_page_does_the_same(console: Console) -> None:
    assert press(console, path(console), "confirm=yes") == 200
    (event,) = console.events("link_opt_out")
    assert event.because == ["unsubscribe link: confirmed on the page"]


def test_one_click_is_understood_as_multipart_too(console: Console) -> None:
    body = '--b\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--b--\r\n'
    assert press(console, path(console), body, "multipart/form-data; boundary=b") == 200
    assert console.status() == "Unsubscribe link"


def test_pressing_again_gives_the_same_answer_and_no_second_event(console: Console) -> None:
    assert [press(console, path(console)) for _ in range(3)] == [200, 200, 200]
    assert len(console.events("link_opt_out")) == 1


def test_pressing_again_after_a_lift_counts_again(console: Console) -> None:
    press(console, path(console))
    console.now = console.now.replace(hour=12)
    with transaction(console.engine) as session:
        lift_dne(session, OURS, ANNA, Act("petra", console.now, "she asked for it"))
    console.now = console.now.replace(hour=13)
    assert press(console, path(console)) == 200
    assert len(console.events("link_opt_out")) == 2
    with reading(console.engine) as session:
        live = select(func.count()).select_from(DneEntry).where(DneEntry.lifted_at.is_(None))
        assert session.scalar(live) == 1


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("", FORM["Content-Type"]),
        ("List-Unsubscribe=Two-Clicks", FORM["Content-Type"]),
        (f"{ONE_CLICK}&more=1", FORM["Content-Type"]),
        ("confirm=no", FORM["Content-Type"]),
        ('{"List-Unsubscribe": "One-Click"}', "application/json"),
        (ONE_CLICK, "text/plain"),
        ("--b\r\nbroken", "multipart/form-data; boundary=b"),
        ("no boundary", "multipart/form-data"),
        (b"\xff\xfe=\x00", FORM["Content-Type"]),
        ("a" * 9_000, FORM["Content-Type"]),
        (
            '--b\r\nContent-Disposition: form-data; name="List-Unsubscribe"; filename="f"\r\n\r\nOne-Click\r\n--b--',
            "multipart/form-data; boundary=b",
        ),
    ],
)
def test_any_other_body_is_refused_and_changes_nothing(console: Console, body: str | bytes, kind: str) -> None:
    assert press(console, path(console), body, kind) == 400
    assert console.status() == "Active"


def test_every_bad_token_has_the_same_answer(console: Console) -> None:
    linked = console.linked()
    good = make_token(KEY, Purpose.UNSUBSCRIBE, linked)
    forged = good[:-1] + ("a" if good[-1] != "a" else "b")
    unknown = make_token(KEY, Purpose.UNSUBSCRIBE, type(linked)(999_999, 1, OURS, ANNA, "campaign-1"))
    bad = [
        forged, unknown, make_token(KEY, Purpose.BOOKING, linked), make_token(OLD_KEY, Purpose.UNSUBSCRIBE, linked),
        "a" * 40, "7" * 40, "short", "%00", "%F0%9F%99%82", good + "a",
    ]  # fmt: skip
    for method, body in (("GET", None), ("POST", ONE_CLICK)):
        answers = [console.ask(method, f"/u/{token}", content=body, headers=FORM) for token in bad]
        assert {(each.status_code, each.text) for each in answers} == {(404, answers[0].text)}
    assert console.status() == "Active"


def test_the_case_of_a_token_means_nothing(console: Console) -> None:
    assert press(console, path(console).upper().replace("/U/", "/u/")) == 200
    assert console.status() == "Unsubscribe link"


def test_an_old_key_is_accepted_until_it_is_removed(console: Console) -> None:
    old = path(console, OLD_KEY)
    console.settings["link_keys"] = f"{KEY}, {OLD_KEY}"
    assert console.ask("GET", old).status_code == 200
    console.settings["link_keys"] = KEY
    assert console.ask("GET", old).status_code == 404
    assert press(console, old) == 404
    console.settings["link_keys"] = None
    assert press(console, path(console)) == 404


def test_a_token_never_hits_somebody_else_after_ids_changed(console: Console) -> None:
    token = path(console)
    with transaction(console.engine) as session:
        session.scalars(select(Contact).where(Contact.address == ANNA)).one().address = "clara@client.example"
    assert press(console, token) == 404
    assert console.status("clara@client.example") == "Active"


def test_a_token_ends_with_the_key_of_its_campaign(console: Console) -> None:
    token = path(console)
    with transaction(console.engine) as session:
        session.scalars(select(Campaign).where(Campaign.key == "campaign-1")).one().key = "another"
    assert press(console, token) == 404


def test_failures_are_told_to_people_as_a_page(console: Console) -> None:
    for method, where in (("GET", "/u/nothing"), ("PUT", path(console)), ("POST", path(console))):
        answer = console.ask(method, where)
        assert answer.status_code in {400, 404, 405}
        assert answer.headers["content-type"].startswith("text/html")
        assert "<h1>" in answer.text
        assert '<html lang="en">' in answer.text


def test_many_presses_at_once_are_one(console: Console) -> None:
    where = path(console)

    async def all_at_once() -> list[int]:
        presses = (console.request("POST", where, content=ONE_CLICK, headers=FORM) for _ in range(8))
        return [answer.status_code for answer in await asyncio.gather(*presses)]

    assert asyncio.run(all_at_once()) == [200] * 8
    assert len(console.events("link_opt_out")) == 1


def test_what_is_larger_than_a_form_is_refused_before_it_is_read(console: Console) -> None:
    assert press(console, path(console), "a" * 10_001) == 413
    assert console.status() == "Active"


def test_a_link_with_a_slash_behind_it_is_redirected_nowhere(console: Console) -> None:
    assert press(console, path(console) + "/") == 404


def test_another_method_is_told_all_that_a_link_answers(console: Console) -> None:
    answer = console.ask("PUT", path(console))
    assert answer.status_code == 405
    assert set(answer.headers["allow"].split(", ")) == {"GET", "HEAD", "POST"}


def test_a_token_that_is_not_ours_waits_for_no_writer(console: Console) -> None:
    with transaction(console.engine) as writing:
        writing.execute(text("SELECT 1"))
        assert press(console, "/u/" + "a" * 40) == 404


def test_a_token_that_ends_while_it_is_pressed_is_not_valid(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    where = path(console)
    monkeypatch.setattr(people, "opt_out_by_link", lambda *_: False)
    answer = console.ask("POST", where, data={"confirm": "yes"})
    assert (answer.status_code, "This link is not valid" in answer.text) == (404, True)
