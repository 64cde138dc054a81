"""The options by which a mailbox is described, for `mailboxes add` and `mailboxes set`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from worker.acts.mailbox_columns import PORTS
from worker.cli.passwords import password_option, read_password

OPTIONS = (
    click.option("--port", type=click.IntRange(1, 65535), help="Default: 993 with TLS, else 143."),
    click.option("--security", type=click.Choice(list(PORTS)), help="Default: tls."),
    click.option("--username", help="Default: NAME."),
    password_option,
    click.option("--ca-file", type=click.Path(exists=True, dir_okay=False, resolve_path=True),
                 help="Certificate authority of a server with a certificate of its own."),
    click.option("--address", "addresses", multiple=True, help="Another address of ours; may be repeated."),
    click.option("--opt-out-alias", "opt_out_aliases", multiple=True, help="Where our List-Unsubscribe mail goes."),
    click.option("--authserv-id", "authserv_ids", multiple=True, help="Whose Authentication-Results we believe."),
    click.option("--folder", "folders", multiple=True,
                 help=r"Folder to read, by name or special use (\Archive, \All); may be repeated. Default: INBOX."),
    click.option("--junk/--no-junk", "read_junk", default=None,
                 help="Read the junk folder too, and believe its mail less. Default: do."),
    click.option("--bounces-to", help="Move bounces that were dealt with to this folder; '' leaves them. Default: ''."),
    click.option("--opt-outs-to", help="The same for opt-outs and complaints."),
    click.option("--sent-folder", help=r"Folder of sent mail. Default: the one marked \Sent."),
    click.option("--learn-sends/--no-learn-sends", default=None, help="Learn sends from that folder. Default: do."),
)  # fmt: skip

F = TypeVar("F", bound=Callable[..., Any])


def connection_options(command: F) -> F:
    """Give a command the options that become columns of a mailbox."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command


def columns_of(given: dict[str, Any], password_file: Path | None) -> dict[str, Any]:
    """Return what was given, as columns of the mailbox."""
    columns = {name: list(value) if isinstance(value, tuple) else value for name, value in given.items()}
    columns = {name: value for name, value in columns.items() if value not in (None, [])}
    columns |= {name: None for name in ("bounces_to", "opt_outs_to") if columns.get(name) == ""}
    if password_file:
        columns["password"] = read_password(password_file)
    return columns
