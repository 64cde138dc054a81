"""The review page: one mail, one choice, the next; and back again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from selectolax.lexbor import LexborHTMLParser, LexborNode
from sqlalchemy import select

from classifier.verdict import Evidence, Reply, ReplyClass
from console.questions import QUESTIONS
from models.events import ReviewKind
from models.session import reading, transaction
from models.tables.learning import Label
from models.tables.people import Role, User
from models.tables.standing import ReviewItem
from tests.console.conftest import ANNA, BEN, THEIRS, Console
from tests.console.visiting import Browser
from tests.worker.small_world import HARD, a_mail, a_reply, take_in

HOSTILE = "<script>alert(1)</script> please <b>tell me more</b>"


def ask(console: Console, to: str = "anna-1-0@us", confidence: float = 0.4, **more: Any) -> int:
    """Let a doubtful reply come in, and return the item that asks about it."""
    verdict = Reply(
        reply_class=ReplyClass.INTERESTED,
        confidence=confidence,
        sure=False,
        visible_text=HOSTILE,
        evidence=(Evidence("classifier", "words: more"),),
    )
    take_in(console.engine, a_mail(verdict, answers=(to,), **more))
    with reading(console.engine) as session:
        return max(session.scalars(select(ReviewItem.id)))


def shown(page: LexborHTMLParser) -> str:
    """Return whose mail is asked about; empty: nobody's."""
    found = page.css_first(".review-facts a")
    return found.text() if found else ""


def button(page: LexborHTMLParser, key: str) -> LexborNode:
    found = page.css_first(f'[data-key="{key}"]')
    assert found is not None, key
    return found


def press(browser: Browser, page: LexborHTMLParser, key: str) -> LexborHTMLParser:
    """Press a button or follow a link, as its key does."""
    found = button(page, key)
    if found.tag == "a":
        return browser.page(str(found.attributes["href"]))
    form = found.parent
    while form is not None and form.tag != "form":
        form = form.parent
    assert form is not None
    name = found.attributes.get("name")
    return browser.done(str(form.attributes["action"]), {name: found.attributes["value"]} if name else {})


def said(page: LexborHTMLParser) -> str:
    told = page.css_first(".said p")
    return told.text() if told else ""


def test_a_key_settles_an_item_and_the_next_comes_and_another_key_takes_it_back(
    console: Console, browser: Browser
) -> None:
    ask(console, confidence=0.2)
    ask(console, "ben-1-0@us", confidence=0.3)
    browser.sign_in(Role.DATA_STAFF)
    page = browser.page("/review")
    assert shown(page) == ANNA
    page = press(browser, page, "3")
    assert (shown(page), said(page), console.status()) == (BEN, "Not Interested.", "Not Interested")
    assert "1 answered today" in " ".join(page.css_first(".review-bar").text().split())
    assert "agree in 0% of 1" in page.css_first(".review-bar").text()
    with reading(console.engine) as session:
        assert [each.value for each in session.scalars(select(Label.label))] == ["Not Interested"]
    page = press(browser, page, "z")
    assert (shown(page), console.status()) == (ANNA, "Engaged")
    page = press(browser, press(browser, page, "2"), "n")
    assert (shown(page), said(page)) == ("", "Nothing in it.")
    assert "Nothing to review" in page.css_first(".empty").text()


def test_who_skips_goes_on_behind_it_and_may_begin_anew(console: Console, browser: Browser) -> None:
    ask(console, confidence=0.2)
    ask(console, "ben-1-0@us", confidence=0.3)
    browser.sign_in(Role.EDITOR)
    page = press(browser, browser.page("/review?order=teach"), "s")
    assert shown(page) == BEN
    page = press(browser, page, "1")
    assert shown(page) == ""
    again = page.css_first(".empty a")
    assert again.attributes["href"] == "/review?order=teach"
    assert shown(browser.page(str(again.attributes["href"]))) == ANNA


def test_do_not_email_bans_the_address_and_is_taken_back(console: Console, browser: Browser) -> None:
    ask(console)
    browser.sign_in(Role.EDITOR)
    page = press(browser, browser.page("/review"), "d")
    assert (said(page), console.status("anna@client.example", "campaign-2")) == (
        "The address is under Do Not Email.",
        "Removed",
    )
    page = press(browser, page, "z")
    assert (shown(page), console.status("anna@client.example", "campaign-2")) == (ANNA, "Active")


def test_what_somebody_else_settled_meanwhile_is_told_kindly(console: Console, browser: Browser) -> None:
    ask(console, confidence=0.2)
    ask(console, "ben-1-0@us", confidence=0.3)
    page = browser.sign_in(Role.EDITOR).page("/review")
    other = Browser(console).sign_in(Role.DATA_STAFF)
    assert shown(other.page("/review")) == BEN, "nobody is led to what another is looking at"
    item = str(button(page, "1").parent.attributes["action"])
    other.done(item, {"answer": "Interested"})
    assert "settled it" in browser.page(f"/review?item={item.split('/')[2]}").css_first(".notice").text()
    page = press(browser, page, "1")
    assert ("Somebody has settled it" in said(page), shown(page)) == (True, BEN)
    assert console.status() == "Interested"


def test_who_presses_twice_is_told_of_the_own_answer(console: Console, browser: Browser) -> None:
    item = ask(console)
    browser.sign_in(Role.EDITOR).done(f"/review/{item}/answer", {"answer": "Interested"})
    page = browser.done(f"/review/{item}/answer", {"answer": "Interested"})
    assert said(page) == "You have answered it already; here is the next one."
    assert "You have answered it" in browser.page(f"/review?item={item}").css_first(".notice").text()
    page = browser.done(str(page.css_first(".said form").attributes["action"]))
    assert (said(page), console.status()) == ("Taken back; the item is open again.", "Engaged")


def test_an_opt_out_is_taken_back_with_a_reason_once_it_is_no_slip(console: Console, browser: Browser) -> None:
    item = ask(console)
    browser.sign_in(Role.EDITOR)
    page = browser.done(f"/review/{item}/answer?order=teach", {"answer": "Unsubscribed"})
    console.now += timedelta(minutes=11)
    page = press(browser, page, "z")
    assert console.status() == "Unsubscribed"
    form = page.css_first("#review form")
    assert "required" in form.css_first("input[name=why]").attributes
    page = browser.done(str(form.attributes["action"]), {"why": "she meant another list"})
    assert (shown(page), said(page), console.status()) == (ANNA, "Taken back; the item is open again.", "Engaged")
    assert "she meant another list" in console.events("undone")[0].because[0]


def test_after_a_minute_an_item_is_shown_to_others_again(console: Console, browser: Browser) -> None:
    ask(console, confidence=0.2)
    ask(console, "ben-1-0@us", confidence=0.3)
    browser.sign_in(Role.EDITOR).page("/review")
    console.now += timedelta(minutes=2)
    assert shown(Browser(console).sign_in(Role.ADMIN).page("/review")) == ANNA


def test_the_guess_is_shown_before_or_after_the_answer_as_the_person_likes(console: Console, browser: Browser) -> None:
    ask(console, confidence=0.2)
    ask(console, "ben-1-0@us", confidence=0.3)
    page = browser.sign_in(Role.DATA_STAFF).page("/review")
    assert "machine's guess" in button(page, "2").text()
    assert [each.text() for each in page.css("mark")] == ["more"]
    with transaction(console.engine) as session:
        session.scalars(select(User)).one().guess_first = False
    page = browser.page("/review")
    assert "guess" not in page.css_first("#review").text()
    assert page.css("mark") + page.css(".because") + page.css(".taken") == []
    page = press(browser, page, "2")
    assert said(page) == "Interested. You and the machine agree."
    assert said(press(browser, page, "1")) == "Engaged. The machine thought: Interested."


def test_what_strangers_write_is_text(console: Console, browser: Browser) -> None:
    ask(console)
    page = browser.sign_in(Role.EDITOR).page("/review")
    assert page.css_first(".words").text() == HOSTILE
    assert page.css(".words script, .words b") == []


def test_a_bounce_asks_whether_the_address_is_dead(console: Console, browser: Browser) -> None:
    take_in(console.engine, a_mail(a_reply(), hours=50, answers=("anna-1-1@us",), from_address=ANNA))
    take_in(console.engine, a_mail(HARD, hours=51, answers=("anna-1-0@us",)))
    page = browser.sign_in(Role.EDITOR).page("/review")
    assert page.css_first(".question").text() == "Is this address dead?"
    assert "machine's guess" in button(page, "b").text()
    press(browser, page, "b")
    assert console.status() == "Bounced"


def test_a_filter_stays_while_one_goes_on(console: Console, browser: Browser) -> None:
    ask(console, confidence=0.2)
    ask(console, "ben-1-0@us", confidence=0.3)
    ask(console, "ben-2-0@us", confidence=0.1)
    browser.sign_in(Role.EDITOR)
    page = browser.page("/review?kind=low+confidence&campaign=campaign-1")
    assert shown(page) == ANNA
    page = press(browser, page, "1")
    assert shown(page) == BEN
    assert "campaign=campaign-1" in str(button(page, "s").attributes["href"])
    assert "Nothing open of this kind" in browser.page("/review?kind=moved+back").css_first(".empty").text()


def test_another_team_sees_nothing_and_changes_nothing(console: Console, browser: Browser) -> None:
    item = ask(console)
    browser.sign_in(Role.ADMIN, THEIRS)
    assert shown(browser.page("/review")) == ""
    assert browser.get(f"/review?item={item}").status_code == 404
    for act in ("answer", "undo"):
        assert browser.post(f"/review/{item}/{act}", {"answer": "Interested"}).status_code == 404
    assert console.status() == "Engaged"


@pytest.mark.parametrize("kind", list(ReviewKind))
def test_every_kind_of_question_has_words(kind: ReviewKind) -> None:
    assert all((QUESTIONS[kind].asks, QUESTIONS[kind].now, QUESTIONS[kind].nothing))


def test_who_decides_blind_is_told_of_no_thought_that_the_machine_did_not_have(
    console: Console, browser: Browser
) -> None:
    ask(console, confidence=0.2)
    ask(console, "ben-1-0@us", confidence=0.3)
    browser.sign_in(Role.DATA_STAFF)
    with transaction(console.engine) as session:
        session.scalars(select(User)).one().guess_first = False
    page = browser.page("/review")
    (nothing,) = [each for each in page.css("[data-key]") if "Nothing in it" in each.text()]
    assert said(press(browser, page, str(nothing.attributes["data-key"]))) == "Nothing in it."
