"""What holds for every request and answer: how large a body may be, and which headers protect the reader."""

from __future__ import annotations

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from console.pages import STYLE_HASH

MEGABYTE = 1024 * 1024
LARGEST_BODY = 16 * MEGABYTE
LARGEST_OF = {"/u/": 10_000, "/sign-in": 10_000, "/webhooks/calendly/": MEGABYTE}
"""Paths at which strangers may ask, by what they begin with: a form, and one webhook."""

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
# The address of a file of ours names its content.
OF_FILES = HEADERS | {"Cache-Control": "public, max-age=31536000, immutable"}


def _said(size: int) -> str:
    return f"{size // MEGABYTE} MB" if size >= MEGABYTE else f"{size} bytes"


class Edge:
    """Wraps the application: refuses large bodies before they are in memory, and adds headers to every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        told = Headers(scope=scope).get("content-length", "0")
        path = scope["path"]
        largest = next((most for start, most in LARGEST_OF.items() if path.startswith(start)), LARGEST_BODY)
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

        headers = _headers(path)

        async def protected(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(headers)
            await send(message)

        await self._app(scope, measured, protected)


def _headers(path: str) -> dict[str, str]:
    if path.startswith("/u/"):
        return FOR_STRANGERS
    return OF_FILES if path.startswith("/static/") else HEADERS
