"""`completion`: what makes a shell complete the commands and options of inbox-worker."""

from __future__ import annotations

from collections.abc import Mapping

import click
from click.shell_completion import BashComplete, FishComplete, ShellComplete, ZshComplete

PROGRAM = "inbox-worker"
ASKED_BY = "_INBOX_WORKER_COMPLETE"
"""The variable by which the shell's script asks for words, as click names it."""
SHELLS: Mapping[str, type[ShellComplete]] = {"bash": BashComplete, "zsh": ZshComplete, "fish": FishComplete}


@click.command()
@click.argument("shell", type=click.Choice(list(SHELLS)))
def completion(shell: str) -> None:
    """Print the script by which SHELL completes commands and options."""
    # The program is not called as the shell calls it: click would otherwise take the words for its own.
    from worker.cli import cli  # noqa: PLC0415 - this module is loaded by it

    click.echo(SHELLS[shell](cli, {}, PROGRAM, ASKED_BY).source())
