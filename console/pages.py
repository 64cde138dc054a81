"""Pages for people: plain HTML that needs nothing from outside and holds nothing a stranger wrote."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping

from fastapi.responses import HTMLResponse

STYLE = (
    "body{font:1.125rem/1.5 system-ui,sans-serif;max-width:36rem;margin:15vh auto;padding:0 1rem;"
    "color:#1a1a1a;background:#fff}"
    "h1{font-size:1.5rem}"
    "button{font:inherit;padding:.6rem 1.4rem;color:#fff;background:#1a4fa0;border:0;border-radius:.3rem}"
    "button:focus-visible{outline:3px solid #1a1a1a;outline-offset:2px}"
    "@media(prefers-color-scheme:dark){body{color:#eee;background:#161616}button{background:#2f6fd0}"
    "button:focus-visible{outline-color:#eee}}"
)
STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
"""Names the one style that the security policy allows."""

CONFIRM = "confirm"
"""The field by which our own form is known."""


def page(title: str, body: str, status: int = 200, headers: Mapping[str, str] | None = None) -> HTMLResponse:
    """Return a page; `body` is HTML of ours."""
    return HTMLResponse(
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta name="robots" content="noindex"><style>{STYLE}</style></head>'
        f"<body><main><h1>{title}</h1>{body}</main></body></html>\n",
        status,
        headers,
    )


def ask() -> HTMLResponse:
    """Ask whether the person really wants no more mail; looking at it changes nothing."""
    return page(
        "Unsubscribe",
        "<p>Press the button and we will send you no more mail.</p>"
        f'<form method="post"><button name="{CONFIRM}" value="yes">Unsubscribe</button></form>',
    )


def done() -> HTMLResponse:
    """Say that it is done."""
    return page("You are unsubscribed", "<p>We will send you no more mail. You can close this page.</p>")


def failed(status: int, headers: Mapping[str, str] | None = None) -> HTMLResponse:
    """Say what went wrong, in words that say nothing about anybody."""
    title, words = _FAILED.get(status, _OTHER)
    return page(title, f"<p>{words}</p>", status, headers)


_OTHER = ("Something went wrong", "Please try again later, or answer the mail and ask us to stop.")
_FAILED = {
    400: ("This was not understood", "Please open the link in the mail again and press the button."),
    404: ("This link is not valid", "Please open the link in the mail again, or answer the mail and ask us to stop."),
    405: ("This was not understood", "Please open the link in the mail again and press the button."),
    503: ("Please try again in a minute", "We could not note your wish just now, and nothing was changed."),
}
