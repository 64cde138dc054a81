"""What holds for every request and answer: how large a body may be, and which headers protect the reader."""

from __future__ import annotations

from http import HTTPStatus

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from console.pages import STYLE_HASH
from console.render import STATIC, asset

MEGABYTE = 1024 * 1024
LARGEST_BODY = MEGABYTE
LARGEST_BATCH = 16 * MEGABYTE
LARGEST_OF = {
    "/u/": 10_000,
    "/sign-in": 10_000,
    "/v1/": LARGEST_BATCH,
    "/do-not-email/import": LARGEST_BATCH,
    "/labels/import": LARGEST_BATCH,
}
"""By what a path begins with: the forms of strangers are small, batches and files are large."""

HEADERS = {
    # Our own files and nothing else: what a mail says is text, whatever it tries to be.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
FOR_STRANGERS = HEADERS | {
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{STYLE_HASH}'; form-action 'self'; frame-ancestors 'none'; "
        "base-uri 'none'"
    ),
    # The address of a page holds the token; it is to be known to nobody else.
    "Referrer-Policy": "no-referrer",
}
FOR_EVER = "public, max-age=31536000, immutable"
FILES_NOW = frozenset(asset(each.name) for each in STATIC.iterdir())
"""Addresses of our files that name their content; another version's file at the same address may look different."""


def _said(size: int) -> str:
    return f"{size // MEGABYTE} MB" if size >= MEGABYTE else f"{size} bytes"


class Edge:
    """Wraps the application: refuses large bodies before they are in memory, and adds headers to every answer.

    With `https` browsers are told to come by it alone (RFC 6797).
    """

    def __init__(self, app: ASGIApp, *, https: bool = False) -> None:
        self._app = app
        self._more = {"Strict-Transport-Security": "max-age=31536000"} if https else {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = scope["path"]
        headers = _headers(path) | self._more
        is_file = f"{path}?{scope['query_string'].decode('latin-1')}" in FILES_NOW

        async def protected(message: Message) -> None:
            if message["type"] == "http.response.start":
                kept = {"Cache-Control": FOR_EVER} if is_file and message["status"] == HTTPStatus.OK else {}
                MutableHeaders(scope=message).update(headers | kept)
            await send(message)

        await self._app(scope, _measured(scope, receive), protected)


def _measured(scope: Scope, receive: Receive) -> Receive:
    """Return what receives a body and refuses one that is too large for its path."""
    told = Headers(scope=scope).get("content-length", "0")
    largest = next((most for start, most in LARGEST_OF.items() if scope["path"].startswith(start)), LARGEST_BODY)
    refusal = HTTPException(413, f"the body is larger than {_said(largest)}; send less at once")
    taken = 0

    async def measured() -> Message:
        nonlocal taken
        # A length that is told is refused before the first byte; one that is not told is counted.
        if told.isdecimal() and int(told) > largest:
            raise refusal
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > largest:
            raise refusal
        return message

    return measured


def _headers(path: str) -> dict[str, str]:
    return FOR_STRANGERS if path.startswith("/u/") else HEADERS
