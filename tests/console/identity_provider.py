"""An identity provider on this machine: OpenID Connect with the authorization code flow, PKCE and signed ID tokens."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from datetime import datetime
from functools import cache
from typing import Any
from urllib.parse import urlencode

from joserfc import jws
from joserfc.jwk import ECKey, RSAKey

from tests.provider import base64url, serving

CLIENT_ID, CLIENT_SECRET = "our-console", "canary-client-secret~;%"
Key = RSAKey | ECKey


@cache
def rsa_key(number: int = 1) -> RSAKey:
    """Return a key; making one takes a moment, so each is made once."""
    return RSAKey.generate_key(2048, {"kid": f"rsa-{number}", "use": "sig"})


@dataclass
class IdentityProvider:
    """What the provider knows, and how it behaves from now on."""

    clock: Callable[[], datetime]
    key: Key = field(default_factory=rsa_key)
    signs_with: Key | None = None
    """Another key than the one it shows."""
    alg: str = "RS256"
    client_secret: str | None = CLIENT_SECRET
    claims: dict[str, Any] = field(default_factory=dict)
    """What its ID tokens say otherwise; None: they leave it out."""
    header: dict[str, Any] = field(default_factory=dict)
    """What stands in the header of its ID tokens besides."""
    payload: bytes | None = None
    """What its ID tokens hold in place of claims."""
    user_info: dict[str, Any] | None = None
    """What its userinfo endpoint says; None: there is none."""
    described: dict[str, Any] = field(default_factory=dict)
    """What it says of itself otherwise."""
    answers: dict[str, tuple[int, Any]] = field(default_factory=dict)
    """Path -> the status and the JSON or text it answers in place of what it should."""
    refuses: dict[str, str] | None = None
    """What it sends the browser back with in place of a code."""
    asked: list[str] = field(default_factory=list)
    """The path of every request that was not a browser's."""
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    subject: str = "subject-1"
    port: int = 0

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def renewed(self, **claims: Any) -> IdentityProvider:
        """Forget everything, and know somebody of whom these claims are true."""
        fresh = IdentityProvider(self.clock, claims=claims, port=self.port)
        for each in fields(fresh):
            setattr(self, each.name, getattr(fresh, each.name))
        return self

    def authorize(self, asked: dict[str, str]) -> str:
        """Sign somebody in at once; return where the browser is sent."""
        assert (asked["response_type"], asked["client_id"]) == ("code", CLIENT_ID)
        assert {"openid", "email"} <= set(asked["scope"].split())
        code = secrets.token_urlsafe(16)
        self.codes[code] = asked
        said = (self.refuses or {"code": code}) | {"state": asked["state"]}
        return f"{asked['redirect_uri']}?{urlencode(said)}"

    def answer(self, path: str, asked: dict[str, str], bearer: str) -> tuple[int, Any]:
        self.asked.append(path)
        if path in self.answers:
            return self.answers[path]
        if path == "/token":
            return self._token(asked)
        if path == "/userinfo" and bearer != "Bearer canary-access":
            return 401, {"error": "invalid_token"}
        said = {
            "/.well-known/openid-configuration": self._description(),
            "/jwks": {"keys": [self.key.as_dict(private=False)]},
            "/userinfo": self.user_info,
        }.get(path)
        return (200, said) if said else (404, {})

    def _description(self) -> dict[str, Any]:
        said = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks",
            "id_token_signing_alg_values_supported": ["RS256", "PS256", "ES256", "HS256", "none"],
        }
        return said | ({"userinfo_endpoint": f"{self.issuer}/userinfo"} if self.user_info else {}) | self.described

    def _token(self, asked: dict[str, str]) -> tuple[int, Any]:
        if (asked.get("client_id"), asked.get("client_secret")) != (CLIENT_ID, self.client_secret):
            return 401, {"error": "invalid_client", "error_description": "the client secret has expired"}
        begun = self.codes.pop(asked["code"], None)
        challenge = base64url(hashlib.sha256(asked["code_verifier"].encode()).digest())
        fits = begun and (begun["code_challenge_method"], begun["code_challenge"]) == ("S256", challenge)
        if not begun or not fits or begun["redirect_uri"] != asked["redirect_uri"]:
            return 400, {"error": "invalid_grant", "error_description": "the code does not fit"}
        return 200, {"access_token": "canary-access", "token_type": "Bearer", "id_token": self._id_token(begun)}

    def _id_token(self, begun: dict[str, str]) -> str:
        now = int(self.clock().timestamp())
        claims = {
            "iss": self.issuer,
            "sub": self.subject,
            "aud": CLIENT_ID,
            "iat": now - 1,
            "exp": now + 300,
            "nonce": begun["nonce"],
            "email_verified": True,
        } | self.claims
        return self._signed({name: value for name, value in claims.items() if value is not None})

    def _signed(self, claims: dict[str, Any]) -> str:
        key = self.signs_with or self.key
        header, payload = {"alg": self.alg, "kid": key.kid} | self.header, self.payload or json.dumps(claims).encode()
        if self.alg not in {"none", "HS256"}:
            registry = jws.JWSRegistry(algorithms=[self.alg], strict_check_header=False)
            return jws.serialize_compact(header, payload, key, registry=registry)
        # What an attacker does who has only the public key.
        plain = ".".join(base64url(each) for each in (json.dumps(header).encode(), payload))
        mac = hmac.digest(key.as_pem(private=False), plain.encode(), "sha256")
        return f"{plain}.{base64url(mac) if self.alg == 'HS256' else ''}"


@contextmanager
def identity_provider(clock: Callable[[], datetime]) -> Iterator[IdentityProvider]:
    """Run a provider until the end of the block."""
    provider = IdentityProvider(clock)
    with serving(provider):
        yield provider
