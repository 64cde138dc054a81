"""`console`: serve pages and endpoints. Imports little, for every `--help` of the command line loads this file."""

from __future__ import annotations

import click


@click.command()
@click.option("--host", help="Address to listen on; default: INBOX_CONSOLE_HOST.")
@click.option("--port", type=click.IntRange(0, 65535), help="Port to listen on; default: INBOX_CONSOLE_PORT.")
def console(host: str | None, port: int | None) -> None:
    """Serve the pages for people, the API, unsubscribe links and bookings over HTTP.

    It speaks plain HTTP: put a web server with TLS before it, and let that limit how often strangers may ask.
    """
    from console.serve import serve  # noqa: PLC0415 - loads the web framework, which --help need not wait for

    serve(host, port)
