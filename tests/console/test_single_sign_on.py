"""Sign-in with an identity provider: who is let in, and what is not believed."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from shutil import copyfile
from threading import BoundedSemaphore
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from selectolax.lexbor import LexborHTMLParser

from config.settings import SettingsError, read
from console.views import single_sign_on
from models.session import open_engine, transaction
from models.tables.people import Role
from tests.console.conftest import OURS, PUBLIC_URL, Console
from tests.console.identity_provider import CLIENT_ID, CLIENT_SECRET, IdentityProvider, identity_provider
from tests.console.visiting import SESSION, Browser
from tests.provider import browse
from tests.worker.small_world import NOW, furnish
from worker.act import Act
from worker.people import oidc
from worker.people.users import add_user, disable

PETRA = "petra@outreach.example"
COOKIE = "__Host-inbox_sign_in"


SETTINGS = {
    "public_url": PUBLIC_URL,
    "oidc_client_id": CLIENT_ID,
    "oidc_client_secret": CLIENT_SECRET,
    "oidc_name": "Outreach & Sons",
}


@pytest.fixture(scope="module")
def world(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """A console that knows Petra, and two people whose names are close to hers or to another's."""
    path = tmp_path_factory.mktemp("single-sign-on") / "test.sqlite"
    copyfile(sqlite_template, path)
    engine = open_engine(f"sqlite:///{path}")
    furnish(engine)
    with transaction(engine) as session:
        for name in (PETRA, "petra", "klaus@outreach.example"):
            add_user(session, OURS, name, Role.EDITOR, Act("test", NOW), None)
    yield Console(engine)
    engine.dispose()


@pytest.fixture(scope="module")
def running(world: Console) -> Iterator[IdentityProvider]:
    with identity_provider(lambda: world.now) as provider:
        yield provider


@pytest.fixture
def console(world: Console, running: IdentityProvider, quick_passwords: None) -> Console:
    """The console, with a provider that it knows nothing of yet."""
    del quick_passwords
    world.now, world.settings = NOW, SETTINGS | {"oidc_issuer": running.issuer}
    return world


@pytest.fixture
def provider(running: IdentityProvider, console: Console, monkeypatch: pytest.MonkeyPatch) -> IdentityProvider:
    """A provider that knows Petra, and does what it should."""
    del console
    monkeypatch.setattr(oidc, "_known", {})
    return running.renewed(email=PETRA)


def go_there(browser: Browser, path: str = "/sign-in/provider") -> str:
    """Press the button; return where the provider sends the browser back to, as a path of ours."""
    sent = browser.get(path, follow=False)
    assert sent.status_code == 303, sent.text
    back = urlsplit(browse(sent.headers["location"]))
    assert f"{back.scheme}://{back.netloc}" == PUBLIC_URL
    return f"{back.path}?{back.query}"


def come_back(browser: Browser, back: str = "") -> httpx.Response:
    return browser.get(back or go_there(browser), follow=False)


def refusal(answer: httpx.Response, status: int = 403) -> str:
    """Return what the page to sign in at says of a refusal."""
    assert answer.status_code == status, answer.text
    told = LexborHTMLParser(answer.text).css_first("[role=alert]")
    assert told is not None
    return " ".join(told.text().split())


def is_signed_in(browser: Browser) -> bool:
    return browser.get("/account", follow=False).status_code == 200


def test_the_button_leads_to_the_provider_and_back_to_the_page_that_was_wanted(
    browser: Browser, provider: IdentityProvider, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    button = browser.page("/account?x=1").css_first("a.button")
    assert button.text() == "Sign in with Outreach & Sons"
    before = browser.cookies[SESSION]
    answer = come_back(browser, go_there(browser, str(button.attributes["href"])))
    assert (answer.status_code, answer.headers["location"]) == (303, "/account?x=1")
    assert PETRA in browser.page("/account").html
    assert browser.cookies[SESSION] != before
    assert f"user {PETRA} signed in" in caplog.text
    assert not any(secret in caplog.text for secret in ("canary", "eyJ", *provider.codes))


def test_without_a_provider_there_is_no_button_and_no_such_page(console: Console, browser: Browser) -> None:
    console.settings = {"public_url": PUBLIC_URL}
    assert browser.page("/sign-in").css_first("a.button") is None
    for path in ("/sign-in/provider", "/sign-in/callback?code=1&state=2"):
        assert console.ask("GET", path).status_code == 404


def test_who_is_signed_in_already_is_sent_on(browser: Browser, provider: IdentityProvider) -> None:
    browser.sign_in()
    sent = browser.get("/sign-in/provider?next=/users", follow=False)
    assert (sent.status_code, sent.headers["location"], provider.asked) == (303, "/users", [])


def test_the_request_is_what_the_protocol_asks_for_and_of_one_use(browser: Browser, provider: IdentityProvider) -> None:
    asked = [parse_qs(urlsplit(browser.get("/sign-in/provider", follow=False).headers["location"]).query) for _ in "12"]
    assert asked[0]["redirect_uri"] == [f"{PUBLIC_URL}/sign-in/callback"]
    assert (asked[0]["scope"], asked[0]["code_challenge_method"]) == (["openid email"], ["S256"])
    for name in ("state", "nonce", "code_challenge"):
        assert len(asked[0][name][0]) >= 43
        assert asked[0][name] != asked[1][name]
    assert provider.asked == ["/.well-known/openid-configuration", "/jwks"], "it is asked who it is once"


def test_without_a_public_address_the_browser_comes_back_to_where_it_was(
    console: Console, browser: Browser, provider: IdentityProvider
) -> None:
    del provider
    console.settings.pop("public_url")
    sent = browser.get("/sign-in/provider", follow=False).headers["location"]
    assert parse_qs(urlsplit(sent).query)["redirect_uri"] == ["https://console/sign-in/callback"]


def test_the_cookie_on_the_way_is_kept_from_scripts_and_comes_back_from_the_provider(
    browser: Browser, provider: IdentityProvider
) -> None:
    del provider
    cookie = browser.get("/sign-in/provider", follow=False).headers["set-cookie"].lower()
    assert cookie.startswith(COOKIE.lower())
    assert all(each in cookie for each in ("httponly", "samesite=lax", "secure", "max-age=600"))


def test_a_public_client_needs_no_secret(console: Console, browser: Browser, provider: IdentityProvider) -> None:
    console.settings.pop("oidc_client_secret")
    provider.client_secret = None
    assert come_back(browser).status_code == 303
    assert is_signed_in(browser)


@pytest.mark.parametrize(
    ("claims", "alg", "reason"),
    [
        ({"nonce": "another"}, "RS256", "'nonce'"),
        ({"aud": "another"}, "RS256", "'aud'"),
        ({"exp": 0}, "RS256", "expired"),
        ({}, "none", "'none' is not allowed"),
        ({}, "HS256", "'HS256' is not allowed"),
        ({"email_verified": False}, "RS256", "does not say that your mail address is verified"),
        ({"email": None, "preferred_username": PETRA}, "RS256", "does not say that your mail address is verified"),
    ],
    ids=str,
)
def test_what_cannot_be_believed_lets_nobody_in(
    browser: Browser, provider: IdentityProvider, claims: dict[str, Any], alg: str, reason: str
) -> None:
    provider.claims |= claims
    provider.alg = alg
    assert reason in refusal(come_back(browser))
    assert not is_signed_in(browser)


def test_capitals_of_an_address_make_no_difference(browser: Browser, provider: IdentityProvider) -> None:
    provider.claims["email"] = PETRA.upper()
    assert come_back(browser).status_code == 303
    assert is_signed_in(browser)


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("nobody@outreach.example", "nobody named nobody@outreach.example may sign in here"),
        ("\N{KELVIN SIGN}laus@outreach.example", "may sign in here"),
        ("petra\0@outreach.example", "that no user can have"),
        ("@" * 201, "that no user can have"),
    ],
)
def test_who_is_no_user_is_refused_and_nobody_is_created(
    console: Console, browser: Browser, provider: IdentityProvider, address: str, reason: str
) -> None:
    provider.claims["email"] = address
    assert reason in refusal(come_back(browser))
    assert not is_signed_in(browser)
    assert address not in Browser(console).sign_in().page("/users").text()


def test_who_is_disabled_is_refused_in_words_and_in_the_log(
    console: Console, browser: Browser, provider: IdentityProvider, caplog: pytest.LogCaptureFixture
) -> None:
    provider.claims["email"] = "otto@outreach.example"
    with transaction(console.engine) as session:
        user_id = add_user(session, OURS, "otto@outreach.example", Role.EDITOR, Act("test", NOW), None)
    assert come_back(browser).status_code == 303
    with transaction(console.engine) as session:
        disable(session, OURS, user_id, Act("test", NOW))
    told = refusal(come_back(browser))
    assert "an admin of your team adds you, or enables you again" in told
    assert "nobody named otto@outreach.example may sign in here" in caplog.text
    assert not is_signed_in(browser)


def test_an_answer_counts_once_and_only_in_the_browser_that_asked(
    console: Console, browser: Browser, provider: IdentityProvider
) -> None:
    back = go_there(browser)
    other = Browser(console)
    assert "was not begun in this browser" in refusal(come_back(other, back))
    kept = browser.cookies[COOKIE]
    assert come_back(browser, back).status_code == 303
    assert COOKIE not in browser.cookies
    assert "was not begun in this browser" in refusal(come_back(browser, back))
    other.cookies.set(COOKIE, kept)
    assert "invalid_grant: the code does not fit" in refusal(come_back(other, back)), "the provider knows it"
    assert not is_signed_in(other)
    assert provider.asked.count("/token") == 2


@pytest.mark.parametrize("state", ["another", "", "é"])
def test_an_answer_with_another_state_is_not_looked_at(
    browser: Browser, provider: IdentityProvider, state: str
) -> None:
    code = parse_qs(urlsplit(go_there(browser)).query)["code"][0]
    answer = browser.get("/sign-in/callback", params={"code": code, "state": state}, follow=False)
    assert "not the answer" in refusal(answer)
    assert "/token" not in provider.asked
    assert COOKIE not in browser.cookies


def test_the_answer_to_a_request_that_another_one_followed_is_refused(
    browser: Browser, provider: IdentityProvider
) -> None:
    del provider
    first = go_there(browser)
    go_there(browser)
    assert "begun last in this browser" in refusal(come_back(browser, first))


def test_who_takes_longer_than_ten_minutes_begins_again(
    console: Console, browser: Browser, provider: IdentityProvider
) -> None:
    del provider
    back = go_there(browser)
    console.now += timedelta(minutes=10, seconds=1)
    assert "longer than 10 minutes" in refusal(come_back(browser, back))


def test_a_forged_cookie_is_none(browser: Browser, provider: IdentityProvider) -> None:
    del provider
    back = go_there(browser)
    browser.cookies = httpx.Cookies({COOKIE: browser.cookies[COOKIE] + "x"})
    assert "was not begun in this browser" in refusal(come_back(browser, back))


def test_a_refusal_of_the_provider_is_told_in_its_words_as_text(browser: Browser, provider: IdentityProvider) -> None:
    provider.refuses = {"error": "access_denied", "error_description": "<script>x</script> \r\n" + "no " * 1000}
    answer = come_back(browser, go_there(browser, "/sign-in/provider?next=/users"))
    told = refusal(answer)
    assert told.startswith("Signing in with Outreach & Sons did not work: access_denied: <script>x</script> no no")
    assert len(told) < 700
    assert "<script>x" not in answer.text
    page = LexborHTMLParser(answer.text)
    assert page.css_first("a.button").attributes["href"] == "/sign-in/provider?next=%2Fusers"
    assert page.css_first("input[name=next]").attributes["value"] == "/users"


def test_a_wrong_client_secret_is_told_by_the_provider(
    console: Console, browser: Browser, provider: IdentityProvider, caplog: pytest.LogCaptureFixture
) -> None:
    del provider
    console.settings["oidc_client_secret"] = "canary-wrong"
    assert "the client secret has expired" in refusal(come_back(browser))
    assert "the client secret has expired" in caplog.text
    assert "canary" not in caplog.text


def test_a_provider_that_is_down_keeps_nobody_from_the_console(
    console: Console, browser: Browser, provider: IdentityProvider
) -> None:
    console.settings["oidc_issuer"] = "http://127.0.0.1:1"
    del provider
    assert "cannot be asked" in refusal(browser.get("/sign-in/provider", follow=False), 503)
    browser.sign_in()
    assert is_signed_in(browser)


def test_a_provider_that_answers_nonsense_lets_nobody_in(browser: Browser, provider: IdentityProvider) -> None:
    provider.answers["/token"] = (200, "x" * 70_000)
    assert "longer than" in refusal(come_back(browser), 503)
    assert not is_signed_in(browser)


@pytest.mark.parametrize("next_", ["https://evil.example", "//evil.example", "/\\evil.example", "/\t/evil.example"])
def test_nobody_is_sent_to_another_site(browser: Browser, provider: IdentityProvider, next_: str) -> None:
    del provider
    sent = browser.get("/sign-in/provider", params={"next": next_}, follow=False)
    back = urlsplit(browse(sent.headers["location"]))
    assert come_back(browser, f"{back.path}?{back.query}").headers["location"] == "/"


def test_a_page_too_long_for_a_cookie_is_forgotten_and_the_sign_in_is_not(
    browser: Browser, provider: IdentityProvider
) -> None:
    del provider
    back = go_there(browser, f"/sign-in/provider?next=/{'x' * 5_000}")
    assert len(browser.cookies[COOKIE]) < 3_000
    assert come_back(browser, back).headers["location"] == "/"


def test_while_too_many_wait_for_the_provider_it_is_not_asked(
    browser: Browser, provider: IdentityProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns = BoundedSemaphore(1)
    monkeypatch.setattr(single_sign_on, "_turns", turns)
    with turns:
        assert "too many people" in refusal(browser.get("/sign-in/provider", follow=False))
    assert provider.asked == []
    assert come_back(browser).status_code == 303


@pytest.mark.parametrize(
    "given",
    [{"oidc_issuer": "https://id.example"}, {"oidc_client_id": "x"}, {"oidc_issuer": " ", "oidc_client_id": "x"}],
)
def test_half_of_the_settings_is_an_error_that_names_both(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, given: dict[str, str]
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SettingsError, match="INBOX_OIDC_ISSUER and INBOX_OIDC_CLIENT_ID belong together"):
        read(**given)


def test_an_issuer_is_encrypted_or_on_this_machine_and_wrong_ones_are_told_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SettingsError, match="write https://host") as caught:
        read(oidc_issuer="http://id.example", oidc_client_id="x")
    assert "belong together" not in str(caught.value)
    assert read(oidc_issuer="https://id.example/", oidc_client_id="x").oidc_issuer == "https://id.example"
