"""What the providers of our tests share: a server on this machine that speaks HTTP, and a browser that visits it."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol
from urllib.parse import parse_qsl, urlsplit

import httpx


class Provider(Protocol):
    """Somebody who is asked for tokens, and by browsers for consent."""

    port: int

    def authorize(self, asked: dict[str, str]) -> str:
        """Return where a browser is sent that comes for consent."""

    def answer(self, path: str, asked: dict[str, str], bearer: str) -> tuple[int, Any]:
        """Return the status, and the JSON or text, that anybody else is answered."""


@contextmanager
def serving(provider: Provider) -> Iterator[None]:
    """Let a provider answer until the end of the block."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            if parts.path == "/authorize":
                self._answer(302, "", Location=provider.authorize(dict(parse_qsl(parts.query))))
            else:
                self._answer(*provider.answer(parts.path, {}, self.headers.get("Authorization", "")))

        def do_POST(self) -> None:
            asked = dict(parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode()))
            self._answer(*provider.answer(self.path, asked, ""))

        def _answer(self, status: int, said: Any, **fields: str) -> None:
            body = said.encode() if isinstance(said, str) else json.dumps(said).encode()
            self.send_response(status)
            for name, value in fields.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=[0.02])
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def browse(url: str) -> str:
    """Open a page of a provider as a browser does; return where it sends the browser."""
    location: str = httpx.get(url).headers["Location"]
    return location


def base64url(octets: bytes) -> str:
    """Write octets as tokens have them (RFC 7515 2)."""
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()
