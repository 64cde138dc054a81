"""How commands get a password: from a file or by asking, never as an argument, which the whole machine can read."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from worker.errors import InputError

password_option = click.option(
    "--password-file",
    type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path),
    help="File with the password (- is standard input); asked for on a terminal.",
)


def read_password(path: Path) -> str:
    """Return the password that a file holds; `-` is standard input.

    Raises:
        InputError: the file holds none.
    """
    return read_secret(path, "the password").rstrip("\r\n")


def read_secret(path: Path, what: str) -> str:
    """Return what a file holds, with the end of its line.

    Raises:
        InputError: nothing but space, or no text; the message says `what` should be in it.
    """
    try:
        with click.open_file(str(path), encoding="utf-8") as file:
            secret: str = file.read()
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is no text in UTF-8; write {what} into it anew") from error
    if not secret.strip():
        raise InputError(f"{path} is empty; put {what} into it")
    return secret


def ask_password(name: str, *, twice: bool = False) -> str:
    """Ask on the terminal; a new password twice."""
    if not sys.stdin.isatty():
        raise click.UsageError("give the password with --password-file FILE (- is standard input)")
    password: str = click.prompt(f"Password of {name}", hide_input=True, confirmation_prompt=twice)
    return password
