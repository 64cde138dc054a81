"""Access tokens are asked for as the protocol says, and refusals keep the provider's words."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from math import inf
from time import sleep
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpcore
import pytest

from config.settings import Settings
from models.tables.mailboxes import SignIn
from tests.provider import browse
from tests.worker.token_server import CLIENT_ID, CLIENT_SECRET, TokenServer, token_server
from worker.errors import InputError
from worker.imap.connection import tls_context
from worker.oauth.asking import TokenError
from worker.oauth.providers import KINDS, Provider, provider_of
from worker.oauth.tokens import as_client, ask_confirmed, ask_consent, ask_device, redeem, refresh

NOW = datetime(2026, 5, 4, 9, tzinfo=UTC)
HERE = "http://127.0.0.1:1"


@pytest.fixture
def server() -> Iterator[TokenServer]:
    with token_server() as running:
        yield running


def google(server: TokenServer, client_secret: str | None = CLIENT_SECRET) -> Provider:
    return Provider(SignIn.GOOGLE, server.issuer, CLIENT_ID, client_secret)


def microsoft(server: TokenServer, client_secret: str | None = CLIENT_SECRET) -> Provider:
    return Provider(SignIn.MICROSOFT, server.issuer, CLIENT_ID, client_secret)


def test_a_consent_in_a_browser_gives_tokens(server: TokenServer) -> None:
    consent = ask_consent(google(server), HERE, "mila@outreach.example")
    asked = {name: values[0] for name, values in parse_qs(urlsplit(consent.url).query).items()}
    assert asked["scope"] == "https://mail.google.com/"
    assert (asked["response_type"], asked["code_challenge_method"]) == ("code", "S256")
    assert (asked["access_type"], asked["prompt"], asked["login_hint"]) == (
        "offline",
        "consent",
        "mila@outreach.example",
    )
    tokens = redeem(google(server), consent, browse(consent.url), NOW)
    assert tokens.expires_at == NOW + timedelta(hours=1)
    assert tokens.refresh in server.families
    assert consent.verifier not in consent.url
    assert CLIENT_SECRET not in consent.url


def test_a_code_is_worth_nothing_without_the_verifier(server: TokenServer) -> None:
    ours, theirs = (ask_consent(google(server), HERE, "x") for _ in range(2))
    stolen = parse_qs(urlsplit(browse(theirs.url)).query)["code"][0]
    with pytest.raises(TokenError, match="invalid_grant: the code does not fit"):
        redeem(google(server), ours, f"{HERE}?code={stolen}&state={ours.state}", NOW)


@pytest.mark.parametrize("answer", ["", "http://[", f"{HERE}?code=1&state=other", f"{HERE}?code=1", f"{HERE}?state="])
def test_an_answer_to_another_request_is_refused_unseen(server: TokenServer, answer: str) -> None:
    consent = ask_consent(google(server), HERE, "x")
    with pytest.raises(InputError, match="not the answer to our request"):
        redeem(google(server), consent, answer, NOW)
    assert not server.asked


def test_a_person_who_says_no_is_understood(server: TokenServer) -> None:
    consent = ask_consent(google(server), HERE, "x")
    with pytest.raises(TokenError, match="access_denied: The user said no") as caught:
        redeem(google(server), consent, f"{HERE}?error=access_denied&error_description=The+user+said+no"
               f"&state={consent.state}", NOW)  # fmt: skip
    assert caught.value.about_consent
    with pytest.raises(InputError, match="holds no code"):
        redeem(google(server), consent, f"{HERE}?state={consent.state}", NOW)


def test_a_device_waits_until_somebody_confirms(server: TokenServer) -> None:
    device = ask_device(microsoft(server), NOW)
    assert (device.user_code, device.seconds) == ("WDJB-MJHT", 5)
    assert device.expires_at == NOW + timedelta(seconds=900)
    server.pending = ["authorization_pending", "slow_down"]
    for code in ("authorization_pending", "slow_down"):
        with pytest.raises(TokenError) as caught:
            ask_confirmed(microsoft(server), device, NOW)
        assert (caught.value.code, caught.value.passing) == (code, True)
    assert ask_confirmed(microsoft(server), device, NOW).refresh in server.families


def test_google_lets_no_device_ask_and_gives_applications_nothing(server: TokenServer) -> None:
    with pytest.raises(InputError, match="leave out --flow device"):
        ask_device(google(server), NOW)
    with pytest.raises(InputError, match="leave out --flow client"):
        as_client(google(server), NOW)


def test_an_application_gets_tokens_for_its_tenant_alone(server: TokenServer) -> None:
    tokens = as_client(microsoft(server), NOW)
    assert (server.asked[0]["grant_type"], server.asked[0]["scope"]) == (
        "client_credentials",
        KINDS[SignIn.MICROSOFT].client_scope,
    )
    assert tokens.refresh is None
    with pytest.raises(InputError, match="INBOX_MICROSOFT_CLIENT_SECRET"):
        as_client(microsoft(server, None), NOW)
    everybody = Provider(SignIn.MICROSOFT, "https://login.microsoftonline.com/common/v2.0", CLIENT_ID, CLIENT_SECRET)
    with pytest.raises(InputError, match="needs your tenant in INBOX_MICROSOFT_ISSUER"):
        as_client(everybody, NOW)


def test_a_refresh_gives_a_new_refresh_token_where_the_provider_rotates_them(server: TokenServer) -> None:
    first = server.consent()
    second = refresh(google(server), first, NOW).refresh
    assert second not in {None, first}
    server.rotates = False
    assert refresh(google(server), str(second), NOW).refresh is None
    assert server.asked[0] == {"grant_type": "refresh_token", "refresh_token": first, "client_id": CLIENT_ID,
                               "client_secret": CLIENT_SECRET}  # fmt: skip


def test_a_public_client_sends_no_secret(server: TokenServer) -> None:
    refresh(microsoft(server, None), server.consent(), NOW)
    assert "client_secret" not in server.asked[0]


def test_a_token_whose_lifetime_is_not_told_is_thought_to_last_an_hour(server: TokenServer) -> None:
    server.lifetime = None
    assert refresh(google(server), server.consent(), NOW).expires_at == NOW + timedelta(hours=1)


REFUSALS: dict[str, tuple[int, Any, str, bool, bool]] = {
    "revoked": (400, {"error": "invalid_grant", "error_description": "Gone."}, "invalid_grant: Gone.", False, True),
    "a client that is not known": (401, {"error": "invalid_client"}, "invalid_client", False, False),
    "asked too often": (429, {"error": "rate_limit_exceeded"}, "rate_limit_exceeded", True, False),
    "a gateway": (502, "<html>Bad gateway", "502 Bad Gateway", True, False),
    "a page": (200, "<html>Welcome to our hotel", "no sense|not a JSON object", True, False),
    "lines": (400, {"error": "invalid_grant", "error_description": 'Le jeton "x"\r\na expiré.\0'},
              '^invalid_grant: Le jeton "x" a expiré.$', False, True),
    "an error of another form": (400, {"error": {"code": "x"}}, "'code': 'x'", True, False),
    "a list": (200, [], "no JSON object", True, False),
    "a deep list": (200, "[" * 60_000, "no JSON object", True, False),
    "no token": (200, {"token_type": "Bearer"}, "no access token", True, False),
    "a token that is null": (200, {"access_token": None}, "no access token", True, False),
    "a token that is an object": (200, {"access_token": {"x": 1}}, "no access token", True, False),
    "a token of two lines": (200, {"access_token": "x\ny"}, "no access token", True, False),
    "a refresh token that is a number": (200, {"access_token": "x", "refresh_token": 7}, "no refresh", True, False),
    "a refresh token that is an object": (200, {"access_token": "x", "refresh_token": {"x": 1}}, "no refresh", True,
                                          False),
    "no lifetime at all": (200, {"access_token": "x", "expires_in": 0}, "expires_in is no number", True, False),
    "an endless lifetime": (200, {"access_token": "x", "expires_in": inf}, "expires_in is no number", True, False),
    "a lifetime beyond all numbers": (200, {"access_token": "x", "expires_in": 10**400}, "no sense", True, False),
    "a lifetime that is a list": (200, {"access_token": "x", "expires_in": []}, "expires_in is no number", True, False),
    "an answer without end": (200, " " * 70_000, "longer than 65536 octets", True, False),
    "a nonsense lifetime": (200, {"access_token": "x", "expires_in": "soon"}, "makes no sense", True, False),
}  # fmt: skip


@pytest.mark.parametrize("why", REFUSALS)
def test_a_refusal_keeps_the_words_of_the_provider_and_says_whether_it_passes(server: TokenServer, why: str) -> None:
    status, said, words, passing, about_consent = REFUSALS[why]
    server.fails = [(status, said)]
    with pytest.raises(TokenError, match=words) as caught:
        refresh(google(server), server.consent(), NOW)
    assert (caught.value.passing, caught.value.about_consent) == (passing, about_consent)


@pytest.mark.parametrize("odd", [{"interval": -1}, {"interval": 1e300}, {"expires_in": inf}, {"expires_in": None},
                                 {"device_code": 7}, {"verification_uri": "https://x\x1b[2J"}])  # fmt: skip
def test_an_odd_answer_to_a_device_is_told_in_plain_words(
    server: TokenServer, monkeypatch: pytest.MonkeyPatch, odd: dict[str, Any]
) -> None:
    status, said = server.device({"client_id": CLIENT_ID, "scope": "x"})
    monkeypatch.setattr(server, "device", lambda _: (status, said | odd))
    with pytest.raises(
        TokenError, match=r"makes no sense: .*(no number of seconds|no device code|no verification uri)"
    ):
        ask_device(microsoft(server), NOW)


def test_a_provider_that_drips_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("worker.oauth.http.SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def drip() -> None:
            connection, _ = listener.accept()
            with connection, suppress(OSError):
                connection.recv(9999)
                for octet in b"HTTP/1.1 400 No\r\nContent-Length: 2\r\n\r\n{}":
                    connection.send(bytes([octet]))
                    sleep(0.02)

        thread = threading.Thread(target=drip)
        thread.start()
        slow = Provider(SignIn.GOOGLE, f"http://127.0.0.1:{listener.getsockname()[1]}", CLIENT_ID, CLIENT_SECRET)
        with pytest.raises(TokenError, match=r"cannot be asked: .*(timed out|too long)"):
            refresh(slow, "x", NOW)
        thread.join()


def test_what_is_negotiated_for_http_is_not_offered_to_mail_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    used: list[object] = []
    pool = httpcore.ConnectionPool

    def watched(**given: Any) -> httpcore.ConnectionPool:
        used.append(given["ssl_context"])
        return pool(**given)

    monkeypatch.setattr(httpcore, "ConnectionPool", watched)
    with pytest.raises(TokenError):
        refresh(Provider(SignIn.GOOGLE, "https://127.0.0.1:1", CLIENT_ID, CLIENT_SECRET), "x", NOW)
    assert used
    assert tls_context(None) not in used


def test_no_proxy_of_the_environment_sees_a_request(server: TokenServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "socks5://127.0.0.1:1")
    assert refresh(google(server), server.consent(), NOW).access


def test_a_provider_that_does_not_answer_passes() -> None:
    away = Provider(SignIn.GOOGLE, "http://127.0.0.1:1", CLIENT_ID, CLIENT_SECRET)
    with pytest.raises(TokenError, match=r"cannot be asked: .*refused") as caught:
        refresh(away, "x", NOW)
    assert caught.value.passing


def test_a_provider_is_asked_once_where_its_endpoints_are(server: TokenServer) -> None:
    for _ in range(3):
        refresh(google(server), server.consent(), NOW)
    assert server.described == 1


def test_a_provider_that_calls_itself_otherwise_is_not_believed() -> None:
    with token_server(issuer_said="https://evil.example") as server:
        with pytest.raises(TokenError, match=r"calls itself https://evil\.example"):
            refresh(google(server), server.consent(), NOW)
        server.issuer_said = "http://127.0.0.1:{tenantid}"
        refresh(google(server), server.consent(), NOW)


def test_secrets_are_sent_nowhere_that_is_not_encrypted(server: TokenServer, monkeypatch: pytest.MonkeyPatch) -> None:
    said = server.describe() | {"token_endpoint": "http://login.example/token"}
    monkeypatch.setattr(server, "describe", lambda: said)
    with pytest.raises(TokenError, match="is not encrypted"):
        refresh(google(server), server.consent(), NOW)


def test_an_answer_that_leads_elsewhere_is_not_followed(server: TokenServer) -> None:
    server.fails = [(307, "")]
    with pytest.raises(TokenError):
        refresh(google(server), server.consent(), NOW)
    assert len(server.asked) == 1


def test_without_a_client_id_the_setting_is_named() -> None:
    with pytest.raises(InputError, match="INBOX_GOOGLE_CLIENT_ID"):
        provider_of(SignIn.GOOGLE, Settings(_env_file=None))


@pytest.mark.parametrize("issuer", ["http://login.example", "login.example", "https://login.example/?tenant=x"])
def test_an_issuer_is_encrypted_or_on_this_machine(issuer: str) -> None:
    with pytest.raises(ValueError, match="http:// is for this machine alone"):
        Settings(_env_file=None, microsoft_issuer=issuer)


def test_a_provider_that_lacks_an_endpoint_says_which_and_where_it_is_set(
    server: TokenServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = {name: url for name, url in server.describe().items() if name != "token_endpoint"}
    monkeypatch.setattr(server, "describe", lambda: said)
    with pytest.raises(TokenError, match="offers no token endpoint; see INBOX_GOOGLE_ISSUER") as caught:
        refresh(google(server), server.consent(), NOW)
    assert not caught.value.about_consent
