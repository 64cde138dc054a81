"""`backfill`: the whole past of a mailbox, once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import datetime
from functools import partial
from pathlib import Path

import click

from models.session import reading, transaction
from worker.backfill import backfill_files, backfill_imap, rehearsal
from worker.cli.common import find_mailbox, now, start
from worker.cli.output import as_json, emit
from worker.cli.progress import bar
from worker.cli.report import print_changes, print_report, report_row
from worker.crew import get_ready, settle, side_by_side
from worker.files import eml_files, maildir_messages, mbox_messages
from worker.service import open_mailbox, station
from worker.serving import Classifier
from worker.visit import PollReport, Watch

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
    settings, engine = start()
    if settings.backfill_processes != 1:
        get_ready()
    with reading(engine) as session:
        mailbox_id = find_mailbox(session, mailbox).id
    row, desk = open_mailbox(engine, mailbox_id, settings, Classifier(engine, settings).current())
    settle()
    title = f"backfill {mailbox}" + (" (dry run)" if dry_run else "")
    with (
        _stopping() as stop,
        bar(title, shown=not as_json) as progress,
        rehearsal(engine) if dry_run else nullcontext((engine, partial(transaction, engine))) as (database, writer),
        side_by_side(settings, desk.classifier) as understanding,
    ):
        watch = Watch(clock=now, stopping=stop.is_set, progress=progress)
        where = station(database, settings, watch, writer, understanding)
        messages = _messages(mbox, maildir, eml)
        if messages is not None:
            report = backfill_files(where, desk, messages)
        else:
            report = backfill_imap(where, row, desk, folders, since.date() if since else None)
    _print(report, as_json=as_json, dry_run=dry_run)


def _messages(mbox: Path | None, maildir: Path | None, eml: Path | None) -> Iterator[tuple[str, bytes]] | None:
    if mbox:
        return mbox_messages(mbox)
    if maildir:
        return maildir_messages(maildir)
    return eml_files([eml]) if eml else None


@contextmanager
def _stopping() -> Iterator[threading.Event]:
    """Let the first SIGINT or SIGTERM finish the batch in hand."""
    stop = threading.Event()
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _print(report: PollReport, *, as_json: bool, dry_run: bool) -> None:
    if as_json:
        emit([report_row(report)])
        return
    print_report(report)
    if dry_run:
        print_changes(report.applied.changes)
        click.echo("dry run: nothing was written")
