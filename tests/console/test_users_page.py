"""Users and tokens: who is let in, and what is shown only once."""

from __future__ import annotations

from models.tables.people import Role
from tests.console.conftest import OURS, THEIRS, Console
from tests.console.visiting import PASSWORD, Browser
from tests.worker.small_world import a_mail, a_reply, take_in


def test_an_admin_adds_a_user_with_a_role_who_can_sign_in(console: Console, browser: Browser) -> None:
    browser.sign_in()
    fields = {"name": "Nora@People.example", "role": "data staff", "password": "a long enough password"}
    assert "can sign in now" in browser.said("/users/add", fields)
    nora = Browser(console)
    answer = nora.post("/sign-in", {"name": "nora@people.example", "password": fields["password"]}, follow=False)
    assert answer.status_code == 303
    assert nora.get("/users").status_code == 403
    assert nora.get("/review").status_code == 200


def test_an_address_breaks_behind_its_sign_and_stays_text(browser: Browser) -> None:
    browser.sign_in()
    name = "<b>@<script>alert(1)</script>"
    page = browser.done("/users/add", {"name": name, "role": "viewer", "password": "a long enough password"})
    (row,) = [row for row in page.css("tbody th[scope=row]") if "alert" in row.text()]
    assert row.text(strip=True) == name
    assert (len(row.css("wbr")), row.css("b, script")) == (1, [])


def test_a_weak_password_and_a_taken_name_are_refused_in_words(browser: Browser) -> None:
    browser.sign_in()
    short = browser.post("/users/add", {"name": "nora", "role": "viewer", "password": "short"})
    assert (short.status_code, "12" in short.text) == (409, True)
    browser.done("/users/add", {"name": "nora", "role": "viewer"})
    assert "already" in browser.post("/users/add", {"name": "Nora", "role": "viewer"}).text
    assert browser.post("/users/add", {"name": "mia", "role": "emperor"}).status_code == 422


def test_a_new_role_holds_at_once(console: Console, browser: Browser) -> None:
    editor = Browser(console).sign_in(Role.EDITOR)
    browser.sign_in()
    row = next(each for each in browser.page("/users").css("tr") if "editor-1@" in each.text())
    action = str(row.css_first("form[action$='/role']").attributes["action"])
    browser.done(action, {"role": "viewer"})
    assert editor.get("/account", follow=False).status_code == 303
    editor.sign_in(Role.EDITOR)
    assert editor.get("/review").status_code == 403


def test_a_token_is_shown_once_and_works_until_it_is_revoked(console: Console, browser: Browser) -> None:
    browser.sign_in()
    page = browser.done("/users/tokens/add", {"token_name": "crm", "scopes": ["view", "edit"]})
    token = page.css_first(".notice code:not(:first-child), .notice p + p code").text()
    assert token.startswith("iw_")
    assert token not in browser.get("/users").text
    assert console.ask("GET", "/v1/do-not-email", token).status_code == 200
    assert console.ask("GET", "/v1/users", token).status_code == 403
    browser.done("/users/tokens/revoke", {"token_name": "crm"})
    assert console.ask("GET", "/v1/do-not-email", token).status_code == 401


def test_programs_list_users_and_tokens_of_their_team_and_can_end_them(console: Console, browser: Browser) -> None:
    browser.sign_in(Role.VIEWER)
    Browser(console).sign_in(Role.VIEWER, THEIRS)
    token = console.token(OURS, "ops", ["admin"])
    (user,) = console.ask("GET", "/v1/users", token).json()["rows"]
    assert (user["name"], user["role"]) == ("viewer-1@people.example", "viewer")
    assert console.ask("POST", f"/v1/users/{user['id']}/disable", token).json() == {"done": True}
    assert browser.get("/account", follow=False).status_code == 303
    console.ask("POST", f"/v1/users/{user['id']}/enable", token)
    browser.sign_in(Role.VIEWER)
    assert [row["name"] for row in console.ask("GET", "/v1/tokens", token).json()["rows"]] == ["ops"]
    console.ask("POST", "/v1/tokens/ops/revoke", token)
    assert console.ask("GET", "/v1/tokens", token).status_code == 401


def test_the_overview_shows_what_came_back_and_what_waits(console: Console, browser: Browser) -> None:
    take_in(console.engine, a_mail(a_reply(sure=False), links=("anna-1-0@us",), from_address="anna@client.example"))
    browser.sign_in(Role.VIEWER)
    page = browser.page("/")
    figures = {each.css_first(".name").text(): each.css_first(".value").text() for each in page.css(".figure")}
    assert figures["To review"] == "1"
    assert [each.text() for each in page.css("ul.tally a .chip")] == ["Active"]
    assert page.css_first("table th[scope=row] a").text() == "mila@outreach.example"
    told = console.ask("GET", "/v1/overview", console.token(OURS, "crm", ["view"])).json()
    assert told["reviews"]["open"] == {"count": 1, "more": False}
    assert [each["name"] for each in told["mailboxes"]["worst"]] == ["mila@outreach.example"]


def test_a_disabled_user_is_let_in_again_and_a_locked_one_at_once(console: Console, browser: Browser) -> None:
    editor = Browser(console).sign_in(Role.EDITOR)
    browser.sign_in()

    def press(what: str) -> str:
        row = next(each for each in browser.page("/users").css("tr") if "editor-1@" in each.text())
        action = str(row.css_first("form[action$='/role']").attributes["action"]).removesuffix("role")
        return browser.said(action + what)

    def signs_in(password: str = PASSWORD) -> int:
        fields = {"name": "editor-1@people.example", "password": password}
        return Browser(console).post("/sign-in", fields, follow=False).status_code

    assert press("disable") == "They are signed out and cannot sign in."
    assert (editor.get("/account", follow=False).status_code, signs_in()) == (303, 403)
    assert press("enable") == "They can sign in again."
    assert signs_in() == 303
    for _ in range(6):
        signs_in("wrong")
    assert signs_in() == 429
    assert press("unlock") == "They can try to sign in again at once."
    assert signs_in() == 303


def test_of_a_team_that_has_sent_nothing_no_bounce_rate_is_drawn(browser: Browser) -> None:
    assert browser.sign_in(Role.VIEWER, OURS).page("/").css(".chart-shares")
    page = browser.sign_in(Role.VIEWER, THEIRS).page("/")
    assert page.css(".chart-shares") == []
    assert page.css(".figure")
