"""Access tokens of a provider (OAuth 2.0): how a person or an administrator consents, and how tokens are renewed.

What is asked and answered follows RFC 6749; authlib writes the requests and httpx sends them. Time and waiting are the
caller's: nothing here asks twice.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

import httpx
from authlib.oauth2.auth import ClientAuth
from authlib.oauth2.client import OAuth2Client

from config.settings import is_safe
from worker.errors import InboxWorkerError, InputError
from worker.oauth.http import client as http_client
from worker.oauth.http import json_object, span, text
from worker.oauth.providers import KINDS, MANY_TENANTS, Provider

LIFETIME: Final = timedelta(hours=1)
"""Of a token whose provider does not tell (RFC 6749 5.1 only recommends it); most give an hour."""
INTERVAL: Final = 5.0
"""Seconds between two questions where the provider does not tell (RFC 8628 3.2)."""
DEVICE_GRANT: Final = "urn:ietf:params:oauth:grant-type:device_code"
LONGEST_SAID: Final = 500

# Google has codes of its own for being asked too often, and Microsoft for wanting to see the person (OpenID Connect
# Core 3.1.2.6).
_LATER: Final = frozenset(
    {"server_error", "temporarily_unavailable", "slow_down", "authorization_pending", "internal_failure"}
    | {"rate_limit_exceeded", "quota_exceeded"}
)
_CONSENT: Final = frozenset(
    {"invalid_grant", "access_denied", "expired_token", "invalid_scope"}
    | {"interaction_required", "login_required", "consent_required"}
)


class TokenError(InboxWorkerError):
    """A provider gave no token; the message is its own words.

    `code` is its `error` (RFC 6749 5.2), empty where there was no answer that makes sense.
    """

    def __init__(self, message: str, code: str = "") -> None:
        # Providers write lines, and whoever answers in their place may write anything; it goes to logs and tables.
        printable = "".join(each if each.isprintable() else " " for each in message)
        super().__init__(" ".join(printable.split()))
        self.code = code

    @property
    def passing(self) -> bool:
        """Whether the same request may go well later."""
        return not self.code or self.code in _LATER

    @property
    def about_consent(self) -> bool:
        """Whether a person has to consent anew."""
        return self.code in _CONSENT


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


class _Auth(httpx.Auth, ClientAuth):  # type: ignore[misc] # authlib's class has no type
    """Lets httpx send what authlib says of the client."""

    requires_request_body = True

    def auth_flow(self, request: httpx.Request) -> Iterator[httpx.Request]:  # type: ignore[override] # gets no answer
        url, headers, body = self.prepare(request.method, str(request.url), request.headers, request.content)
        headers["Content-Length"] = str(len(body))
        yield httpx.Request(request.method, url, headers=headers, content=body, extensions=request.extensions)


class _Client(OAuth2Client):  # type: ignore[misc] # authlib's class has no type
    client_auth_class = _Auth

    def parse_response_token(self, resp: httpx.Response) -> dict[str, Any]:
        # In its place authlib fails at every description that is not the ASCII of RFC 6749 5.2, as Microsoft's lines.
        return said_by(resp)


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


@contextmanager
def registered(client_id: str, client_secret: str | None) -> Iterator[Any]:
    """Give authlib's client for requests to a provider, as which this installation is registered there."""
    # Of the ways to name the client's secret this is the one that every provider takes whatever its characters.
    method = "client_secret_post" if client_secret else "none"
    with http_client() as http:
        yield _Client(
            http, client_id, client_secret, token_endpoint_auth_method=method, code_challenge_method="S256"
        )  # fmt: skip


@contextmanager
def asking(issuer: str) -> Iterator[None]:
    """Turn whatever fails at the provider or on the way to it into a TokenError, which keeps the provider's words."""
    try:
        yield
    except httpx.HTTPError as error:
        # Without its context, whose request holds the secrets.
        raise TokenError(f"{issuer} cannot be asked: {str(error) or type(error).__name__}") from None
    except (ValueError, OverflowError, httpx.InvalidURL) as error:
        raise TokenError(f"{issuer} answered what makes no sense: {error}") from None


def said_by(answer: httpx.Response) -> dict[str, Any]:
    """Return the JSON object of an answer.

    Raises:
        TokenError: it is a refusal.
        httpx.HTTPStatusError, ValueError: it is another thing.
    """
    said = json_object(answer)
    if "error" in said:
        raise refused(said["error"], said.get("error_description"))
    return said


def refused(code: object, description: object) -> TokenError:
    """Return a refusal in the provider's own words."""
    words = f"{code}: {description}" if description else f"{code}"
    return TokenError(words[:LONGEST_SAID], code if isinstance(code, str) else "")


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
