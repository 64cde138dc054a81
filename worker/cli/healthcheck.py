"""`healthcheck`: ask the daemon of this machine whether it polls. Loads little, for it is asked all the time."""

from __future__ import annotations

import http.client
import sys

import click

from config.settings import SettingsError, read

PATIENCE_SECONDS = 5


@click.command()
def healthcheck() -> None:
    """Ask the daemon on this machine whether polling goes on; for health checks of containers and services.

    Exit status 1 where it stalls, or where no daemon answers at INBOX_METRICS_PORT.
    """
    settings = read()
    if not settings.metrics_port:
        raise SettingsError("INBOX_METRICS_PORT: set the port at which the daemon tells how it fares")
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.metrics_host, settings.metrics_host)  # noqa: S104 - listened on by another process
    status, says = _ask(host, settings.metrics_port)
    click.echo(says, err=status != http.client.OK)
    sys.exit(0 if status == http.client.OK else 1)


def _ask(host: str, port: int) -> tuple[int | None, str]:
    connection = http.client.HTTPConnection(host, port, timeout=PATIENCE_SECONDS)
    try:
        connection.request("GET", "/healthz")
        answer = connection.getresponse()
        return answer.status, answer.read().decode(errors="replace").strip()
    except (OSError, http.client.HTTPException) as error:
        return None, f"no daemon answers at {host}, port {port} (INBOX_METRICS_HOST, INBOX_METRICS_PORT): {error}"
    finally:
        connection.close()
