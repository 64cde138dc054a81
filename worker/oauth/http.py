"""HTTP to a provider of access tokens: an end in time for the whole request, and an end to how much is read.

What is sent holds secrets, so no answer leads it elsewhere and no proxy of the environment sees it.
"""

from __future__ import annotations

import ssl
from datetime import timedelta
from functools import cache
from http import HTTPStatus
from typing import Any, Final

import httpcore
import httpx

from worker.errors import InputError
from worker.webhooks.guard import PORTS, Guarded, Target, system_addresses

SECONDS: Final = 20.0
"""How long a request may take in all, to the last octet of its answer."""
MOST_READ: Final = 65_536
"""Octets of an answer; those of the big providers have a few thousand."""

LONGEST: Final = timedelta(days=366)
"""What is said to last longer is no lifetime."""


@cache
def _tls() -> ssl.SSLContext:
    # One of our own: httpcore writes into it that HTTP is spoken (ALPN), and mail servers may hang up on that.
    return ssl.create_default_context()


class _Transport(httpx.BaseTransport):
    def handle_request(self, request: httpx.Request) -> httpx.Response:
        url = request.url
        port = url.port or PORTS[url.scheme]
        guard = Guarded(Target(url.scheme, url.host, port, url.path, allow_private=True), system_addresses)
        guard.begin(SECONDS)
        try:
            with (
                httpcore.ConnectionPool(ssl_context=_tls(), network_backend=guard) as pool,
                pool.stream(request.method, str(url), headers=request.headers.raw, content=request.read()) as answer,
            ):
                # Its header fields are not needed, and one could make a few octets unfold to many.
                return httpx.Response(answer.status, content=_bounded(answer))
        except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError, InputError) as error:
            raise httpx.TransportError(str(error)) from None


def client() -> httpx.Client:
    """Return a client for one request or two; close it."""
    return httpx.Client(
        transport=_Transport(), trust_env=False, follow_redirects=False, headers={"Accept-Encoding": "identity"}
    )


def json_object(answer: httpx.Response) -> dict[str, Any]:
    """Return the JSON object of an answer; a refusal has one too.

    Raises:
        httpx.HTTPStatusError: the server failed, or refused in another form.
        ValueError: it is another thing.
    """
    if answer.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        answer.raise_for_status()
    try:
        said = answer.json()
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        answer.raise_for_status()
        raise ValueError(f"no JSON object (HTTP {answer.status_code})")  # noqa: TRY004 - of the answer, not of ours
    return said


def text(said: dict[str, Any], name: str) -> str:
    """Return a member of an answer that has to be printable ASCII (RFC 6749 appendix A).

    Raises:
        ValueError: it is missing, or another thing.
    """
    value = said.get(name)
    if not isinstance(value, str) or not value or not (value.isascii() and value.isprintable()):
        raise ValueError(f"no {name.replace('_', ' ')}")
    return value


def span(said: dict[str, Any], name: str) -> timedelta:
    """Return a member of an answer that is a number of seconds; some providers write it as text.

    Raises:
        ValueError: it is no time that something can last.
        OverflowError: it is far beyond.
    """
    value = said.get(name)
    seconds = float(value) if isinstance(value, int | float | str) else 0.0
    if not 0 < seconds <= LONGEST.total_seconds():
        raise ValueError(f"{name} is no number of seconds that can be")
    return timedelta(seconds=seconds)


def _bounded(answer: httpcore.Response) -> bytes:
    read = bytearray()
    for part in answer.iter_stream():
        read += part
        if len(read) > MOST_READ:
            raise httpx.TransportError(f"the answer is longer than {MOST_READ} octets")
    return bytes(read)
