"""A provider of access tokens on this machine, which speaks the whole protocol (RFC 6749, 7636, 8628, 8414).

Its access tokens are JWTs that `tests.servers.PrivateDovecot` believes (HS256, the user's name in `email`). Refresh
tokens rotate, and whoever uses one twice loses the whole consent (RFC 9700 4.14.2).
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from tests.provider import base64url, serving

CLIENT_ID, CLIENT_SECRET = "our-installation", "canary-client-secret~;%"
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"


@dataclass
class TokenServer:
    """What the provider knows, and how it behaves from now on."""

    key: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    user: str = "somebody"
    """Whose mailbox consents are for."""
    lifetime: int | None = 3600
    rotates: bool = True
    issuer_said: str | None = None
    fails: list[tuple[int, Any]] = field(default_factory=list)
    """Answers of the token endpoint, before it answers by itself again: status, and JSON or text."""
    pending: list[str] = field(default_factory=list)
    """What a device is answered before somebody confirms."""
    waits: threading.Barrier | None = None
    """Where requests for tokens meet before they are answered."""
    asked: list[dict[str, str]] = field(default_factory=list)
    """Every request for tokens."""
    described: int = 0
    port: int = 0
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    families: dict[str, str] = field(default_factory=dict)
    """Refresh token -> the consent it belongs to."""
    current: dict[str, str] = field(default_factory=dict)
    """Consent -> the refresh token that holds."""

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def consent(self) -> str:
        """Return a refresh token, as if somebody had consented."""
        family, token = secrets.token_hex(4), f"canary-refresh-{secrets.token_hex(8)}"
        self.families[token], self.current[family] = family, token
        return token

    def revoke(self) -> None:
        """Take every consent back."""
        self.current.clear()

    def access_token(self, lifetime: float | None = None) -> str:
        now = int(time.time())
        holds = (self.lifetime or 3600) if lifetime is None else lifetime
        claims = {
            "sub": self.user,
            "email": self.user,
            "iat": now - 5,
            "exp": now + int(holds),
            "jti": secrets.token_hex(8),
        }
        parts = [base64url(json.dumps(each).encode()) for each in ({"alg": "HS256", "typ": "JWT"}, claims)]
        signed = ".".join(parts)
        return f"{signed}.{base64url(hmac.digest(self.key, signed.encode(), 'sha256'))}"

    def answer(self, path: str, asked: dict[str, str], bearer: str) -> tuple[int, Any]:
        del bearer
        if path.endswith("/.well-known/openid-configuration"):
            return 200, self.describe()
        answers = {"/token": self.token, "/device": self.device}
        return answers[path](asked) if path in answers else (404, {})

    def describe(self) -> dict[str, Any]:
        self.described += 1
        return {
            "issuer": self.issuer_said or self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "device_authorization_endpoint": f"{self.issuer}/device",
        }

    def authorize(self, asked: dict[str, str]) -> str:
        """Consent at once; return where the browser is sent."""
        code = secrets.token_urlsafe(16)
        self.codes[code] = asked
        return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}"

    def device(self, asked: dict[str, str]) -> tuple[int, Any]:
        if asked.get("client_id") != CLIENT_ID or not asked.get("scope"):
            return 400, {"error": "invalid_client"}
        return 200, {"device_code": "device-1", "user_code": "WDJB-MJHT", "verification_uri": f"{self.issuer}/here",
                     "expires_in": 900, "interval": 5}  # fmt: skip

    def token(self, asked: dict[str, str]) -> tuple[int, Any]:
        self.asked.append(asked)
        if self.waits:
            self.waits.wait(10)
        if self.fails:
            return self.fails.pop(0)
        if asked.get("client_id") != CLIENT_ID or asked.get("client_secret", CLIENT_SECRET) != CLIENT_SECRET:
            return 401, {"error": "invalid_client", "error_description": "the client secret has expired"}
        answers = {
            "authorization_code": self._by_code, "refresh_token": self._by_refresh, DEVICE_GRANT: self._by_device,
            "client_credentials": self._by_client,
        }  # fmt: skip
        return answers[asked["grant_type"]](asked)

    def _by_code(self, asked: dict[str, str]) -> tuple[int, Any]:
        started = self.codes.pop(asked["code"], None)
        verifier = base64url(hashlib.sha256(asked["code_verifier"].encode()).digest())
        fits = started is not None and (started["code_challenge"], started["code_challenge_method"]) == (
            verifier,
            "S256",
        )
        if not fits or started["redirect_uri"] != asked["redirect_uri"]:
            return 400, {"error": "invalid_grant", "error_description": "the code does not fit"}
        return self._given(self.consent())

    def _by_refresh(self, asked: dict[str, str]) -> tuple[int, Any]:
        token = asked["refresh_token"]
        family = self.families.get(token, "")
        if self.current.get(family) != token:
            self.current.pop(family, None)
            return 400, {"error": "invalid_grant", "error_description": "Token has been expired or revoked."}
        if not self.rotates:
            return self._given(None)
        fresh = f"canary-refresh-{secrets.token_hex(8)}"
        self.families[fresh] = family
        self.current[family] = fresh
        return self._given(fresh)

    def _by_device(self, asked: dict[str, str]) -> tuple[int, Any]:
        if asked["device_code"] != "device-1":
            return 400, {"error": "expired_token"}
        return (400, {"error": self.pending.pop(0)}) if self.pending else self._given(self.consent())

    def _by_client(self, asked: dict[str, str]) -> tuple[int, Any]:
        well = asked.get("client_secret") == CLIENT_SECRET and asked.get("scope")
        return self._given(None) if well else (401, {"error": "invalid_client"})

    def _given(self, refresh: str | None) -> tuple[int, Any]:
        given: dict[str, Any] = {"access_token": self.access_token(), "token_type": "Bearer"}
        if self.lifetime is not None:
            given["expires_in"] = self.lifetime
        return 200, given | ({"refresh_token": refresh} if refresh else {})


@contextmanager
def token_server(**behaviour: Any) -> Iterator[TokenServer]:
    """Run a provider until the end of the block."""
    provider = TokenServer(**behaviour)
    with serving(provider):
        yield provider
