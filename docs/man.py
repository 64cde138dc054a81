"""Writes the manual page, docs/inbox-worker.1, from the commands and settings themselves: `make man`."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click

from config.settings import PREFIX, Settings
from worker.cli import cli

ROOT = Path(__file__).parent.parent
TARGET = ROOT / "docs" / "inbox-worker.1"
ABOUT = (
    "Polls mailboxes over IMAP, says what each message is and why, and keeps the status of every recipient and the"
    " Do Not Email list in a SQL database."
)
SETTINGS = (
    f"Every setting may also stand in .env, or in the TOML file that {PREFIX}CONFIG names (inbox-worker.toml), there"
    f" under its name in small letters without {PREFIX}; {PREFIX}..._FILE names a file that holds it."
)


def page() -> str:
    """Return the page as man(7) reads it."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    lines = [
        '.\\" Written by docs/man.py; do not change it here.',
        f'.TH INBOX-WORKER 1 "" "inbox-worker {version}" "User Commands"',
        # Ragged lines, or long names would leave holes in theirs.
        ".ad l",
        ".SH NAME",
        "inbox\\-worker \\- understand what comes back to an outreach mailbox",
        ".SH SYNOPSIS",
        ".B inbox\\-worker",
        ".I COMMAND",
        ".RI [ OPTIONS ]",
        ".SH DESCRIPTION",
        _text(ABOUT),
        ".PP",
        _text("Begin with: inbox-worker demo. Every command takes --help."),
        ".SH COMMANDS",
        *_commands(),
        ".SH ENVIRONMENT",
        _text(SETTINGS),
        *_settings(),
        ".SH FILES",
        *_item("inbox-worker.toml, .env", "Settings, in the working folder."),
        *_item("inbox-worker.sqlite", "The database, where no other is named."),
        *_item("artifacts", "The folder of trained classifiers."),
        ".SH EXIT STATUS",
        *_item("0", "Done."),
        *_item("1", "Something failed; standard error says in one line what, and what to do."),
        *_item("2", "Wrong usage."),
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def _commands() -> Iterator[str]:
    context = click.Context(cli, info_name="inbox-worker")
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        if command is not None:
            yield from _command(name, command, context)


def _command(name: str, command: click.Command, above: click.Context) -> Iterator[str]:
    context = click.Context(command, info_name=name, parent=above)
    if isinstance(command, click.Group):
        for below in command.list_commands(context):
            found = command.get_command(context, below)
            if found is not None:
                yield from _command(f"{name} {below}", found, above)
        return
    words = [piece for piece in command.collect_usage_pieces(context) if piece != "[OPTIONS]"]
    yield ".SS " + _text(" ".join([name, *words]))
    yield _text(command.help or "")
    for parameter in command.params:
        if isinstance(parameter, click.Option) and (record := parameter.get_help_record(context)):
            yield from _item(*record)


def _settings() -> Iterator[str]:
    for name, field in Settings.model_fields.items():
        default = field.get_default()
        shown = getattr(default, "get_secret_value", lambda value=default: value)()
        # Folders are written as they are given, whatever the system's separator.
        told = "none" if shown is None else str(shown).lower() if isinstance(shown, bool) else str(shown)
        yield from _item(PREFIX + name.upper(), f"{field.description} Default: {told or 'none'}.")


def _item(what: str, says: str) -> Iterator[str]:
    yield ".TP"
    yield ".B " + _text(what)
    yield _text(says)


def _text(text: str) -> str:
    """Return a text as one line that roff takes for nothing else; an empty line between becomes a paragraph."""
    paragraphs = [" ".join(each.split()) for each in re.split(r"\n\s*\n", text.replace("\b", ""))]
    escaped = [each.replace("\\", "\\e").replace("-", "\\-") for each in paragraphs if each]
    return "\n.PP\n".join(f"\\&{each}" if each[0] in ".'" else each for each in escaped)


if __name__ == "__main__":
    TARGET.write_text(page())
