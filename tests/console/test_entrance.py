"""Who is let in, and for how long."""

from __future__ import annotations

from datetime import timedelta

import httpx
import pytest
from sqlalchemy.orm import Session

from models.tables.people import Role
from tests.console.conftest import Console
from tests.console.visiting import PASSWORD, SESSION, Browser
from worker.act import Act
from worker.people import users


def test_whoever_is_not_signed_in_is_sent_to_sign_in_and_then_to_the_page(console: Console, browser: Browser) -> None:
    sent = browser.get("/account?x=1", follow=False)
    assert (sent.status_code, sent.headers["location"]) == (303, "/sign-in?next=%2Faccount%3Fx%3D1")
    Browser(console).sign_in()
    fields = {"name": "admin-1@people.example", "password": PASSWORD, "next": "/account?x=1"}
    assert browser.post("/sign-in", fields, follow=False).headers["location"] == "/account?x=1"


@pytest.mark.parametrize(
    "next_", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:x", "a\r\nb"]
)
def test_nobody_is_sent_to_another_site(browser: Browser, next_: str) -> None:
    browser.sign_in()
    browser.post("/sign-out")
    fields = {"name": "admin-1@people.example", "password": PASSWORD, "next": next_}
    assert browser.post("/sign-in", fields, follow=False).headers["location"] == "/"


def test_a_wrong_password_says_nothing_of_the_name(browser: Browser) -> None:
    browser.sign_in()
    browser.post("/sign-out")
    told = {
        browser.post("/sign-in", {"name": name, "password": "wrong"}).text.replace(name, "")
        for name in ("admin-1@people.example", "nobody@people.example")
    }
    assert len(told) == 1
    assert "wrong" in told.pop()


def test_who_fails_often_has_to_wait(browser: Browser) -> None:
    browser.sign_in()
    browser.post("/sign-out")
    for _ in range(6):
        browser.post("/sign-in", {"name": "admin-1@people.example", "password": "wrong"})
    answer = browser.post("/sign-in", {"name": "admin-1@people.example", "password": PASSWORD})
    assert (answer.status_code, int(answer.headers["retry-after"]) > 0) == (429, True)


def test_a_session_ends_after_twelve_hours_without_use_and_after_a_week_in_any_case(
    console: Console, browser: Browser
) -> None:
    browser.sign_in()
    begun = console.now
    while console.now - begun < timedelta(days=6, hours=20):
        console.now += timedelta(hours=11)
        assert browser.get("/account", follow=False).status_code == 200
    console.now = begun + timedelta(days=7)
    assert browser.get("/account", follow=False).status_code == 303
    browser.sign_in()
    console.now += timedelta(hours=12)
    assert browser.get("/account", follow=False).status_code == 303


def test_a_session_ends_when_its_user_is_disabled_or_signs_out_everywhere_else(
    console: Console, browser: Browser
) -> None:
    other, admin = Browser(console).sign_in(Role.VIEWER), browser.sign_in()
    here = Browser(console).sign_in(Role.VIEWER)
    here.done("/account/sign-out-everywhere")
    assert other.get("/account", follow=False).status_code == 303
    user = next(row for row in admin.page("/users").css("tr") if "viewer-1@" in row.text())
    action = next(
        form.attributes["action"] for form in user.css("form") if "/disable" in str(form.attributes["action"])
    )
    assert "cannot sign in" in admin.said(str(action))
    assert here.get("/account", follow=False).status_code == 303


def test_who_signs_in_gets_another_session(browser: Browser) -> None:
    browser.get("/sign-in")
    before = browser.cookies[SESSION]
    token = browser.token()
    browser.sign_in()
    assert browser.cookies[SESSION] != before
    assert browser.token() != token


@pytest.mark.parametrize("cookie", ["", "x", "e30.x", "eyJ1IjoxfQ.AAAA"])
def test_a_forged_cookie_is_none(browser: Browser, cookie: str) -> None:
    browser.cookies.set(SESSION, cookie)
    assert browser.get("/account", follow=False).status_code == 303


def test_a_changed_password_ends_the_other_sessions_and_is_asked_for_next_time(
    console: Console, browser: Browser
) -> None:
    other = Browser(console).sign_in(Role.EDITOR)
    browser.sign_in(Role.EDITOR)
    new = "a much better password"
    assert "wrong" in browser.said("/account/password", {"old": "nonsense", "new": new})
    assert "changed" in browser.said("/account/password", {"old": PASSWORD, "new": new})
    assert other.get("/account", follow=False).status_code == 303
    browser.post("/sign-out")
    name = "editor-1@people.example"
    assert browser.post("/sign-in", {"name": name, "password": PASSWORD}, follow=False).status_code == 403
    assert browser.post("/sign-in", {"name": name, "password": new}, follow=False).status_code == 303


def test_cookies_are_kept_from_scripts_and_other_sites(console: Console, browser: Browser) -> None:
    cookie = browser.get("/sign-in").headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert "secure" in cookie
    console.settings.pop("public_url")
    assert "secure" not in console.ask("GET", "/sign-in").headers["set-cookie"].lower()


def test_times_are_shown_in_the_zone_that_a_person_chose(browser: Browser) -> None:
    browser.sign_in()
    assert "Kept" in browser.said("/account", {"time_zone": "Asia/Tokyo", "guess": "after"})
    page = browser.page("/account")
    assert page.css_first("input[name=time_zone]").attributes["value"] == "Asia/Tokyo"
    assert page.css_first("input[value=after]").attributes.get("checked", "no") is None
    answer = browser.post("/account", {"time_zone": "Mars/Olympus"})
    assert answer.status_code == 409
    assert "Mars/Olympus" in answer.text


def test_a_cookie_that_was_copied_opens_nothing_after_signing_out(console: Console, browser: Browser) -> None:
    browser.sign_in()
    copied = Browser(console, httpx.Cookies({SESSION: browser.cookies[SESSION]}))
    assert copied.get("/account", follow=False).status_code == 200
    browser.post("/sign-out")
    assert copied.get("/account", follow=False).status_code == 303


def test_who_was_signed_out_meanwhile_gets_no_new_session(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    browser.sign_in(Role.EDITOR)
    browser.token()
    change = users.sign_out_everywhere

    def late(session: Session, team_id: int, user_id: int, act: Act, epoch: int | None = None) -> int:
        # The owner's new password is written between the check of the session and this.
        change(session, team_id, user_id, act)
        return change(session, team_id, user_id, act, epoch)

    monkeypatch.setattr(users, "sign_out_everywhere", late)
    answer = browser.post("/account/sign-out-everywhere")
    assert (answer.status_code, "sign in again" in answer.text) == (409, True)
    assert browser.get("/account", follow=False).status_code == 200


def test_the_last_admin_of_a_team_stays_one(browser: Browser) -> None:
    browser.sign_in()
    row = next(row for row in browser.page("/users").css("tr") if "admin-1@" in row.text())
    for form in row.css("form"):
        action = str(form.attributes["action"])
        if action.endswith(("/role", "/disable")):
            answer = browser.post(action, {"role": "viewer"})
            assert (answer.status_code, "no admin left" in answer.text) == (409, True)
    assert browser.get("/users", follow=False).status_code == 200


def test_a_form_that_is_older_than_its_session_is_shown_again_with_what_was_typed(browser: Browser) -> None:
    browser.sign_in()
    browser.cookies.clear()
    answer = browser.raw("POST", "/sign-in")
    assert (answer.status_code, "this page was open for too long" in answer.text) == (400, True)
    assert SESSION in browser.cookies


def test_a_script_without_a_session_leads_the_whole_page_to_the_entrance(browser: Browser) -> None:
    answer = browser.get("/recipients", headers={"HX-Request": "true"}, follow=False)
    assert (answer.status_code, answer.headers["hx-redirect"]) == (200, "/sign-in")
