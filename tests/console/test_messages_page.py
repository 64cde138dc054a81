"""Mail: lists by what became of it, and one mail with its words, its reasons, and whom it changed."""

from __future__ import annotations

from dataclasses import replace
from http import HTTPStatus

import pytest
from sqlalchemy import delete

from classifier.verdict import Evidence, OptOut, Reply, ReplyClass
from console.reasons import in_words, verdict_in_words
from models.session import transaction
from models.tables.mail import VerdictRow
from models.tables.people import Role
from tests.console.conftest import ANNA, THEIRS, Console
from tests.console.visiting import Browser
from tests.worker.small_world import HARD, a_mail, a_reply, take_in

UNSURE = Reply(
    reply_class=ReplyClass.ENGAGED,
    confidence=0.4,
    sure=False,
    hold=True,
    probabilities={"Engaged": 0.4, "Unsubscribed": 0.35},
    visible_text="Please <b>stop</b> now",
    evidence=(Evidence("classifier", "words: stop, now"),),
)


def subjects(browser: Browser, path: str) -> list[str]:
    return [each.text() for each in browser.page(path).css("#list tbody th a")]


def test_lists_show_each_mail_where_it_belongs(console: Console, browser: Browser) -> None:
    nobody = replace(a_mail(a_reply()), subject="Lunch?")
    aside = replace(a_mail(a_reply()), subject="Broken", verdict=None, error="ValueError: no beginning", raw=b"x")
    tied = replace(a_mail(a_reply(), answers=("anna-1-1@us",)), subject="Re: Question")
    again = replace(tied, uid=9_999)
    take_in(console.engine, nobody, aside, tied, again)
    browser.sign_in(Role.VIEWER)
    assert subjects(browser, "/messages") == ["Lunch?"]
    assert subjects(browser, "/messages?state=duplicate") == ["Re: Question"]
    assert subjects(browser, "/messages?state=set+aside&mailbox=mila@outreach.example") == ["Broken"]
    row = browser.page("/messages?state=set+aside").css_first("#list tbody tr").text()
    assert ("ValueError: no beginning" in row, "inbox-worker review retry" in row) == (True, True)
    assert browser.get("/messages?mailbox=nobody").status_code == HTTPStatus.NOT_FOUND


def test_lists_go_on_where_the_page_before_ended(console: Console, browser: Browser) -> None:
    mails = [replace(a_mail(a_reply(), hours=number // 2), subject=f"Mail {number}") for number in range(52)]
    take_in(console.engine, *mails)
    browser.sign_in(Role.VIEWER)
    following = browser.page("/messages").css_first("a[rel=next]").attributes["href"] or ""
    found = [*subjects(browser, "/messages"), *subjects(browser, following)]
    assert found == [f"Mail {number}" for number in reversed(range(52))]


def test_a_mail_shows_its_words_its_reasons_and_whom_it_changed(console: Console, browser: Browser) -> None:
    take_in(console.engine, replace(a_mail(UNSURE, answers=("anna-1-1@us",)), problems=("two <From>",)))
    take_in(console.engine, a_mail(a_reply(), answers=("ben-1-1@us",)))
    browser.sign_in(Role.VIEWER)
    page = browser.page("/messages/1")
    mail = page.css_first("article.mail")
    assert mail.css_first(".words").text() == "Please <b>stop</b> now"
    assert [each.text() for each in mail.css("mark")] == ["stop", "now"]
    assert "not sure of it" in mail.text()
    assert [each.attributes["value"] for each in mail.css("meter")] == ["0.4000", "0.3500"]
    assert "two <From>" in mail.text()
    assert [each.attributes["href"] for each in page.css(".entry a")] == ["/contacts/by/anna%40client.example"]
    assert "Engaged" in page.css_first(".entry .change").text()


def test_a_mail_whose_words_are_kept_no_more_says_so_and_whom_it_changed(console: Console, browser: Browser) -> None:
    take_in(console.engine, a_mail(UNSURE, answers=("anna-1-1@us",)), replace(a_mail(a_reply()), subject="Lunch?"))
    with transaction(console.engine) as session:
        session.execute(delete(VerdictRow))
    browser.sign_in(Role.EDITOR)
    page = browser.page("/messages/1")
    assert page.css_first(".words").text() == "Its words are kept no more, for their age. What they caused stays."
    assert page.css_first(".taken .chip").text() == "kept no more"
    assert page.css_first(".entry a").text() == ANNA
    assert "kept no more" in browser.page("/messages").css_first("#list tbody tr").text()
    assert "kept no more" in browser.page("/review").css_first("article.mail").text()


def test_a_further_copy_tells_what_the_first_one_did(console: Console, browser: Browser) -> None:
    first = a_mail(HARD, answers=("anna-1-1@us",))
    take_in(console.engine, first, replace(first, uid=9_999))
    browser.sign_in(Role.VIEWER)
    page = browser.page("/messages/2")
    assert page.css_first("dd a").attributes["href"] == "/messages/1"
    assert page.css_first(".entry a").text() == ANNA


def test_mail_of_another_team_is_not_there(console: Console, browser: Browser) -> None:
    take_in(console.engine, a_mail(OptOut()))
    browser.sign_in(Role.ADMIN, THEIRS)
    assert subjects(browser, "/messages") == []
    assert browser.get("/messages/1").status_code == HTTPStatus.NOT_FOUND
    assert browser.get("/messages?after=1").status_code == HTTPStatus.CONFLICT
    assert browser.get("/messages?mailbox=mila@outreach.example").status_code == HTTPStatus.NOT_FOUND


@pytest.mark.parametrize(
    ("reason", "says"),
    [
        ("absence: says 'on holiday'", "Absence notice: says “on holiday”"),
        ("opt_out_words: take me off", "Asks for no more mail: “take me off”"),
        (
            "classifier: words: send me, ?; and the meaning of the whole",
            "Classifier: went by “send me”, “?”, and by the meaning of the whole",
        ),
        ("reason: status 4.4.1", "Why it failed: status 4.4.1"),
        ("matched by message-id a@us", "Belongs to our mail by its Message-ID (a@us)"),
        ("matched by from, subject", "Seems to belong to our mail by sender and subject"),
        ("matched by from", "Comes from somebody we mailed; nothing else ties it to our mail"),
        ("matched by a key of tomorrow", "Belongs to our mail by a key of tomorrow"),
        ("petra chose Interested: she rang", "petra chose Interested: she rang"),
    ],
)
def test_reasons_are_said_in_words(reason: str, says: str) -> None:
    assert in_words(reason) == says


def test_what_a_mail_was_taken_for_is_said_in_words() -> None:
    said = [verdict_in_words(*each) for each in (("reply", "Interested"), ("opt_out",), ("outgoing",), (None,))]
    assert said == ["Interested", "Opt-out", "Our own mail", "Not judged"]
