"""The command line: one command, nouns and verbs; each module is loaded only when its command is called."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points, version

import click
from click.shell_completion import CompletionItem

from config.processor import choose_kernels

# Command -> (module below worker.cli, one line of help). Kept here so that --help loads nothing else.
COMMANDS = {
    "demo": ("demo", "The main job on a sample mailbox, with nothing to install."),
    "run": ("run", "The daemon: poll every mailbox on schedule until SIGTERM."),
    "worker": ("worker", "One of many: share the mailboxes with other workers over PostgreSQL."),
    "poll": ("run", "Poll one mailbox once."),
    "backfill": ("backfill", "Take in the whole past of a mailbox, or mail from files."),
    "judge": ("judge", "Say what messages are; no database."),
    "train": ("train", "Train the reply classifier."),
    "evaluate": ("evaluate", "Say how good a reply classifier is, and whether the mail has changed."),
    "artifacts": ("artifacts", "List, promote and roll back trained reply classifiers."),
    "labels": ("labels", "Labelled replies: import, export, find doubtful ones."),
    "teams": ("teams", "List and make teams, and set when they work."),
    "mailboxes": ("mailboxes", "Add, list, check, pause, resume, remove mailboxes."),
    "sends": ("sends", "Tell what was sent: from a file, or from the Sent folder."),
    "campaigns": ("campaigns", "List campaigns and set what a reply does."),
    "automations": ("automations", "Rules of campaigns: when this is true, do that."),
    "recipients": ("recipients", "List, show, add and remove recipients, and set their status."),
    "contacts": ("contacts", "Say which addresses belong to the same person; export what is held of one, or erase it."),
    "dne": ("dne", "The Do Not Email list."),
    "review": ("review", "What a person should look at."),
    "messages": ("messages", "Mail that matched nobody, or was set aside."),
    "webhooks": ("webhooks", "Endpoints of other systems that hear of what happens."),
    "events": ("events", "Follow, deliver and replay what other systems hear of."),
    "alarms": ("alarms", "What somebody should look at."),
    "links": ("links", "The unsubscribe and booking links of recipients."),
    "tokens": ("tokens", "What other systems sign in with: add, list, revoke."),
    "users": ("users", "The people who sign in to the console: add, list, set, disable, unlock."),
    "secrets": ("secrets", "The keys that stored passwords and tokens are encrypted with."),
    "backup": ("backup", "Copy the database to a file while everything goes on."),
    "migrate": ("operate", "Bring the database to this version's schema."),
    "doctor": ("operate", "Check settings, database, mailboxes and classifier."),
    "healthcheck": ("healthcheck", "Ask the daemon of this machine whether it polls."),
    "completion": ("completion", "Have your shell complete commands and options."),
}

ELSEWHERE = "inbox_worker.commands"
"""The entry points by which other packages bring commands of their own."""


@cache
def _elsewhere() -> Mapping[str, EntryPoint]:
    return {each.name: each for each in entry_points(group=ELSEWHERE) if each.name not in COMMANDS}


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - the interface of click
        return [*COMMANDS, *_elsewhere()]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - the same
        command: click.Command | None = None
        if cmd_name in COMMANDS:
            command = getattr(import_module(f"worker.cli.{COMMANDS[cmd_name][0]}"), cmd_name)
        elif cmd_name in _elsewhere():
            command = _elsewhere()[cmd_name].load()
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        # click would load every command to learn its name.
        if not incomplete or incomplete[0].isalnum():
            return [
                CompletionItem(name, help=COMMANDS[name][1] if name in COMMANDS else None)
                for name in self.list_commands(ctx)
                if name.startswith(incomplete)
            ]
        return super().shell_complete(ctx, incomplete)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - the same
        with formatter.section("Commands"):
            lines = [(name, line) for name, (_, line) in COMMANDS.items()]
            lines += [(name, each.load().get_short_help_str(limit=90)) for name, each in _elsewhere().items()]
            formatter.write_dl(lines)


def _print_version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted:
        click.echo(version("inbox-worker"))
        ctx.exit()


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option(
    "--version", is_flag=True, callback=_print_version, expose_value=False, is_eager=True, help="The version."
)
def cli() -> None:
    """Understand what comes back to an outreach mailbox: bounces, absences, opt-outs, replies.

    Settings: environment INBOX_*, .env, inbox-worker.toml, flags (docs/configure.md). Exit status: 0 done,
    1 something failed, 2 wrong usage.
    """


def main() -> None:
    """Run the command line; a known error is one line on standard error and exit status 1."""
    choose_kernels(os.environ)
    _obey_as_first_process()
    try:
        # Without its standalone mode click returns the status of ctx.exit(), and else what the command returned.
        sys.exit(cli.main(standalone_mode=False) or 0)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort:
        click.echo("stopped", err=True)
        sys.exit(1)
    except BrokenPipeError:
        # The reader of our output (head, less) has gone; nobody is left to tell.
        sys.stderr.close()
        sys.exit(1)
    except Exception as error:
        from worker.cli.failures import describe  # noqa: PLC0415 - loads SQLAlchemy, which --help need not wait for

        line = describe(error)
        if line is None:
            raise
        click.echo(f"inbox-worker: {line}", err=True)
        sys.exit(1)


def _obey_as_first_process() -> None:
    """Let SIGTERM end the first process of a container, which the system shields from signals that it does not handle.

    Daemons handle it themselves once they have begun.
    """
    if os.getpid() == 1:
        signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
