"""Sign-in with an identity provider: who is let in, and what is not believed."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import timedelta
from threading import BoundedSemaphore
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc.jwk import ECKey
from selectolax.lexbor import LexborHTMLParser

from console.views import single_sign_on
from models.people import Role
from models.session import transaction
from tests.console.conftest import OURS, PUBLIC_URL, Console
from tests.console.identity_provider import CLIENT_ID, CLIENT_SECRET, IdentityProvider, identity_provider, rsa_key
from tests.console.visiting import Browser
from worker.act import Act
from worker.users import add_user, disable, user_id_of

PETRA = "petra@outreach.example"
COOKIE = "inbox_sign_in"


@pytest.fixture
def provider(console: Console) -> Iterator[IdentityProvider]:
    """A provider that knows Petra, whom the console knows too."""
    with identity_provider(lambda: console.now) as running:
        running.claims["email"] = PETRA
        console.settings |= {
            "oidc_issuer": running.issuer,
            "oidc_client_id": CLIENT_ID,
            "oidc_client_secret": CLIENT_SECRET,
            "oidc_name": "Outreach & Sons",
        }
        with transaction(console.engine) as session:
            add_user(session, OURS, PETRA, Role.EDITOR, Act("test", console.now), None)
        yield running


def go_there(browser: Browser, path: str = "/sign-in/provider") -> str:
    """Press the button; return where the provider sends the browser back to, as a path of ours."""
    sent = browser.get(path, follow=False)
    assert sent.status_code == 303, sent.text
    back = urlsplit(httpx.get(sent.headers["location"]).headers["location"])
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
    before = browser.cookies["inbox_session"]
    answer = come_back(browser, go_there(browser, str(button.attributes["href"])))
    assert (answer.status_code, answer.headers["location"]) == (303, "/account?x=1")
    assert PETRA in browser.page("/account").html
    assert browser.cookies["inbox_session"] != before
    assert f"user {PETRA} signed in" in caplog.text
    assert not any(secret in caplog.text for secret in ("canary", "eyJ", *provider.codes))


def test_without_a_provider_there_is_no_button_and_no_such_page(console: Console, browser: Browser) -> None:
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
    assert cookie.startswith(COOKIE)
    assert all(each in cookie for each in ("httponly", "samesite=lax", "secure", "max-age=600"))


def test_a_public_client_needs_no_secret(console: Console, browser: Browser, provider: IdentityProvider) -> None:
    console.settings.pop("oidc_client_secret")
    provider.client_secret = None
    assert come_back(browser).status_code == 303
    assert is_signed_in(browser)


@pytest.mark.parametrize(
    ("alg", "key"), [("RS256", rsa_key(1)), ("PS256", rsa_key(2)), ("ES256", ECKey.generate_key("P-256"))]
)
def test_id_tokens_are_signed_with_a_key_of_the_provider(
    browser: Browser, provider: IdentityProvider, alg: str, key: Any
) -> None:
    provider.alg, provider.key = alg, key
    assert come_back(browser).status_code == 303
    assert is_signed_in(browser)


def test_a_provider_may_exchange_its_keys_at_any_time(browser: Browser, provider: IdentityProvider) -> None:
    back = go_there(browser)
    provider.key = rsa_key(2)
    assert come_back(browser, back).status_code == 303
    assert is_signed_in(browser)


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": [CLIENT_ID]},
        {"aud": [CLIENT_ID, "another"], "azp": CLIENT_ID},
        {"email": PETRA.upper()},
        {"exp": -30},
        {"iat": 30},
    ],
    ids=str,
)
def test_what_the_protocol_allows_is_accepted(
    console: Console, browser: Browser, provider: IdentityProvider, claims: dict[str, Any]
) -> None:
    provider.claims |= in_time(console, claims)
    assert come_back(browser).status_code == 303
    assert is_signed_in(browser)


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"nonce": "another"}, "'nonce'"),
        ({"nonce": None}, "'nonce'"),
        ({"aud": "another"}, "'aud'"),
        ({"aud": []}, "'aud'"),
        ({"aud": [CLIENT_ID, "another"]}, "'azp'"),
        ({"azp": "another"}, "'azp'"),
        ({"iss": "http://127.0.0.1:1"}, "'iss'"),
        ({"sub": None}, "'sub'"),
        ({"exp": -120}, "expired"),
        ({"exp": None}, "'exp'"),
        ({"exp": "soon"}, "'exp'"),
        ({"iat": 120}, "future"),
        ({"nbf": 120}, "not yet valid"),
    ],
    ids=str,
)
def test_an_id_token_that_is_not_for_us_now_lets_nobody_in(
    console: Console, browser: Browser, provider: IdentityProvider, claims: dict[str, Any], reason: str
) -> None:
    provider.claims |= in_time(console, claims)
    told = refusal(come_back(browser))
    assert "cannot be believed" in told
    assert reason in told
    assert not is_signed_in(browser)


def in_time(console: Console, claims: dict[str, Any]) -> dict[str, Any]:
    """Return claims with their times, which the examples give in seconds from now."""
    now = int(console.now.timestamp())
    return {
        name: now + value if name in {"exp", "iat", "nbf"} and isinstance(value, int) else value
        for name, value in claims.items()
    }


@pytest.mark.parametrize("alg", ["none", "HS256"])
def test_what_anybody_can_sign_lets_nobody_in(browser: Browser, provider: IdentityProvider, alg: str) -> None:
    provider.alg = alg
    assert f"'{alg}' is not allowed" in refusal(come_back(browser))
    assert not is_signed_in(browser)


def test_an_algorithm_that_the_provider_does_not_name_is_not_believed(
    browser: Browser, provider: IdentityProvider
) -> None:
    provider.described["id_token_signing_alg_values_supported"] = ["ES256"]
    assert "'RS256' is not allowed" in refusal(come_back(browser))


@pytest.mark.parametrize("offered", [[], ["HS256", "none"], "RS256", [["RS256"]]])
def test_a_provider_that_signs_by_nothing_that_can_be_believed_is_not_asked(
    browser: Browser, provider: IdentityProvider, offered: Any
) -> None:
    provider.described["id_token_signing_alg_values_supported"] = offered
    answer = browser.get("/sign-in/provider", follow=False)
    assert "none of the algorithms" in refusal(answer, 503)


def test_an_id_token_signed_with_another_key_lets_nobody_in(browser: Browser, provider: IdentityProvider) -> None:
    stolen = rsa_key(2).as_dict(private=True) | {"kid": provider.key.kid}
    provider.signs_with = type(rsa_key()).import_key(stolen)
    assert "cannot be believed" in refusal(come_back(browser))
    assert not is_signed_in(browser)


@pytest.mark.parametrize(
    "claims",
    [
        {"email_verified": False},
        {"email_verified": None},
        {"email_verified": "true"},
        {"email_verified": 1},
        {"email": None, "preferred_username": PETRA},
        {"email": [PETRA]},
        {"email": "petra"},
    ],
    ids=str,
)
def test_an_address_that_the_provider_has_not_verified_lets_nobody_in(
    console: Console, browser: Browser, provider: IdentityProvider, claims: dict[str, Any]
) -> None:
    with transaction(console.engine) as session:
        add_user(session, OURS, "petra", Role.ADMIN, Act("test", console.now), None)
    provider.claims |= claims
    assert "not say that your mail address is verified" in refusal(come_back(browser))
    assert not is_signed_in(browser)


def test_a_provider_may_tell_the_address_at_its_userinfo_endpoint(browser: Browser, provider: IdentityProvider) -> None:
    provider.claims |= {"email": "somebody@else.example", "email_verified": None}
    provider.user_info = {"sub": provider.subject, "email": PETRA, "email_verified": True}
    assert come_back(browser).status_code == 303
    assert PETRA in browser.page("/account").html


@pytest.mark.parametrize(
    "said", [{"sub": "subject-2"}, {"sub": None}, {"email_verified": False}, {"error": "invalid_token"}]
)
def test_what_userinfo_says_of_somebody_else_or_unverified_lets_nobody_in(
    browser: Browser, provider: IdentityProvider, said: dict[str, Any]
) -> None:
    provider.claims["email_verified"] = None
    provider.user_info = {"sub": provider.subject, "email": PETRA, "email_verified": True} | said
    assert come_back(browser).status_code in {403, 503}
    assert not is_signed_in(browser)


@pytest.mark.parametrize(
    "address",
    ["nobody@outreach.example", "\N{KELVIN SIGN}laus@outreach.example", "petra\0@outreach.example", "@" * 201],
)
def test_who_is_no_user_is_refused_and_nobody_is_created(
    console: Console, browser: Browser, provider: IdentityProvider, address: str
) -> None:
    with transaction(console.engine) as session:
        add_user(session, OURS, "klaus@outreach.example", Role.ADMIN, Act("test", console.now), None)
    provider.claims["email"] = address
    assert refusal(come_back(browser))
    assert not is_signed_in(browser)
    assert address not in Browser(console).sign_in().page("/users").text()


def test_who_is_disabled_is_refused_in_words_and_in_the_log(
    console: Console, browser: Browser, provider: IdentityProvider, caplog: pytest.LogCaptureFixture
) -> None:
    del provider
    back = go_there(browser)
    with transaction(console.engine) as session:
        disable(session, OURS, user_id_of(session, OURS, PETRA), Act("test", console.now))
    told = refusal(come_back(browser, back))
    assert "an admin of your team adds you, or enables you again" in told
    assert f"nobody named {PETRA} may sign in here" in caplog.text
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
    browser.cookies.set(COOKIE, browser.cookies[COOKIE] + "x", domain="console")
    browser.cookies.set(COOKIE, "e30.x")
    assert not is_signed_in(browser) and come_back(browser, back).status_code == 403


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


def test_an_answer_without_a_code_is_refused(browser: Browser, provider: IdentityProvider) -> None:
    provider.refuses = {"nothing": "x"}
    assert "sent no code" in refusal(come_back(browser))


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


DESCRIPTION = "/.well-known/openid-configuration"
HUGE = "x" * 70_000


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        (DESCRIPTION, (500, "it hurts")),
        (DESCRIPTION, (200, "<html>")),
        (DESCRIPTION, (200, [])),
        (DESCRIPTION, (200, {})),
        (DESCRIPTION, (200, HUGE)),
        (DESCRIPTION, (200, "[" * 60_000)),
        (DESCRIPTION, (302, {})),
        ("/jwks", (200, "nonsense")),
        ("/jwks", (200, {"keys": HUGE})),
    ],
    ids=range(9),
)
def test_a_provider_that_describes_itself_as_nonsense_is_not_followed(
    browser: Browser, provider: IdentityProvider, path: str, answer: tuple[int, Any]
) -> None:
    provider.answers[path] = answer
    told = refusal(browser.get("/sign-in/provider", follow=False), 503)
    assert provider.issuer in told
    assert len(told) < 700


@pytest.mark.parametrize(
    "described",
    [
        {"issuer": "https://evil.example"},
        {"issuer": None},
        {"token_endpoint": "http://token.example/token"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"jwks_uri": 7},
        {"userinfo_endpoint": "ftp://127.0.0.1/"},
    ],
    ids=str,
)
def test_a_provider_that_leads_elsewhere_is_not_followed(
    browser: Browser, provider: IdentityProvider, described: dict[str, Any]
) -> None:
    provider.described |= described
    assert provider.issuer in refusal(browser.get("/sign-in/provider", follow=False), 503)


@pytest.mark.parametrize(
    "keys",
    [
        None,
        7,
        [],
        [7, {}, {"kty": []}, {"kty": "oct", "k": "c2VjcmV0", "kid": "rsa-1"}],
        [{"kty": "RSA", "n": "AA", "e": "AA", "kid": "rsa-1"}, {"kty": "EC", "crv": "P-1", "x": "AA", "y": "AA"}],
    ],
    ids=str,
)
def test_without_a_key_that_can_be_used_nobody_is_let_in(
    browser: Browser, provider: IdentityProvider, keys: Any
) -> None:
    provider.answers["/jwks"] = (200, {"keys": keys})
    assert "cannot be believed" in refusal(come_back(browser))


def test_keys_of_kinds_that_nobody_knows_here_do_not_matter(browser: Browser, provider: IdentityProvider) -> None:
    shown = provider.key.as_dict(private=False)
    provider.answers["/jwks"] = (200, {"keys": [{"kty": "AKP", "kid": "x"}, {"kty": "RSA"}, shown]})
    assert come_back(browser).status_code == 303


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        ((500, "it hurts"), 503),
        ((200, {}), 503),
        ((200, {"id_token": 7}), 503),
        ((200, {"id_token": HUGE}), 503),
        ((200, {"id_token": "a.b.c"}), 403),
        ((200, {"id_token": "x" * 5_000}), 403),
        ((200, {"id_token": "eyJhbGciOltdfQ.e30."}), 403),
        ((200, {"id_token": "W10.e30."}), 403),
        ((200, {"id_token": "....."}), 403),
    ],
    ids=range(9),
)
def test_a_provider_that_answers_nonsense_lets_nobody_in(
    browser: Browser, provider: IdentityProvider, answer: tuple[int, Any], status: int
) -> None:
    provider.answers["/token"] = answer
    assert len(refusal(come_back(browser), status)) < 700
    assert not is_signed_in(browser)


@pytest.mark.parametrize("next_", ["https://evil.example", "//evil.example", "/\\evil.example", "/\t/evil.example"])
def test_nobody_is_sent_to_another_site(browser: Browser, provider: IdentityProvider, next_: str) -> None:
    del provider
    sent = browser.get("/sign-in/provider", params={"next": next_}, follow=False)
    back = urlsplit(httpx.get(sent.headers["location"]).headers["location"])
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
    monkeypatch.setattr(single_sign_on, "_turns", BoundedSemaphore(1))
    with single_sign_on._turn():
        assert "too many people" in refusal(browser.get("/sign-in/provider", follow=False))
    assert provider.asked == []
    assert come_back(browser).status_code == 303
