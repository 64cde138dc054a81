"""`completion`: what makes a shell complete the commands and options of inbox-worker."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

PROGRAM = "inbox-worker"
ASKED_BY = "_INBOX_WORKER_COMPLETE"
"""The variable by which the shell's script asks for words, as click names it."""


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the script by which SHELL completes commands and options."""
    # The program is not called as the shell calls it: click would otherwise take the words for its own.
    from worker.cli import cli  # noqa: PLC0415 - this module is loaded by it

    found = get_completion_class(shell)
    if found is None:
        raise click.UsageError(f"no completion for {shell}")
    click.echo(found(cli, {}, PROGRAM, ASKED_BY).source())
