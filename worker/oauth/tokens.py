"""Access tokens of a provider (OAuth 2.0): how a person or an administrator consents, and how tokens are renewed.

What is asked and answered follows RFC 6749. Time and waiting are the caller's: nothing here asks twice.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from config.settings import is_safe
from worker.errors import InputError
from worker.oauth.asking import TokenError, asking, refused, registered, said_by
from worker.oauth.http import client as http_client
from worker.oauth.http import json_object, span, text
from worker.oauth.providers import KINDS, MANY_TENANTS, Provider

LIFETIME: Final = timedelta(hours=1)
"""Of a token whose provider does not tell (RFC 6749 5.1 only recommends it); most give an hour."""
INTERVAL: Final = 5.0
"""Seconds between two questions where the provider does not tell (RFC 8628 3.2)."""
DEVICE_GRANT: Final = "urn:ietf:params:oauth:grant-type:device_code"


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a provider gave: the access token, until when it holds (aware UTC), and a refresh token if it gave one."""

    access: str = field(repr=False)
    refresh: str | None = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Consent:
    """A request for consent on its way through a browser: where to open it, and what its answer must fit."""

    url: str
    state: str
    redirect: str
    verifier: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Device:
    """A request for consent that a person confirms elsewhere (RFC 8628 3.2): where, by which code, and until when."""

    code: str = field(repr=False)
    user_code: str
    url: str
    seconds: float
    """Between two questions whether it is confirmed."""
    expires_at: datetime


def ask_consent(provider: Provider, redirect: str, username: str) -> Consent:
    """Prepare a consent by browser: authorization code with PKCE (RFC 6749 4.1, RFC 7636, RFC 8252).

    Args:
        provider: whose consent.
        redirect: an address of this machine to which the browser is sent back.
        username: whose mailbox, so that the right account is offered.

    Raises:
        TokenError: the provider cannot be asked where to go.
    """
    kind, state, verifier = KINDS[provider.name], secrets.token_urlsafe(32), secrets.token_urlsafe(64)
    with registered(provider.client_id, provider.client_secret) as client:
        url, _ = client.create_authorization_url(
            _endpoint(provider, "authorization_endpoint"), state, verifier,
            redirect_uri=redirect, scope=kind.scope, login_hint=username, **kind.consent,
        )  # fmt: skip
    return Consent(url, state, redirect, verifier)


def redeem(provider: Provider, consent: Consent, answer: str, now: datetime) -> Tokens:
    """Exchange the address that the browser was sent back to for tokens.

    Raises:
        InputError: it is no answer to this request.
        TokenError: the provider refuses.
    """
    said = _query(answer)
    # Anybody can send a browser here; only the provider knows what we asked (RFC 6749 10.12).
    if not secrets.compare_digest(said.get("state", "").encode(), consent.state.encode()):
        raise InputError("this is not the answer to our request; sign in again, and paste its whole address")
    if "error" in said:
        raise refused(said["error"], said.get("error_description"))
    if not said.get("code"):
        raise InputError("the address holds no code; paste the whole address that the browser ended at")
    return _tokens(
        provider, now, grant_type="authorization_code", code=said["code"], redirect_uri=consent.redirect,
        code_verifier=consent.verifier,
    )  # fmt: skip


def ask_device(provider: Provider, now: datetime) -> Device:
    """Ask for a code that a person confirms on another machine (RFC 8628 3.1).

    Raises:
        InputError: this provider offers it to nobody for mail.
        TokenError: the provider refuses.
    """
    kind = KINDS[provider.name]
    if not kind.device:
        raise InputError(f"{provider.name.value.capitalize()} lets no device ask for mail; leave out --flow device")
    data = {"client_id": provider.client_id, "scope": kind.scope}
    with asking(provider.issuer), http_client() as session:
        said = said_by(session.post(_endpoint(provider, "device_authorization_endpoint"), data=data))
        code, user_code, url = (text(said, name) for name in ("device_code", "user_code", "verification_uri"))
        expires_at = now + span(said, "expires_in")
        seconds = span(said, "interval").total_seconds() if said.get("interval") else INTERVAL
        return Device(code, user_code, url, seconds, expires_at)


def ask_confirmed(provider: Provider, device: Device, now: datetime) -> Tokens:
    """Ask once whether a person has confirmed.

    Raises:
        TokenError: not yet (`authorization_pending`, `slow_down`), or the provider refuses.
    """
    return _tokens(provider, now, grant_type=DEVICE_GRANT, device_code=device.code)


def refresh(provider: Provider, refresh_token: str, now: datetime) -> Tokens:
    """Exchange a refresh token for a new access token (RFC 6749 6); the provider may give a new refresh token too.

    Raises:
        TokenError: the provider refuses, or does not answer.
    """
    return _tokens(provider, now, grant_type="refresh_token", refresh_token=refresh_token)


def as_client(provider: Provider, now: datetime) -> Tokens:
    """Get an access token for the application itself (RFC 6749 4.4), which an administrator has allowed to read.

    Raises:
        InputError: this provider gives none, or a setting is missing.
        TokenError: the provider refuses, or does not answer.
    """
    scope = KINDS[provider.name].client_scope
    if scope is None:
        raise InputError(f"{provider.name.value.capitalize()} gives applications no mail; leave out --flow client")
    if not provider.client_secret:
        raise InputError(f"--flow client needs {provider.setting}_CLIENT_SECRET")
    if any(each in f"{provider.issuer}/" for each in MANY_TENANTS):
        raise InputError(f"--flow client needs your tenant in {provider.setting}_ISSUER, where it says"
                         f" {provider.issuer} now")  # fmt: skip
    return _tokens(provider, now, grant_type="client_credentials", scope=scope)


def _query(url: str) -> dict[str, str]:
    try:
        return dict(parse_qsl(urlsplit(url.strip()).query))
    except ValueError:
        return {}


def _tokens(provider: Provider, now: datetime, **asked: str) -> Tokens:
    with asking(provider.issuer), registered(provider.client_id, provider.client_secret) as client:
        said = client.fetch_token(_endpoint(provider, "token_endpoint"), **asked)
        lifetime = LIFETIME if said.get("expires_in") is None else span(said, "expires_in")
        refresh_token = text(said, "refresh_token") if said.get("refresh_token") else None
        return Tokens(text(said, "access_token"), refresh_token, now + lifetime)


def _endpoint(provider: Provider, name: str) -> str:
    with asking(provider.issuer):
        url = _described(provider.issuer).get(name)
    if not url:
        raise TokenError(f"{provider.issuer} offers no {name.replace('_', ' ')}; see {provider.setting}_ISSUER")
    return url


@lru_cache(maxsize=8)
def _described(issuer: str) -> dict[str, str]:
    """Return what an issuer says of itself (OpenID Connect Discovery 4, RFC 8414), asked once in a process."""
    with http_client() as http:
        said = json_object(http.get(f"{issuer}/.well-known/openid-configuration"))
    # One that serves many tenants names itself with a gap.
    before, gap, after = str(said.get("issuer", "")).rstrip("/").partition("{tenantid}")
    if not (issuer.startswith(before) and issuer.endswith(after) if gap else issuer == before):
        raise ValueError(f"it calls itself {before}{gap}{after}; if that is right, set it as the issuer")
    found = {name: url for name, url in said.items() if name.endswith("_endpoint") and isinstance(url, str)}
    if unsafe := [url for url in found.values() if not is_safe(url)]:
        raise ValueError(f"{unsafe[0]} is not encrypted")
    return found
