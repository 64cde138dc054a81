"""Mailboxes: who is ill and what to do, what is asked of the daemon, and what was set aside."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from selectolax.lexbor import LexborHTMLParser
from sqlalchemy import select

from models.session import transaction
from models.tables.handling import AsideMessage, MailboxRequest, MailboxTraffic, Purpose, Wish
from models.tables.mail import InboundMessage, MessageState
from models.tables.mailboxes import FolderCursor, SignIn
from models.tables.people import Role
from tests.console.conftest import ANNA, THEIRS, Console
from tests.console.mailbox_world import actions, box, make, row
from tests.console.mailbox_world import console as console  # noqa: PLC0414 - a fixture
from tests.console.visiting import Browser
from tests.worker.small_world import NOW

RAW = (
    b"From: anna@client.example\r\nSubject: Re: Question 1\r\nMessage-ID: <1@client.example>\r\n"
    b"In-Reply-To: <anna-1-0@us>\r\n\r\nPlease remove me from your list.\r\n"
)


def aside(console: Console, raw: bytes | None = RAW, error: str = "ValueError: <i>a bug</i>") -> int:
    with transaction(console.engine) as session:
        mail = InboundMessage(
            mailbox_id=1, folder="INBOX", uidvalidity=1, uid=1, state=MessageState.SET_ASIDE, arrived_at=NOW, size=1,
            content_hash="x", from_address=ANNA, subject="<script>alert(1)</script>", error=error, recorded_at=NOW,
        )  # fmt: skip
        session.add(mail)
        session.flush()
        session.add(AsideMessage(message_id=mail.id, raw=raw, last_attempt_at=NOW))
        return mail.id


def test_ill_mailboxes_stand_out_with_what_is_wrong_and_what_to_do(console: Console, browser: Browser) -> None:
    hours = timedelta(hours=3)
    make(console, "well@a.example")
    make(console, "ill@a.example", failures=7, last_error="<b>no</b> answer", last_success_at=NOW - hours)
    make(console, "shut@a.example", stopped_at=NOW, failures=3, sign_in=SignIn.GOOGLE, last_error="refused")
    page = browser.sign_in(Role.VIEWER).page("/mailboxes")
    assert "2 mailboxes are ill" in page.css_first("#list .problem").text()
    ill = row(page, "ill@a.example")
    assert (ill.attributes["class"], "<b>no</b> answer" in ill.text(), "Check it" in ill.text()) == ("ill", True, True)
    assert ill.css_first(".late").text() == "3 hours"
    assert "Sign in with Google anew" in row(page, "shut@a.example").text()
    assert (row(page, "well@a.example").attributes.get("class"), "none") == (
        None, row(page, "well@a.example").css_first(".late").text(),
    )  # fmt: skip
    names = [each.text() for each in browser.page("/mailboxes?ill=true").css("tbody th a")]
    assert names == ["ill@a.example", "shut@a.example"]
    assert [each.text() for each in browser.page("/mailboxes?part=ILL@A").css("tbody th a")] == ["ill@a.example"]


def test_a_mailbox_that_nobody_reads_any_more_stands_out_though_no_poll_failed(
    console: Console, browser: Browser
) -> None:
    make(console, "left@a.example", last_success_at=NOW - timedelta(minutes=31))
    make(console, "late@a.example", last_success_at=NOW - timedelta(minutes=29))
    page = browser.sign_in(Role.VIEWER).page("/mailboxes")
    left, late = row(page, "left@a.example"), row(page, "late@a.example")
    assert ("not read for 31 minutes" in left.text(), "inbox-worker run" in left.text()) == (True, True)
    assert (left.attributes["class"], late.attributes.get("class")) == ("ill", None)
    assert late.css_first(".late").text() == "29 minutes"


def test_many_mailboxes_are_listed_page_by_page(console: Console, browser: Browser) -> None:
    for number in range(60):
        make(console, f"box{number:02}@a.example")
    page = browser.sign_in(Role.VIEWER).page("/mailboxes?part=box")
    shown = [each.text() for each in page.css("tbody th a")]
    more = browser.page(str(page.css_first("a[rel=next]").attributes["href"]))
    assert shown + [each.text() for each in more.css("tbody th a")] == [f"box{each:02}@a.example" for each in range(60)]
    assert more.css_first("a[rel=next]") is None


def test_a_check_is_asked_for_watched_and_read(console: Console, browser: Browser) -> None:
    page = browser.sign_in().done("/mailboxes/1/requests", {"wish": "check"})
    assert "A check is asked for" in page.css_first(".said p").text()
    shown = page.css_first("article.request")
    assert (shown.attributes["hx-trigger"], "waiting" in shown.text()) == ("every 2s", True)
    with transaction(console.engine) as session:
        asked = session.scalars(select(MailboxRequest)).one()
        asked.started_at = asked.seen_at = asked.ended_at = console.now
        asked.result = {
            "findings": [
                {"what": "signing in", "ok": True, "says": "as mila", "mend": None},
                {"what": "folder <Old>", "ok": False, "says": "there is none", "mend": "name another"},
            ]
        }
    answer = browser.get(str(shown.attributes["hx-get"]), headers={"HX-Request": "true"})
    ended = LexborHTMLParser(answer.text)
    assert answer.headers["hx-trigger"] == "request-ended"
    assert "hx-get" not in ended.css_first("article").attributes
    well, wrong = ended.css(".findings li")
    assert (well.attributes["class"], wrong.attributes["class"]) == ("ok", "bad")
    assert "Wrong: folder <Old>" in wrong.text()
    assert "name another" in wrong.text()


def test_a_backfill_shows_how_far_it_is_and_is_stopped(console: Console, browser: Browser) -> None:
    browser.sign_in().done("/mailboxes/1/requests", {"wish": "backfill", "since": "2026-05-01"})
    other = make(console, "other@outreach.example")
    for refused in (browser.get(f"/mailboxes/{other}/requests/1"), browser.post(f"/mailboxes/{other}/requests/1/stop")):
        assert (refused.status_code, "no request 1 of this mailbox" in refused.text) == (404, True)
    with transaction(console.engine) as session:
        asked = session.scalars(select(MailboxRequest)).one()
        asked.started_at = asked.seen_at = console.now
        asked.done, asked.coming = 1_200, 4_000
    shown = browser.page("/mailboxes/1").css_first("article.request")
    bar = shown.css_first("progress").attributes
    assert (bar["value"], bar["max"], "1,200 of 4,000" in shown.text()) == ("1200", "4000", True)
    assert "since 01 May 2026" in shown.text()
    other = browser.post("/mailboxes/1/requests", {"wish": "backfill"})
    assert (other.status_code, "under way" in other.text) == (409, True)
    assert "no day" in browser.post("/mailboxes/1/requests", {"wish": "backfill", "since": "soon"}).text
    assert "stops" in browser.said(str(shown.css_first("form").attributes["action"]))
    assert "stopping" in browser.page("/mailboxes/1").css_first("article.request").text()


def test_what_a_poll_brought_is_told_in_words(console: Console, browser: Browser) -> None:
    counts = {
        "sends_learnt": 2, "messages": {"judged": 3, "unmatched": 1}, "verdicts": {"bounce": 3}, "changes": 1,
    }  # fmt: skip
    with transaction(console.engine) as session:
        times = dict.fromkeys(("recorded_at", "started_at", "ended_at"), NOW)
        session.add(MailboxRequest(mailbox_id=1, wish=Wish.POLL, actor="petra", result={"counts": counts}, **times))
    text = browser.sign_in(Role.VIEWER).page("/mailboxes/1").css_first("article.request").text()
    assert "4 mails taken in (Bounce: 3); 2 sends learnt; 1 recipient changed." in text


def test_a_mailbox_is_paused_and_the_undo_resumes_it(console: Console, browser: Browser) -> None:
    page = browser.sign_in().done("/mailboxes/1/pause")
    assert box(console).paused_at == console.now
    assert "Paused since" in page.css_first(".trouble").text()
    assert browser.post("/mailboxes/1/requests", {"wish": "poll"}).status_code == 409
    assert "polled again" in browser.said(str(page.css_first(".said form").attributes["action"]))
    assert box(console).paused_at is None


def test_a_mailbox_is_removed_once_what_goes_was_said(console: Console, browser: Browser) -> None:
    aside(console)
    page = browser.sign_in().page("/mailboxes/1/remove")
    assert "1 mail," in page.css_first("main").text()
    assert "is removed" in browser.said("/mailboxes/1/remove")
    assert browser.get("/mailboxes/1").status_code == 404
    assert "No mailbox yet" in browser.page("/mailboxes").css_first("#list").text()


def test_what_was_read_today_and_how_far_folders_are_read_is_shown(console: Console, browser: Browser) -> None:
    with transaction(console.engine) as session:
        for days, octets in ((-1, 99_000_000), (0, 12_300_000), (1, 98_000_000)):
            day = NOW.date() + timedelta(days=days)
            session.add(MailboxTraffic(mailbox_id=1, day=day, purpose=Purpose.LIVE, octets=octets))
        session.add(FolderCursor(mailbox_id=1, folder="INBOX/<Old>", uidvalidity=1, last_uid=18_234))
    page = browser.sign_in(Role.VIEWER).page("/mailboxes/1")
    assert [each.text() for each in page.css(".budget")] == [
        "New mail: 12.3 MB of 1000.0 MB", "Backfills: 0 bytes of 1000.0 MB",
    ]  # fmt: skip
    assert page.css_first("meter").attributes["value"] == "12300000"
    assert "INBOX/<Old>" in page.css_first(".plain-table").text()
    assert "18,234" in page.css_first(".plain-table").text()


def test_mail_set_aside_is_tried_again(console: Console, browser: Browser) -> None:
    message_id = aside(console)
    shown = browser.sign_in().page("/mailboxes/1").css_first("#aside article")
    assert "<script>alert(1)</script>" in shown.text()
    assert "<i>a bug</i>" in shown.text()
    page = browser.done(str(shown.css_first("form").attributes["action"]))
    assert "It is taken in now; 2 recipients changed." in page.css_first(".said p").text()
    assert console.status() == "Unsubscribed"
    again = browser.post(f"/mailboxes/1/aside/{message_id}/retry")
    assert (again.status_code, "is set aside" in again.text) == (409, True)


def test_mail_that_fails_again_stays_set_aside_and_says_why(
    console: Console, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> Any:
        raise ValueError("the same bug")

    monkeypatch.setattr("worker.process.judge_batch", fail)
    monkeypatch.setattr("worker.process.judge", fail)
    message_id = aside(console)
    said = browser.sign_in().said(f"/mailboxes/1/aside/{message_id}/retry")
    assert said == "It fails as before and stays set aside: ValueError: the same bug"
    assert "tried 2 times" in browser.page("/mailboxes/1").css_first("#aside").text()


def test_mail_of_which_nothing_was_kept_names_the_way_to_it(console: Console, browser: Browser) -> None:
    aside(console, raw=None)
    shown = browser.sign_in().page("/mailboxes/1").css_first("#aside article")
    assert (shown.css_first("form"), "a Backfill asks for it again" in shown.text()) == (None, True)


def test_who_may_only_look_sees_no_button(console: Console, browser: Browser) -> None:
    aside(console)
    browser.sign_in(Role.EDITOR).page("/mailboxes")
    assert actions(browser.page("/mailboxes/1")) == set()
    assert browser.page("/mailboxes").css_first('a[href="/mailboxes/new"]') is None


def test_nothing_of_another_team_is_seen_or_changed(console: Console, browser: Browser) -> None:
    theirs = make(console, "their@own.example", THEIRS)
    message_id = aside(console)
    browser.sign_in()
    assert "their@own.example" not in browser.page("/mailboxes").css_first("main").text()
    for path in ("", "/change", "/remove"):
        assert browser.get(f"/mailboxes/{theirs}{path}").status_code == 404, path
    for path in ("/pause", "/resume", "/remove", "/change", "/requests", "/sign-in"):
        fields = {"wish": "check", "provider": "google"}
        assert browser.post(f"/mailboxes/{theirs}{path}", fields).status_code == 404, path
    other = Browser(console).sign_in(Role.ADMIN, THEIRS)
    answer = other.post(f"/mailboxes/{theirs}/aside/{message_id}/retry")
    assert answer.status_code == 404
    own = make(console, "other@outreach.example")
    assert browser.post(f"/mailboxes/{own}/aside/{message_id}/retry").status_code == 404, "it lies in another mailbox"
    assert console.status() == "Active"
    for path in ("/mailboxes/1/requests/999", "/mailboxes/999"):
        assert browser.get(path).status_code == 404, path
    assert browser.post("/mailboxes/1/requests/999/stop").status_code == 404


def test_only_a_line_about_the_state_is_read_aloud_when_it_changes(browser: Browser) -> None:
    browser.sign_in()
    for path, says in (("/mailboxes?part=nobody", "None found"), ("/mailboxes", "1 found"), ("/mailboxes/1", "Polled")):
        page = browser.page(path)
        assert not [each for each in page.css("main [aria-live]") if each.css("button, table, h1")], path
        (line,) = page.css("main p.visually-hidden[role=status]")
        assert says.lower() in line.text().lower(), line.text()
        kept = page.css_first(f"[hx-select-oob='#{line.attributes['id']}:innerHTML']")
        assert kept is not None, "it is brought up to date with the rest"


def test_what_is_wrong_is_told_by_how_the_mailbox_signs_in_and_how_often_it_failed(
    console: Console, browser: Browser
) -> None:
    make(console, "shut@a.example", stopped_at=NOW, failures=3)
    make(console, "once@a.example", failures=1)
    make(console, "twice@a.example", failures=2)
    page = browser.sign_in().page("/mailboxes")
    assert "Give the right password (Change)" in row(page, "shut@a.example").text()
    assert "The last poll failed." in row(page, "once@a.example").text()
    assert "The last 2 polls failed." in row(page, "twice@a.example").text()
