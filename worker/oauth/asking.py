"""How a provider is asked (RFC 6749), and what its refusals mean: authlib writes the requests and httpx sends them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import httpx
from authlib.oauth2.auth import ClientAuth
from authlib.oauth2.client import OAuth2Client

from worker.errors import InboxWorkerError
from worker.oauth.http import client as http_client
from worker.oauth.http import json_object

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
