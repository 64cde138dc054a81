"""`backfill`: the whole past of a mailbox, once."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from config.settings import read
from worker.cli.output import as_json
from worker.reading.forks import count_of, get_ready

_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.argument("mailbox")
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help="Only mail that arrived on this day or later (IMAP).")
@click.option(
    "--folder", "folders", multiple=True, help="Folder to read instead of the mailbox's own; may be repeated."
)
@click.option("--mbox", type=_FILE, help="Read this mbox file instead of IMAP.")
@click.option("--maildir", type=_FOLDER, help="Read this Maildir instead of IMAP.")
@click.option("--eml", type=_FOLDER, help="Read every message below this folder instead of IMAP.")
@click.option(
    "--dry-run",
    is_flag=True,
    help="Say what would change, and change nothing. On SQLite it works on a temporary copy; on PostgreSQL it is one "
    "transaction, and keeps the contacts concerned locked until it ends.",
)
@as_json
def backfill(
    mailbox: str,
    since: datetime | None,
    folders: tuple[str, ...],
    mbox: Path | None,
    maildir: Path | None,
    eml: Path | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Take in every message of MAILBOX that is not recorded yet, over IMAP or from files in its name.

    Interrupted, it is simply run again: what is recorded is not read twice.
    """
    given = [each for each in (mbox, maildir, eml) if each]
    if len(given) > 1 or (given and (since or folders)):
        raise click.UsageError("give one of --mbox, --maildir, --eml, or IMAP with --since and --folder")
    if count_of(read()) > 1:
        get_ready()
    from worker.cli.past import Past, take_in  # noqa: PLC0415 - what is loaded beside takes as long as this

    past = Past(mbox=mbox, maildir=maildir, eml=eml, folders=folders, since=since.date() if since else None)
    take_in(mailbox, past, dry_run=dry_run, as_json=as_json)
