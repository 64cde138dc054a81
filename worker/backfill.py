"""The whole past of a mailbox, once: over IMAP or from files; resumable, since what is recorded is not read again."""

from __future__ import annotations

import sqlite3
import tempfile
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import date
from functools import partial
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from models.session import Writer, open_engine, reading, transaction
from models.tables.handling import Purpose
from models.tables.mailboxes import Mailbox
from worker.access import connected
from worker.chunks import chunks
from worker.desk import Desk
from worker.imap.fetched import FetchedMessage
from worker.poll import go_round
from worker.process import write
from worker.reading.files import as_fetched
from worker.reading.visit import PollReport, Station, Visit
from worker.secrets.pseudonyms import carried, carry
from worker.writing.seen import seen_uids

# A day before any mail: SINCE it, a backfill reads everything.
EVER = date(1970, 1, 1)


@contextmanager
def rehearsal(engine: Engine) -> Iterator[tuple[Engine, Writer]]:
    """Give a database and a writer that leave no trace (`--dry-run`).

    SQLite is copied, so that nobody waits for the rehearsal. On PostgreSQL it is one transaction that is rolled back;
    until then the contacts concerned stay locked.
    """
    if engine.dialect.name == "sqlite":
        with _copied(engine) as copy:
            yield copy, partial(transaction, copy)
        return
    with suppress(_RehearsalOver), transaction(engine) as outer:

        @contextmanager
        def writer() -> Iterator[Session]:
            with outer.begin_nested():
                yield outer

        yield engine, writer
        raise _RehearsalOver


@contextmanager
def _copied(engine: Engine) -> Iterator[Engine]:
    with tempfile.TemporaryDirectory(prefix="inbox-worker-") as folder:
        path = Path(folder) / "copy.sqlite"
        with closing(sqlite3.connect(str(engine.url.database))) as source, closing(sqlite3.connect(path)) as target:
            source.backup(target)
        copy = open_engine(f"sqlite:///{path}")
        carry(copy, carried(engine))
        try:
            yield copy
        finally:
            copy.dispose()


class _RehearsalOver(Exception):  # noqa: N818 - no error, the way out of the transaction
    """Rolls the rehearsed work back."""


def backfill_imap(
    station: Station,
    mailbox: Mailbox,
    desk: Desk,
    folders: Sequence[str] = (),
    since: date | None = None,
) -> PollReport:
    """Take in every message of the mailbox's folders that is not recorded yet; the polls' cursors stay as they are.

    Raises:
        MailboxError: the mailbox cannot be reached; run it again, it goes on where it stopped.
    """
    with connected(station.engine, mailbox, station.settings, station.watch.clock()) as imap:
        return take_in_all(Visit(station, desk, imap, purpose=Purpose.BACKFILL), mailbox, folders, since)


def take_in_all(visit: Visit, mailbox: Mailbox, folders: Sequence[str] = (), since: date | None = None) -> PollReport:
    """Do what `backfill_imap` does over a connection that is open."""
    visit.imap.compress()
    return go_round(visit, mailbox, folders, since=since or EVER)


def backfill_files(station: Station, desk: Desk, messages: Iterable[tuple[str, bytes]]) -> PollReport:
    """Take in messages from files, as (source, message) pairs."""
    report, watch = PollReport(), station.watch
    sizes: deque[int] = deque()
    """Of the pieces in hand: how many messages they were before those that were seen before were left out."""

    def unseen() -> Iterator[list[FetchedMessage]]:
        for chunk in chunks(messages, station.understanding.most):
            if watch.stopping():
                report.more = True
                return
            fetched = [as_fetched(desk.box.name, source, raw) for source, raw in chunk]
            sizes.append(len(chunk))
            yield _unseen(station.engine, desk, fetched)

    with closing(station.understanding(desk, unseen())) as understood:
        for fresh, judged in understood:
            if judged:
                report.applied.add(write(desk, judged, station.writer, watch.clock()))
            size = sizes.popleft()
            report.applied.states["seen before"] += size - len(fresh)
            watch.progress(size, size)
    return report


def _unseen(engine: Engine, desk: Desk, fetched: list[FetchedMessage]) -> list[FetchedMessage]:
    fresh: list[FetchedMessage] = []
    places = {each.folder: [one.uid for one in fetched if one.folder == each.folder] for each in fetched}
    with reading(engine) as session:
        for folder, uids in places.items():
            seen = seen_uids(session, desk.box.mailbox_id, folder, 0, uids)
            fresh += [each for each in fetched if each.folder == folder and each.uid not in seen]
    return fresh
