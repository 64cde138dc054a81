"""Describing a mailbox: adding and changing it, and the way to a provider and back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from sqlalchemy import select

from models.session import reading, transaction
from models.tables.handling import OAuthGrant
from models.tables.mailboxes import Mailbox, SignIn
from models.tables.people import Role
from tests.console.conftest import OURS, THEIRS, Console
from tests.console.mailbox_world import actions, box, make
from tests.console.mailbox_world import console as console  # noqa: PLC0414 - a fixture
from tests.console.mailbox_world import google as google  # noqa: PLC0414 - a fixture
from tests.console.visiting import Browser
from tests.worker.small_world import BOX, NOW
from tests.worker.token_server import TokenServer
from worker.secrets.vault import Vault

NEW = {
    "name": "Nora@Outreach.example", "sign_in": "password", "host": "imap.outreach.example", "security": "tls",
    "password": "canary-password", "addresses": "nora@alias.example\n n@alias.example \n", "read_junk": "true",
}  # fmt: skip


def test_a_mailbox_is_added_and_its_password_is_shown_nowhere(console: Console, browser: Browser) -> None:
    page = browser.sign_in().done("/mailboxes/new", NEW)
    assert "is added" in page.css_first(".said p").text()
    added = box(console, "nora@outreach.example")
    assert (added.host, added.port, added.username, added.team_id) == (NEW["host"], 993, added.name, OURS)
    assert (added.addresses, added.read_junk, added.learn_sends) == (
        ["nora@alias.example", "n@alias.example"],
        True,
        False,
    )
    assert Vault((console.settings["secret_keys"],)).open(added.password) == "canary-password"
    for path in (f"/mailboxes/{added.id}", f"/mailboxes/{added.id}/change", "/mailboxes"):
        assert "canary" not in browser.get(path).text
    again = browser.post("/mailboxes/new", NEW)
    assert (again.status_code, "is there already" in again.text) == (409, True)
    assert "host is missing" in browser.post("/mailboxes/new", NEW | {"name": "x@y.example", "host": ""}).text
    assert "port is a number" in browser.post("/mailboxes/new", NEW | {"name": "x@y.example", "port": "no"}).text


def test_a_change_replaces_lists_and_shows_a_stored_password_to_no_other_server(
    console: Console, browser: Browser
) -> None:
    browser.sign_in().done("/mailboxes/new", NEW)
    before = box(console, "nora@outreach.example")
    there = f"/mailboxes/{before.id}/change"
    form = browser.page(there).css_first("form.mailbox-form")
    assert form.css_first("textarea[name=addresses]").text() == "nora@alias.example\nn@alias.example"
    kept = {"host": before.host, "security": "tls", "username": before.username, "folders": "\\Archive"}
    assert "is changed" in browser.said(there, kept)
    after = box(console, "nora@outreach.example")
    assert (after.addresses, after.folders, after.password) == ([], ["\\Archive"], before.password)
    moved = browser.post(there, kept | {"host": "imap.elsewhere.example"})
    assert (moved.status_code, "give the password again" in moved.text) == (409, True)
    assert "is changed" in browser.said(there, kept | {"host": "imap.elsewhere.example", "password": "x"})
    assert box(console, "nora@outreach.example").host == "imap.elsewhere.example"


def test_nobody_leads_the_daemon_inside_or_to_its_files_from_a_page(console: Console, browser: Browser) -> None:
    inside = NEW | {"host": "inside.example"}
    refused = browser.sign_in().post("/mailboxes/new", inside)
    assert (refused.status_code, "INBOX_MAILBOX_PRIVATE_HOSTS" in refused.text) == (409, True)
    browser.done("/mailboxes/new", NEW | {"ca_file": "/etc/passwd"})
    added = box(console, "nora@outreach.example")
    assert added.ca_file is None
    there = f"/mailboxes/{added.id}/change"
    assert "private network" in browser.post(there, inside).text
    with transaction(console.engine) as session:
        session.get_one(Mailbox, added.id).ca_file = "/etc/ours.pem"
    browser.done(there, NEW | {"ca_file": ""})
    after = box(console, "nora@outreach.example")
    assert (after.host, after.ca_file) == (NEW["host"], "/etc/ours.pem")
    console.settings["mailbox_private_hosts"] = True
    assert "is changed" in browser.said(there, inside)
    assert box(console, "nora@outreach.example").host == "inside.example"


def begin(browser: Browser, path: str = "/mailboxes/new", **fields: str) -> str:
    """Ask for a consent and return the address that the browser is sent back to."""
    page = browser.done(
        path, fields or {"name": "gina@outreach.example", "sign_in": "google", "folders": "INBOX\nNews"}
    )
    link = page.css_first("a.button.main")
    assert "Continue to Google" in link.text()
    back = urlsplit(httpx.get(str(link.attributes["href"])).headers["location"])
    return f"{back.path}?{back.query}"


def test_a_mailbox_is_added_by_signing_in_with_google(console: Console, browser: Browser, google: TokenServer) -> None:
    back = begin(browser.sign_in())
    cookie = browser.get("/mailboxes").request.headers["cookie"]
    assert "inbox_consent" in cookie
    assert "is added" in browser.page(back).css_first(".said p").text()
    added = box(console, "gina@outreach.example")
    assert (added.sign_in, added.host, added.password, added.folders) == (
        SignIn.GOOGLE, "imap.gmail.com", "", ["INBOX", "News"],
    )  # fmt: skip
    with reading(console.engine) as session:
        grant = session.get_one(OAuthGrant, added.id)
        assert Vault((console.settings["secret_keys"],)).open(str(grant.refresh_token)) in google.current.values()
    assert google.asked[0]["redirect_uri"] == "https://go.outreach.example/mailboxes/consent/callback"
    assert not any("inbox_consent" in name for name in browser.cookies)
    assert browser.get(back).status_code == 409


def test_a_consent_that_was_not_begun_here_or_took_too_long_adds_nothing(
    console: Console, browser: Browser, google: TokenServer
) -> None:
    back = begin(browser.sign_in())
    forged = browser.get("/mailboxes/consent/callback?state=other&code=stolen")
    assert (forged.status_code, "not the answer to our request" in forged.text) == (409, True)
    assert "was not begun in this browser" in Browser(console).sign_in().get(back).text
    with_cookie = Browser(console, cookies=httpx.Cookies(browser.cookies)).sign_in(Role.ADMIN, THEIRS)
    assert "was not begun in this browser" in with_cookie.get(back).text
    console.now += timedelta(minutes=11)
    assert "took longer than 10 minutes" in browser.get(back).text
    assert not google.asked
    assert "Add a mailbox" in browser.page("/mailboxes").css_first("main").text()
    with reading(console.engine) as session:
        assert session.scalars(select(Mailbox.name)).all() == [BOX.name]


def test_a_stopped_mailbox_is_signed_in_anew_and_polled_again(
    console: Console, browser: Browser, google: TokenServer
) -> None:
    stopped = {"sign_in": SignIn.GOOGLE, "stopped_at": NOW, "failures": 3, "last_error": "revoked", "password": ""}
    mailbox_id = make(console, "gina@outreach.example", **stopped)
    browser.sign_in()
    assert f"/mailboxes/{mailbox_id}/sign-in" in actions(browser.page(f"/mailboxes/{mailbox_id}"))
    back = begin(browser, f"/mailboxes/{mailbox_id}/sign-in", provider="google")
    assert "signed in anew" in browser.page(back).css_first(".said p").text()
    after = box(console, "gina@outreach.example")
    assert (after.stopped_at, after.failures, after.last_error, len(google.current)) == (None, 0, None, 1)


@pytest.mark.parametrize("moved", [{"host": "imap.elsewhere.example"}, {"port": 4444}])
def test_a_mailbox_that_was_led_elsewhere_meanwhile_gets_no_tokens(
    console: Console, browser: Browser, google: TokenServer, moved: dict[str, Any]
) -> None:
    mailbox_id = make(console, "gina@outreach.example", host="imap.gmail.com")
    back = begin(browser.sign_in(), f"/mailboxes/{mailbox_id}/sign-in", provider="google")
    with transaction(console.engine) as session:
        for name, value in moved.items():
            setattr(session.get_one(Mailbox, mailbox_id), name, value)
    answer = browser.get(back)
    assert (answer.status_code, "no access of google is shown there" in answer.text) == (409, True)
    after = box(console, "gina@outreach.example")
    assert (after.sign_in, after.password) == (SignIn.PASSWORD, "canary-password")
    with reading(console.engine) as session:
        assert session.scalars(select(OAuthGrant)).all() == []
    del google


def test_access_is_asked_for_only_where_it_is_shown_to_the_providers_own_server(
    browser: Browser, google: TokenServer
) -> None:
    assert "/mailboxes/1/sign-in" not in actions(browser.sign_in().page("/mailboxes/1"))
    answer = browser.post("/mailboxes/1/sign-in", {"provider": "google"})
    assert (answer.status_code, "no access of google is shown there" in answer.text) == (409, True)
    assert not google.described


def test_a_provider_where_we_are_not_registered_is_named_with_its_setting(browser: Browser) -> None:
    form = browser.sign_in().page("/mailboxes/new").css_first("form.mailbox-form")
    assert "INBOX_GOOGLE_CLIENT_ID" in form.text()
    assert "https://go.outreach.example/mailboxes/consent/callback" in form.text()
    assert "disabled" in form.css_first("[value=microsoft]").attributes
    answer = browser.post("/mailboxes/new", {"name": "gina@outreach.example", "sign_in": "google"})
    assert (answer.status_code, "INBOX_GOOGLE_CLIENT_ID" in answer.text) == (409, True)


def test_without_a_key_nobody_is_sent_to_a_provider(console: Console, browser: Browser, google: TokenServer) -> None:
    del console.settings["secret_keys"]
    answer = browser.sign_in().post("/mailboxes/new", {"name": "gina@outreach.example", "sign_in": "google"})
    assert (answer.status_code, "there is no key" in answer.text, google.described) == (409, True, 0)


@pytest.mark.usefixtures("google")
def test_more_than_a_cookie_holds_is_refused_before_anybody_consents(browser: Browser) -> None:
    long = {"name": "gina@outreach.example", "sign_in": "google", "folders": "\n".join(map(str, range(900)))}
    answer = browser.sign_in().post("/mailboxes/new", long)
    assert (answer.status_code, "the lists later" in answer.text) == (409, True)


def test_a_provider_where_we_are_registered_lacks_nothing(browser: Browser, google: TokenServer) -> None:
    del google
    form = browser.sign_in().page("/mailboxes/new").css_first("form.mailbox-form")
    assert "disabled" not in form.css_first("[value=google]").attributes
    assert "disabled" in form.css_first("[value=microsoft]").attributes
