"""Runs the application in this process until SIGTERM."""

from __future__ import annotations

import signal
import socket

import uvicorn

from config import logs
from console import uploads
from console.app import create_app
from worker.cli.common import now, start
from worker.errors import InputError

log = logs.logger(__name__)

MOST_AT_ONCE = 500
"""Connections; who comes beyond is asked to come again (503)."""
GRACE_SECONDS = 20
"""How long requests in hand may take to end."""


def serve(host: str | None, port: int | None) -> None:
    """Read the settings, open the database and answer requests until SIGTERM.

    Raises:
        InputError: the address cannot be listened on.
    """
    settings, engine = start(console_host=host, console_port=port)
    uploads.sweep()
    config = uvicorn.Config(
        create_app(engine, settings, now),
        # Ours is set up already; and lines with paths would keep the tokens of links in log files.
        log_config=None,
        access_log=False,
        server_header=False,
        limit_concurrency=MOST_AT_ONCE,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    # The server raises the signal again when it has stopped; it was obeyed, so the command ends well.
    signal.signal(signal.SIGTERM, lambda *_: None)
    with _listen(settings.console_host, settings.console_port) as listening:
        host, port = listening.getsockname()[:2]
        log.info("listening", says="listening on {host}, port {port}", host=host, port=port)
        uvicorn.Server(config).run(sockets=[listening])


def _listen(host: str, port: int) -> socket.socket:
    try:
        listening = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
        # Headers and body are two packets: without this the second waits 40 ms for the first to be acknowledged.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except OSError as error:
        raise InputError(
            f"cannot listen on {host}, port {port}: {error.strerror or error};"
            " choose another (--host and --port, or INBOX_CONSOLE_HOST and INBOX_CONSOLE_PORT)"
        ) from error
    return listening
