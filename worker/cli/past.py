"""What the command `backfill` does, once it is known what it is to do; all of this is slow to load."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path

import click

from models.session import reading, transaction
from worker.backfill import backfill_files, backfill_imap, rehearsal
from worker.cli.common import find_mailbox, now, start
from worker.cli.output import emit
from worker.cli.progress import bar
from worker.cli.report import print_changes, print_report, report_row
from worker.daemon.serving import Classifier
from worker.errands.service import open_mailbox, station
from worker.reading.crew import settle, side_by_side
from worker.reading.files import eml_files, maildir_messages, mbox_messages
from worker.reading.visit import PollReport, Watch


@dataclass(frozen=True, kw_only=True)
class Past:
    """Where the past of a mailbox is read: from one of three kinds of files, or over IMAP."""

    mbox: Path | None = None
    maildir: Path | None = None
    eml: Path | None = None
    folders: tuple[str, ...] = ()
    since: date | None = None

    def messages(self) -> Iterator[tuple[str, bytes]] | None:
        """Return the messages of the files with where each stands; None: they are read over IMAP."""
        if self.mbox:
            return mbox_messages(self.mbox)
        if self.maildir:
            return maildir_messages(self.maildir)
        return eml_files([self.eml]) if self.eml else None


def take_in(mailbox: str, past: Past, *, dry_run: bool, as_json: bool) -> None:
    """Take in the past of a mailbox and print what came of it."""
    settings, engine = start()
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
        messages = past.messages()
        if messages is not None:
            report = backfill_files(where, desk, messages)
        else:
            report = backfill_imap(where, row, desk, past.folders, past.since)
    _print(report, as_json=as_json, dry_run=dry_run)


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
