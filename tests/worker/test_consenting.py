"""A consent that goes through a browser and comes back to whoever sent it, here to a page of ours."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from models.tables.handling import GrantKind
from models.tables.mailboxes import SignIn
from tests.worker.token_server import CLIENT_ID, CLIENT_SECRET, TokenServer, token_server
from worker.errors import InputError
from worker.oauth.consenting import begin, finish
from worker.oauth.providers import Provider
from worker.oauth.tokens import Consent

NOW = datetime(2026, 5, 4, 9, tzinfo=UTC)
BACK = "https://console.example/mailboxes/consent"


@pytest.fixture
def server() -> Iterator[TokenServer]:
    with token_server() as running:
        yield running


@pytest.fixture
def google(server: TokenServer) -> Provider:
    return Provider(SignIn.GOOGLE, server.issuer, CLIENT_ID, CLIENT_SECRET)


def kept(consent: Consent) -> Consent:
    """Return what a page keeps of a consent while the browser is away."""
    return Consent("", consent.state, consent.redirect, consent.verifier)


def test_a_browser_is_sent_away_and_its_answer_becomes_a_consent(server: TokenServer, google: Provider) -> None:
    consent = begin(google, BACK, "mila@outreach.example")
    asked = {name: values[0] for name, values in parse_qs(urlsplit(consent.url).query).items()}
    assert (asked["redirect_uri"], asked["login_hint"], asked["state"]) == (
        BACK, "mila@outreach.example", consent.state,
    )  # fmt: skip
    assert (asked["code_challenge_method"], consent.verifier not in consent.url) == ("S256", True)
    kind, tokens = finish(google, kept(consent), httpx.get(consent.url).headers["Location"], NOW)
    assert (kind, tokens.refresh in server.current.values()) == (GrantKind.REFRESH, True)
    assert server.asked[0]["redirect_uri"] == BACK


def test_an_answer_that_was_sent_by_somebody_else_is_refused(server: TokenServer, google: Provider) -> None:
    consent = begin(google, BACK, "mila@outreach.example")
    with pytest.raises(InputError, match="not the answer to our request"):
        finish(google, kept(consent), f"{BACK}?state=other&code=stolen", NOW)
    assert not server.asked


def test_a_refusal_is_told_in_the_providers_words(server: TokenServer, google: Provider) -> None:
    consent = begin(google, BACK, "mila@outreach.example")
    with pytest.raises(InputError, match="Google gives no access token: access_denied: no thanks"):
        finish(google, kept(consent), f"?state={consent.state}&error=access_denied&error_description=no+thanks", NOW)
    server.fails = [(400, {"error": "invalid_grant"})]
    with pytest.raises(InputError, match="Google gives no access token: invalid_grant"):
        finish(google, kept(consent), f"{BACK}?state={consent.state}&code=1", NOW)


def test_a_consent_for_an_hour_is_refused(server: TokenServer, google: Provider) -> None:
    consent = begin(google, BACK, "mila@outreach.example")
    server.fails = [(200, {"access_token": "x", "expires_in": 3600})]
    with pytest.raises(InputError, match="no refresh token"):
        finish(google, kept(consent), f"{BACK}?state={consent.state}&code=1", NOW)


def test_a_provider_that_cannot_be_asked_is_named() -> None:
    nobody = Provider(SignIn.MICROSOFT, "http://127.0.0.1:1", CLIENT_ID, None)
    with pytest.raises(InputError, match=r"Microsoft gives no access token: http://127\.0\.0\.1:1 cannot be asked"):
        begin(nobody, BACK, "mila@outreach.example")
