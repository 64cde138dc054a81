"""What is believed of an identity provider, and what is not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from joserfc.jwk import ECKey

from tests.console.identity_provider import (
    CLIENT_ID,
    CLIENT_SECRET,
    IdentityProvider,
    identity_provider,
    rsa_key,
)
from tests.provider import browse
from tests.worker.small_world import NOW
from worker.errors import InputError
from worker.oauth.asking import TokenError
from worker.people import oidc
from worker.people.oidc import ask, verified_address

PETRA = "petra@outreach.example"
REDIRECT = "https://console.example/sign-in/callback"
DESCRIPTION = "/.well-known/openid-configuration"
HUGE = "x" * 70_000


@pytest.fixture(scope="module")
def running() -> Iterator[IdentityProvider]:
    with identity_provider(lambda: NOW) as provider:
        yield provider


@pytest.fixture
def provider(running: IdentityProvider, monkeypatch: pytest.MonkeyPatch) -> IdentityProvider:
    """A provider that knows Petra, does what it should, and was never asked."""
    monkeypatch.setattr(oidc, "_known", {})
    return running.renewed(email=PETRA)


def ours(provider: IdentityProvider) -> oidc.IdentityProvider:
    return oidc.IdentityProvider(provider.issuer, CLIENT_ID, CLIENT_SECRET)


def begin(provider: IdentityProvider) -> tuple[oidc.Asked, dict[str, str]]:
    """Return what was asked, and the answer that a browser brings back."""
    asked = ask(ours(provider), REDIRECT, NOW)
    back = urlsplit(browse(asked.url))
    assert f"{back.scheme}://{back.netloc}{back.path}" == REDIRECT
    return asked, dict(parse_qsl(back.query))


def address(provider: IdentityProvider) -> str:
    """Return the address of a whole round."""
    return verified_address(ours(provider), *begin(provider), NOW)


def refusal(provider: IdentityProvider) -> TokenError:
    with pytest.raises(TokenError) as caught:
        address(provider)
    assert len(str(caught.value)) < 700
    return caught.value


@pytest.mark.parametrize(
    ("alg", "key"),
    [
        ("RS256", rsa_key),
        ("PS256", rsa_key),
        ("ES256", lambda: ECKey.generate_key("P-256", {"kid": "ec-1"})),
    ],
)
def test_id_tokens_are_signed_with_a_key_of_the_provider(
    provider: IdentityProvider, alg: str, key: Callable[[], Any]
) -> None:
    provider.alg, provider.key = alg, key()
    assert address(provider) == PETRA


def test_a_provider_is_asked_once_an_hour_who_it_is_and_may_exchange_its_keys_meanwhile(
    provider: IdentityProvider,
) -> None:
    assert (address(provider), address(provider)) == (PETRA, PETRA)
    assert provider.asked.count(DESCRIPTION) == provider.asked.count("/jwks") == 1
    provider.key = rsa_key(2)
    assert address(provider) == PETRA
    assert provider.asked.count("/jwks") == 2
    ask(ours(provider), REDIRECT, NOW + timedelta(hours=1))
    assert provider.asked.count("/jwks") == 3


def in_time(claims: dict[str, Any]) -> dict[str, Any]:
    """Return claims with their times, which the examples give in seconds from now."""
    now = int(NOW.timestamp())
    return {
        name: now + value if name in {"exp", "iat", "nbf"} and isinstance(value, int) else value
        for name, value in claims.items()
    }


@pytest.mark.parametrize(
    "claims",
    [{"aud": [CLIENT_ID]}, {"aud": [CLIENT_ID, "another"], "azp": CLIENT_ID}, {"exp": -30}, {"iat": 30}],
    ids=str,
)
def test_what_the_protocol_allows_is_believed(provider: IdentityProvider, claims: dict[str, Any]) -> None:
    provider.claims |= in_time(claims)
    assert address(provider) == PETRA


def test_an_issuer_may_end_in_a_slash(provider: IdentityProvider) -> None:
    provider.described["issuer"] = provider.claims["iss"] = f"{provider.issuer}/"
    assert address(provider) == PETRA
    provider.claims["iss"] = provider.issuer
    assert "'iss'" in str(refusal(provider))


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
        ({"exp": float("inf")}, "'exp'"),
        ({"iat": 120}, "future"),
        ({"nbf": 120}, "not yet valid"),
    ],
    ids=str,
)
def test_an_id_token_that_is_not_for_us_now_is_not_believed(
    provider: IdentityProvider, claims: dict[str, Any], reason: str
) -> None:
    provider.claims |= in_time(claims)
    error = refusal(provider)
    assert "cannot be believed" in str(error)
    assert reason in str(error)
    assert not error.passing


@pytest.mark.parametrize("alg", ["none", "HS256"])
def test_what_anybody_can_sign_is_not_believed(provider: IdentityProvider, alg: str) -> None:
    provider.alg = alg
    assert f"'{alg}' is not allowed" in str(refusal(provider))


def test_an_algorithm_that_the_provider_does_not_name_is_not_believed(provider: IdentityProvider) -> None:
    provider.described["id_token_signing_alg_values_supported"] = ["ES256"]
    assert "'RS256' is not allowed" in str(refusal(provider))


@pytest.mark.parametrize("offered", [[], ["HS256", "none"], "RS256", [["RS256"]], None])
def test_a_provider_that_signs_by_nothing_that_can_be_believed_is_not_asked(
    provider: IdentityProvider, offered: Any
) -> None:
    provider.described["id_token_signing_alg_values_supported"] = offered
    assert "none of the algorithms" in str(refusal(provider))


def test_an_id_token_signed_with_another_key_is_not_believed(provider: IdentityProvider) -> None:
    stolen = rsa_key(2).as_dict(private=True) | {"kid": provider.key.kid}
    provider.signs_with = type(rsa_key()).import_key(stolen)
    assert "bad_signature" in str(refusal(provider))


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
def test_only_an_address_that_the_provider_has_verified_counts(
    provider: IdentityProvider, claims: dict[str, Any]
) -> None:
    provider.claims |= claims
    with pytest.raises(InputError, match="not say that your mail address is verified"):
        address(provider)


def test_a_provider_may_tell_the_address_at_its_userinfo_endpoint(provider: IdentityProvider) -> None:
    provider.claims |= {"email": "somebody@else.example", "email_verified": None}
    provider.user_info = {"sub": provider.subject, "email": PETRA, "email_verified": True}
    assert address(provider) == PETRA


@pytest.mark.parametrize(
    "said",
    [{"sub": "subject-2"}, {"sub": None}, {"email_verified": False}, {"email": None}, {"error": "invalid_token"}],
    ids=str,
)
def test_what_userinfo_says_of_somebody_else_or_unverified_does_not_count(
    provider: IdentityProvider, said: dict[str, Any]
) -> None:
    provider.claims["email_verified"] = None
    provider.user_info = {"sub": provider.subject, "email": PETRA, "email_verified": True} | said
    with pytest.raises((TokenError, InputError)):
        address(provider)


@pytest.mark.parametrize("state", ["another", "", "é"])
def test_an_answer_with_another_state_is_not_looked_at(provider: IdentityProvider, state: str) -> None:
    asked, answer = begin(provider)
    with pytest.raises(InputError, match="not the answer"):
        verified_address(ours(provider), asked, answer | {"state": state}, NOW)
    assert "/token" not in provider.asked


def test_a_code_counts_for_the_request_it_answers_alone_and_once(provider: IdentityProvider) -> None:
    (first, of_first), (second, of_second) = begin(provider), begin(provider)
    with pytest.raises(TokenError, match="does not fit"):
        verified_address(ours(provider), first, of_second | {"state": first.state}, NOW)
    del second
    assert verified_address(ours(provider), first, of_first, NOW) == PETRA
    with pytest.raises(TokenError, match="does not fit"):
        verified_address(ours(provider), first, of_first, NOW)


def test_an_answer_without_a_code_is_refused(provider: IdentityProvider) -> None:
    provider.refuses = {"nothing": "x"}
    with pytest.raises(InputError, match="sent no code"):
        address(provider)


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
        ("/token", (500, "it hurts")),
        ("/token", (200, {})),
        ("/token", (200, {"id_token": 7})),
        ("/token", (200, {"id_token": HUGE})),
    ],
    ids=range(13),
)
def test_nonsense_is_told_and_may_pass(provider: IdentityProvider, path: str, answer: tuple[int, Any]) -> None:
    provider.answers[path] = answer
    error = refusal(provider)
    assert provider.issuer in str(error)
    assert error.passing


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
def test_a_provider_that_leads_elsewhere_is_not_followed(provider: IdentityProvider, described: dict[str, Any]) -> None:
    provider.described |= described
    assert provider.issuer in str(refusal(provider))
    assert provider.asked == [DESCRIPTION]


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
def test_without_a_key_that_can_be_used_no_id_token_is_believed(provider: IdentityProvider, keys: Any) -> None:
    provider.answers["/jwks"] = (200, {"keys": keys})
    assert "No key for kid" in str(refusal(provider))


def test_keys_of_kinds_that_nobody_knows_here_do_not_matter(provider: IdentityProvider) -> None:
    shown = provider.key.as_dict(private=False)
    provider.answers["/jwks"] = (200, {"keys": [{"kty": "AKP", "kid": "x"}, {"kty": "RSA"}, shown]})
    assert address(provider) == PETRA


@pytest.mark.parametrize("token", ["a.b.c", "x" * 5_000, "eyJhbGciOltdfQ.e30.", "W10.e30.", "....."])
def test_what_is_no_token_is_not_believed(provider: IdentityProvider, token: str) -> None:
    provider.answers["/token"] = (200, {"id_token": token})
    assert not refusal(provider).passing


@pytest.mark.parametrize("payload", [b"[]", b"nonsense", b"\xff", b'{"a":' + b"[" * 20_000], ids=range(4))
def test_signed_nonsense_is_not_believed(provider: IdentityProvider, payload: bytes) -> None:
    provider.payload = payload
    assert not refusal(provider).passing


def test_an_unknown_field_of_the_header_changes_nothing(provider: IdentityProvider) -> None:
    provider.header = {"tenant": "x"}
    assert address(provider) == PETRA
