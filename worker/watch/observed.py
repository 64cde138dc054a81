"""Answers over HTTP how this process fares: `/metrics`, `/healthz`, `/readyz`."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from sqlalchemy import Engine

from config import logs
from config.settings import Settings
from worker.errors import InputError
from worker.watch.health import not_ready

log = logs.logger(__name__)

PATIENCE_SECONDS = 10
TEXT = "text/plain; charset=utf-8"

Answer = tuple[HTTPStatus, str, bytes]
"""Status, content type, body."""


@dataclass(frozen=True, slots=True)
class Observed:
    """What can be asked: numbers, what keeps the process from polling (None: nothing does), and its database."""

    registry: CollectorRegistry
    stall: Callable[[], str | None]
    engine: Engine

    def answer(self, path: str, accept: str) -> Answer:
        """Return the answer to a GET of a path."""
        if path == "/metrics":
            encode, kind = choose_encoder(accept)
            return HTTPStatus.OK, kind, encode(self.registry)
        if path == "/healthz":
            return _said(self.stall(), "polling goes on")
        if path == "/readyz":
            return _said(not_ready(self.engine), "the database answers, with this version's schema")
        return HTTPStatus.NOT_FOUND, TEXT, b"there are /metrics, /healthz and /readyz\n"


def _said(problem: str | None, well: str) -> Answer:
    status = HTTPStatus.SERVICE_UNAVAILABLE if problem else HTTPStatus.OK
    return status, TEXT, f"{problem or well}\n".encode()


def metrics_address(settings: Settings) -> tuple[str, int] | None:
    """Return where a daemon tells how it fares; None where the settings name no port."""
    return None if settings.metrics_port is None else (settings.metrics_host, settings.metrics_port)


@contextmanager
def observed(at: tuple[str, int] | None, what: Observed) -> Iterator[int | None]:
    """Answer at this address and port (0: any free one) until the block ends; gives the port. Without one, at none.

    Raises:
        InputError: the address cannot be listened on.
    """
    if at is None:
        yield None
        return
    try:
        server = _Server(at, _handler(what))
    except (OSError, OverflowError) as error:
        raise InputError(
            f"cannot listen on {at[0]}, port {at[1]}: {error}; choose another (INBOX_METRICS_HOST, INBOX_METRICS_PORT)"
        ) from error
    answering = threading.Thread(target=server.serve_forever, name="answering", daemon=True)
    answering.start()
    port = server.server_address[1]
    log.info("observed", says="telling how it fares at http://{host}:{port}/metrics", host=at[0], port=port)
    try:
        yield port
    finally:
        server.shutdown()
        server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Log what would be printed between the lines of the log; of a visitor who went away nothing."""
        error = sys.exception()
        if not isinstance(error, ConnectionError):
            log.error(
                "answering_failed", says="a question how this process fares could not be answered", exc_info=error
            )


def _handler(what: Observed) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = PATIENCE_SECONDS
        """For the request line and headers; who sends none keeps a thread no longer."""
        server_version, sys_version = "inbox-worker", ""

        def do_GET(self) -> None:
            self._answer(with_body=True)

        def do_HEAD(self) -> None:
            self._answer(with_body=False)

        def _answer(self, *, with_body: bool) -> None:
            path = self.path.partition("?")[0]
            status, kind, body = what.answer(path, self.headers.get("Accept", ""))
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            if with_body:
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing: somebody asks every few seconds."""

    return Handler
