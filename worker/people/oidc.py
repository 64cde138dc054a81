"""Who somebody is by the word of an identity provider (OpenID Connect Core 1.0, authorization code flow with PKCE).

authlib writes the requests and httpx sends them, as in `worker.oauth.asking`; joserfc judges the ID token. What a
provider says of itself and the keys it signs with are kept for an hour.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from joserfc import jwt
from joserfc.errors import BadSignatureError, InvalidClaimError, InvalidKeyIdError, JoseError
from joserfc.jwk import ECKey, KeySet, RSAKey
from joserfc.jws import JWSRegistry

from config.settings import Settings, is_safe
from worker.errors import InputError
from worker.oauth.asking import LONGEST_SAID, TokenError, asking, refused, registered, said_by
from worker.oauth.http import client as http_client
from worker.oauth.http import json_object, text

SCOPE: Final = "openid email"
ALGORITHMS: Final = frozenset(f"{kind}{bits}" for kind in ("RS", "PS", "ES") for bits in (256, 384, 512))
"""By which an ID token may be signed: with a key that the provider alone has. Others could be forged by whoever knows
the public key or the client's secret, or by anybody."""
LEEWAY: Final = timedelta(minutes=1)
"""By so much our clock and the provider's may differ."""
KEPT: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class IdentityProvider:
    """Who vouches for people, and as what this installation is registered there."""

    issuer: str
    client_id: str
    client_secret: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request on its way through a browser: where to open it, and what its answer must fit."""

    url: str
    redirect: str
    state: str
    nonce: str
    verifier: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Known:
    """What a provider says of itself (OpenID Connect Discovery 3), and its keys."""

    issuer: str
    """As it writes itself, perhaps with a slash at the end."""
    authorization: str
    token: str
    userinfo: str | None
    algorithms: frozenset[str]
    keys: KeySet
    at: datetime


_known: dict[str, _Known] = {}


def provider_of(settings: Settings) -> IdentityProvider | None:
    """Return the identity provider that the settings name, if they name one."""
    if not settings.oidc_issuer or not settings.oidc_client_id:
        return None
    secret = settings.oidc_client_secret
    return IdentityProvider(
        settings.oidc_issuer, settings.oidc_client_id, secret.get_secret_value() if secret else None
    )


def ask(provider: IdentityProvider, redirect: str, now: datetime) -> Asked:
    """Prepare a request: send the browser to its `url`, and keep the rest until it comes back.

    Args:
        provider: who is asked.
        redirect: where the browser comes back to; it has to be registered with the provider.
        now: aware UTC.

    Raises:
        TokenError: the provider does not say where to go.
    """
    state, nonce, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(32), secrets.token_urlsafe(64)
    known = _known_of(provider, now)
    with registered(provider.client_id, provider.client_secret) as client:
        url, _ = client.create_authorization_url(
            known.authorization, state, verifier, redirect_uri=redirect, scope=SCOPE, nonce=nonce
        )
    return Asked(url, redirect, state, nonce, verifier)


def verified_address(provider: IdentityProvider, asked: Asked, answer: Mapping[str, str], now: datetime) -> str:
    """Return the address that the provider has verified of the person who came back.

    Args:
        provider: as it was asked.
        asked: what was kept of the request; its `url` is not needed any more.
        answer: the query of the address that the browser came back to.
        now: aware UTC.

    Raises:
        InputError: it is no answer to this request, or no address of this person is verified.
        TokenError: the provider refuses, does not answer, or answers what cannot be believed.
    """
    code = _code(asked, answer)
    known = _known_of(provider, now)
    with asking(provider.issuer), registered(provider.client_id, provider.client_secret) as client:
        given = client.fetch_token(
            known.token, grant_type="authorization_code", code=code, redirect_uri=asked.redirect,
            code_verifier=asked.verifier,
        )  # fmt: skip
        claims = _claims(provider, text(given, "id_token"), asked.nonce, now)
        # Where an access token is given as well, providers may tell these claims there alone (Core 5.4).
        if "email_verified" not in claims and known.userinfo:
            claims = _user_info(known.userinfo, text(given, "access_token"), claims["sub"])
    address = claims.get("email")
    if claims.get("email_verified") is not True or not isinstance(address, str) or "@" not in address:
        raise InputError("the provider does not say that your mail address is verified (email, email_verified)")
    return address


def _code(asked: Asked, answer: Mapping[str, str]) -> str:
    # Anybody can send a browser here; only the provider knows what we asked (RFC 6749 10.12).
    if not secrets.compare_digest(answer.get("state", "").encode(), asked.state.encode()):
        raise InputError("this is not the answer to the sign-in that was begun last in this browser; begin it again")
    if "error" in answer:
        raise refused(answer["error"], answer.get("error_description"))
    if not answer.get("code"):
        raise InputError("the provider sent no code; begin the sign-in again")
    return answer["code"]


def _claims(provider: IdentityProvider, token: str, nonce: str, now: datetime) -> dict[str, Any]:
    """Return what an ID token says, if it is the provider's, for us, of now, and answers our request (Core 3.1.3.7)."""
    try:
        claims = _signed(provider, token, now)
        _check(claims, _known_of(provider, now).issuer, provider.client_id, nonce, now)
    except (JoseError, RecursionError) as error:
        says = error.description or error.error if isinstance(error, JoseError) else "it is nested too deeply"
        words = f"{provider.issuer} sent an ID token that cannot be believed: {says}"
        raise TokenError(words[:LONGEST_SAID], "invalid_id_token") from None
    return claims


def _signed(provider: IdentityProvider, token: str, now: datetime) -> dict[str, Any]:
    try:
        return _decoded(token, _known_of(provider, now))
    except (InvalidKeyIdError, BadSignatureError):
        # Providers exchange their keys whenever they like.
        return _decoded(token, _look_up(provider, now))


def _decoded(token: str, known: _Known) -> dict[str, Any]:
    # A header field that nobody here knows changes nothing, unless it says itself that it does (RFC 7515 4.1.11).
    registry = JWSRegistry(algorithms=known.algorithms, strict_check_header=False)
    return jwt.decode(token, known.keys, registry=registry).claims


def _check(claims: dict[str, Any], issuer: str, client_id: str, nonce: str, now: datetime) -> None:
    jwt.JWTClaimsRegistry(
        int(now.timestamp()), int(LEEWAY.total_seconds()),
        iss={"essential": True, "value": issuer},
        sub={"essential": True},
        aud={"essential": True, "value": client_id},
        exp={"essential": True},
        iat={"essential": True},
        nonce={"essential": True, "value": nonce},
    ).validate(claims)  # fmt: skip
    for_us_alone = claims["aud"] in (client_id, [client_id])
    if claims.get("azp", client_id if for_us_alone else None) != client_id:
        raise InvalidClaimError("azp")


def _user_info(url: str, access_token: str, subject: str) -> dict[str, Any]:
    with http_client() as http:
        said = said_by(http.get(url, headers={"Authorization": f"Bearer {access_token}"}))
    # An access token could be another one's (Core 5.3.2).
    if said.get("sub") != subject:
        raise ValueError("what it says of the person is about somebody else")
    return said


def _known_of(provider: IdentityProvider, now: datetime) -> _Known:
    known = _known.get(provider.issuer)
    return known if known and now - known.at < KEPT else _look_up(provider, now)


def _look_up(provider: IdentityProvider, now: datetime) -> _Known:
    with asking(provider.issuer), http_client() as http:
        said = json_object(http.get(f"{provider.issuer}/.well-known/openid-configuration"))
        issuer = str(said.get("issuer"))
        if issuer.rstrip("/") != provider.issuer:
            raise ValueError(f"it calls itself {issuer[:LONGEST_SAID]}; if that is right, set it as INBOX_OIDC_ISSUER")
        algorithms = _algorithms(said)
        authorization, token, jwks = (
            _address(said, name) for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")
        )
        userinfo = _address(said, "userinfo_endpoint") if "userinfo_endpoint" in said else None
        keys = _keys(json_object(http.get(jwks)))
    _known[provider.issuer] = _Known(issuer, authorization, token, userinfo, algorithms, keys, now)
    return _known[provider.issuer]


def _address(said: dict[str, Any], name: str) -> str:
    url = text(said, name)
    if not is_safe(url):
        raise ValueError(f"{url[:LONGEST_SAID]} is not encrypted")
    return url


def _algorithms(said: dict[str, Any]) -> frozenset[str]:
    offered = said.get("id_token_signing_alg_values_supported")
    found = ALGORITHMS & {each for each in offered if isinstance(each, str)} if isinstance(offered, list) else None
    # For joserfc an empty set means its own choice, which a secret can sign for.
    if not found:
        raise ValueError("it signs ID tokens by none of the algorithms that can be believed")
    return found


def _keys(said: dict[str, Any]) -> KeySet:
    keys = said.get("keys")
    found = [_key(each) for each in keys if isinstance(each, dict)] if isinstance(keys, list) else []
    return KeySet([key for key in found if key])


def _key(said: dict[str, Any]) -> RSAKey | ECKey | None:
    """Return a key that can sign; one of a kind that we do not know, or a secret, is none (RFC 7517 5)."""
    try:
        return _KINDS[said["kty"]].import_key(said)
    except (JoseError, ValueError, LookupError, TypeError):
        return None


_KINDS: Final[Mapping[str, type[RSAKey | ECKey]]] = {"RSA": RSAKey, "EC": ECKey}
