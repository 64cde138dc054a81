"""`secrets`: the keys that stored passwords, tokens and signing keys are encrypted with."""

from __future__ import annotations

import click

from models.session import transaction
from worker.cli.common import start
from worker.privacy.sqlite_log import empty_log
from worker.secrets.stored_secrets import encrypt_anew
from worker.secrets.vault import new_key as make_key
from worker.secrets.vault import vault_of


@click.group()
def secrets() -> None:
    """How stored passwords, tokens and signing keys are encrypted."""


@secrets.command("new-key")
def new_key() -> None:
    """Print a new key, for INBOX_SECRET_KEYS or the file that INBOX_SECRET_KEYS_FILE names; it is stored nowhere."""
    click.echo(make_key())


@secrets.command()
def rotate() -> None:
    """Encrypt every stored secret with the first key, those in plain text of earlier versions too.

    To change the key, put the new one before the others, start everything that runs anew, and run this; then the
    others may go.
    """
    settings, engine = start()
    with transaction(engine) as session:
        count, before = encrypt_anew(session, vault_of(settings))
    empty_log(engine)
    already = "all were already: is the new key the first?" if count and before == count else f"{before} were already"
    click.echo(f"secrets: {count} encrypted with the first key ({already})")
