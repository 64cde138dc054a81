"""Lets a person consent that a mailbox may be read: in a browser here, on another machine, or once for a tenant."""

from __future__ import annotations

import queue
import secrets
import select
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from time import sleep
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

import click

from models.tables.handling import GrantKind
from models.tables.mailboxes import SignIn
from worker.cli.common import now
from worker.errors import InputError
from worker.oauth.asking import TokenError
from worker.oauth.consenting import Granted, lasting, telling
from worker.oauth.providers import KINDS, Provider
from worker.oauth.tokens import Tokens, as_client, ask_confirmed, ask_consent, ask_device, redeem

FLOWS = ("loopback", "device", "client")
PATIENCE = timedelta(minutes=15)
"""How long a person has for a consent in a browser."""
LOOK_SECONDS = 0.2
SLOWER_SECONDS = 5
PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>inbox-worker</title>
<p>{}</p></html>"""

F = TypeVar("F", bound=Callable[..., Any])


def provider_options(command: F) -> F:
    """Give a command the options that say which provider signs in, and how a person consents."""
    for option in (
        click.option("--flow", type=click.Choice(FLOWS), default=FLOWS[0], show_default=True,
                     help="How to consent: in a browser on this machine, on another one by a code (Microsoft), or as an"
                     " administrator for the whole tenant (Microsoft)."),
        click.option("--microsoft", "provider", flag_value=SignIn.MICROSOFT.value, default=None,
                     help="Sign in with Microsoft 365, no password."),
        click.option("--google", "provider", flag_value=SignIn.GOOGLE.value, default=None,
                     help="Sign in with Google, no password."),
    ):  # fmt: skip
        command = option(command)
    return command


def ask(provider: Provider, username: str, flow: str) -> Granted:
    """Let a person consent and return what came of it.

    Raises:
        InputError: nobody did, or the provider refuses; with its own words.
    """
    with telling(provider):
        if flow == "client":
            return GrantKind.CLIENT, as_client(provider, now())
        tokens = _by_device(provider) if flow == "device" else _by_browser(provider, username)
    return lasting(provider, tokens)


def _by_device(provider: Provider) -> Tokens:
    device = ask_device(provider, now())
    click.echo(f"Open {device.url} in any browser and enter the code {device.user_code}", err=True)
    seconds = device.seconds
    while now() < device.expires_at:
        sleep(seconds)
        try:
            return ask_confirmed(provider, device, now())
        except TokenError as error:
            if not error.passing:
                raise
            # RFC 8628 3.5; who does not answer at all is asked less often too.
            seconds += 0 if error.code == "authorization_pending" else SLOWER_SECONDS
    raise InputError("nobody entered the code in time; sign in again")


def _by_browser(provider: Provider, username: str) -> Tokens:
    answers: queue.SimpleQueue[str] = queue.SimpleQueue()
    path = f"/{secrets.token_urlsafe(8)}" if KINDS[provider.name].loopback != "localhost" else ""
    with _listening(answers) as port:
        redirect = f"http://{KINDS[provider.name].loopback}:{port}{path}"
        consent = ask_consent(provider, redirect, username)
        click.echo(
            f"Open this address in a browser and consent as {username}:\n\n{consent.url}\n\n"
            "A browser on another machine ends at a page that does not open: paste its address here and press Enter.",
            err=True,
        )
        return redeem(provider, consent, _answer(answers, consent.state), now())


def _answer(answers: queue.SimpleQueue[str], state: str) -> str:
    """Return the address that the browser came back to or somebody pasted; others that knock meanwhile are ignored."""
    deadline, typing = now() + PATIENCE, True
    while now() < deadline:
        line, typing = _typed(LOOK_SECONDS, typing=typing)
        if line:
            return line
        while not answers.empty():
            answer = answers.get()
            if state in parse_qs(urlsplit(answer).query).get("state", ()):
                return answer
    raise InputError(f"nobody consented within {PATIENCE.seconds // 60} minutes; sign in again")


def _typed(seconds: float, *, typing: bool) -> tuple[str, bool]:
    """Wait for a line from standard input; return it, and whether another may come."""
    try:
        ready = select.select([sys.stdin] if typing else [], [], [], seconds)[0]
    except (OSError, ValueError, TypeError):
        # There is no standard input that one could wait for; closed by whoever began this process, it is None.
        return "", False
    line = sys.stdin.readline() if ready else ""
    return line.strip(), typing and not (ready and not line)


@contextmanager
def _listening(answers: queue.SimpleQueue[str]) -> Iterator[int]:
    """Listen on this machine alone for the browser that comes back (RFC 8252 7.3), and give the port."""
    # Browsers open connections ahead of need and say nothing on them: each has a thread of its own.
    server = ThreadingHTTPServer(("127.0.0.1", 0), _hearing(answers))
    server.daemon_threads = True
    server.block_on_close = False
    thread = Thread(target=server.serve_forever, args=[LOOK_SECONDS], name="waiting for the browser")
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _hearing(answers: queue.SimpleQueue[str]) -> type[BaseHTTPRequestHandler]:
    """Return what answers browsers, and puts down the address at which one came back from the provider."""

    class Handler(BaseHTTPRequestHandler):
        timeout = 10

        def do_GET(self) -> None:
            answered = "state" in parse_qs(urlsplit(self.path).query)
            if answered:
                answers.put(self.path)
            said = "You may close this window; the terminal says what came of it." if answered else "Nothing is here."
            body = PAGE.format(said).encode()
            self.send_response(200 if answered else 404)
            for name, value in (("Content-Type", "text/html"), ("Content-Length", str(len(body)))):
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            # The path holds the code.
            pass

    return Handler
