"""One poll of one mailbox: the Sent folder first, then what is new in each folder, batch by batch."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import partial

from sqlalchemy import Engine, delete
from sqlalchemy.orm import Session

from config.settings import Settings
from models.session import Writer, insert_new, reading, refresh_statistics
from models.tables import FolderCursor, Mailbox
from worker.apply import Applied
from worker.chunks import chunks
from worker.desk import Desk
from worker.errors import MailboxError
from worker.fingerprint import content_hash, has_message_id
from worker.imap import Account
from worker.learn import SentHeader, learn
from worker.mailbox import FolderState, connect
from worker.mailbox import Mailbox as Imap
from worker.process import process, write
from worker.record import Judged, known_mails, seen_uids
from worker.refold import Change
from worker.sends import BATCH, import_sends

log = logging.getLogger(__name__)

INBOX = "INBOX"
# Batches of a long read before which the database looks at its tables anew: they grow faster than it does by itself.
FRESH_STATISTICS = frozenset({2, 10, 50, 250})


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """How a poll is watched: the clock (aware UTC), whether to stop after the batch in hand, and who hears of progress.

    `progress` is told how many messages are to come, then how many each batch brought.
    """

    clock: Callable[[], datetime]
    stopping: Callable[[], bool] = lambda: False
    progress: Callable[[int, int], None] = lambda _coming, _done: None


@dataclass(slots=True)
class PollReport:
    """What a poll did: sends learnt, messages by state and verdict, changes; `more` where it stopped at its limit."""

    sends: int = 0
    applied: Applied = field(default_factory=Applied)
    more: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Station:
    """What every poll and backfill of a process shares: settings, the database, how it is written, who watches."""

    settings: Settings
    engine: Engine
    writer: Writer
    watch: Watch


@dataclass(frozen=True, slots=True)
class Visit:
    """One visit to one mailbox: over which connection, with which desk, and what came of it so far."""

    station: Station
    desk: Desk
    imap: Imap
    report: PollReport = field(default_factory=PollReport)

    @property
    def mailbox_id(self) -> int:
        """Return the mailbox's row id."""
        return self.desk.box.mailbox_id


def account_of(mailbox: Mailbox, settings: Settings) -> Account:
    """Return how to sign in to a mailbox."""
    return Account(
        host=mailbox.host,
        port=mailbox.port,
        username=mailbox.username,
        password=mailbox.password,
        security=mailbox.security,
        ca_file=mailbox.ca_file,
        timeout=settings.imap_timeout,
    )


def poll(station: Station, mailbox: Mailbox, desk: Desk) -> PollReport:
    """Poll a mailbox once: learn what it sent, then take in at most `poll_messages` new messages of each folder.

    Raises:
        MailboxError: the mailbox cannot be reached or signed in to, or one of its folders cannot be read; what could
            be read is written.
        sqlalchemy.exc.OperationalError: the database failed; the batch in hand is read again next time.
    """
    with connect(account_of(mailbox, station.settings), mailbox.name) as imap:
        return go_round(Visit(station, desk, imap), mailbox, limit=station.settings.poll_messages)


def go_round(
    visit: Visit,
    mailbox: Mailbox,
    folders: Sequence[str] = (),
    *,
    limit: int | None = None,
    since: date | None = None,
) -> PollReport:
    """Learn what the mailbox sent, then read its folders (or the given ones); one that fails keeps no other waiting.

    Raises:
        MailboxError: the first of the failures, after everything else was read.
    """
    steps: list[Callable[[], object]] = [
        partial(read_folder, visit, folder, limit=limit, since=since)
        for folder in folders or mailbox.folders or [INBOX]
    ]
    if mailbox.learn_sends:
        steps.insert(0, partial(learn_sent, visit, mailbox.sent_folder))
    failures: list[MailboxError] = []
    for step in steps:
        if visit.station.watch.stopping():
            break
        try:
            step()
        except MailboxError as error:
            log.warning("%s", error)
            failures.append(error)
    if failures:
        raise failures[0]
    return visit.report


def read_folder(visit: Visit, folder: str, *, limit: int | None = None, since: date | None = None) -> None:
    """Take in what a folder holds beyond its cursor; with `since`, all mail from that day on, whatever the cursor says.

    What is recorded already is not fetched again. A folder whose UIDVALIDITY changed is read anew by its headers
    first, so that only mail we have never seen is fetched whole.
    """
    state = visit.imap.select(folder)
    cursor = _cursor(visit, folder)
    whole = since is not None
    after = cursor.last_uid if cursor and cursor.uidvalidity == state.uidvalidity and not whole else 0
    pairs = visit.imap.new_uids(state, after, since)
    newest = max((uid for uid, _ in pairs), default=after)
    if cursor and cursor.uidvalidity != state.uidvalidity:
        log.warning("%s: UIDVALIDITY of %s changed, its mail is recognised by content", visit.desk.box.name, folder)
        if not _recognise(visit, state, [uid for uid, _ in _unseen(visit, state, pairs)]):
            visit.report.more = True
            return
    fresh = _unseen(visit, state, pairs)
    visit.report.more |= limit is not None and len(fresh) > limit
    taken = fresh[:limit]
    visit.station.watch.progress(len(taken), 0)
    for number, batch in enumerate(visit.imap.fetch(taken, visit.station.settings.batch_messages)):
        if number in FRESH_STATISTICS:
            refresh_statistics(visit.station.engine)
        last = batch[-1].uid

        def finish(session: Session, last: int = last) -> None:
            if not whole:
                _move_cursor(session, visit.mailbox_id, state, last)

        visit.report.applied.add(process(visit.desk, batch, visit.station.writer, visit.station.watch.clock(), finish))
        visit.station.watch.progress(0, len(batch))
        if visit.station.watch.stopping():
            visit.report.more = True
            return
    if not whole and len(taken) == len(fresh) and newest > after:
        with visit.station.writer() as session:
            _move_cursor(session, visit.mailbox_id, state, newest)


def learn_sent(visit: Visit, folder: str | None = None) -> list[Change]:
    r"""Learn the sends of the folder with the attribute \Sent (or the named one) beyond its cursor."""
    folder = folder or visit.imap.special_folder("\\Sent")
    if folder is None:
        log.info("%s: no Sent folder, so only imported sends explain its mail", visit.desk.box.name)
        return []
    state = visit.imap.select(folder)
    cursor = _cursor(visit, folder)
    after = cursor.last_uid if cursor and cursor.uidvalidity == state.uidvalidity else 0
    uids = [uid for uid, _ in visit.imap.new_uids(state, after)]
    box, watch = visit.desk.box, visit.station.watch
    changes: list[Change] = []
    watch.progress(len(uids), 0)
    for chunk in chunks(visit.imap.headers(uids), BATCH):
        headers = [SentHeader(raw, arrived_at) for _, raw, arrived_at, _ in chunk]
        with visit.station.writer() as session:
            sends = learn(session, box.rules.team_id, box.mailbox_id, box.name, headers, visit.desk.own_addresses)
            found = import_sends(session, box.rules, sends, watch.clock())
            _move_cursor(session, box.mailbox_id, state, chunk[-1][0])
        visit.report.sends += found.new
        changes += found.changes
        watch.progress(0, len(chunk))
        if watch.stopping():
            visit.report.more = True
            break
    visit.report.applied.changes += changes
    return changes


def _recognise(visit: Visit, state: FolderState, uids: Sequence[int]) -> bool:
    """Record the mail of a renumbered folder that we have seen before under its new UIDs.

    Returns whether all headers were read; the cursor stays with the old numbers until they are.
    """
    watch = visit.station.watch
    watch.progress(len(uids), 0)
    for chunk in chunks(visit.imap.headers(uids), BATCH):
        if watch.stopping():
            return False
        headers = [_by_header(state, *each) for each in chunk if has_message_id(each[1])]
        with reading(visit.station.engine) as session:
            known = known_mails(session, visit.mailbox_id, [judged.content_hash for judged in headers])
        copies = [judged for judged in headers if judged.content_hash in known]
        visit.report.applied.add(write(visit.desk, copies, visit.station.writer, watch.clock()))
        watch.progress(0, len(chunk))
    return True


def _by_header(state: FolderState, uid: int, raw: bytes, arrived_at: datetime, size: int) -> Judged:
    return Judged(
        folder=state.folder,
        uidvalidity=state.uidvalidity,
        uid=uid,
        arrived_at=arrived_at,
        size=size,
        content_hash=content_hash(raw, size, whole=False),
    )


def _unseen(visit: Visit, state: FolderState, pairs: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return those of the (UID, size) pairs that are not recorded yet."""
    with reading(visit.station.engine) as session:
        uids = [uid for uid, _ in pairs]
        seen = seen_uids(session, visit.mailbox_id, state.folder, state.uidvalidity, uids)
    return [pair for pair in pairs if pair[0] not in seen]


def _cursor(visit: Visit, folder: str) -> FolderCursor | None:
    with reading(visit.station.engine) as session:
        return session.get(FolderCursor, (visit.mailbox_id, folder))


def _move_cursor(session: Session, mailbox_id: int, state: FolderState, uid: int) -> None:
    """Move the cursor forward; never back, where two workers read the same folder."""
    cursor = session.get(FolderCursor, (mailbox_id, state.folder))
    if cursor and cursor.uidvalidity == state.uidvalidity and cursor.last_uid >= uid:
        return
    session.execute(
        delete(FolderCursor).where(FolderCursor.mailbox_id == mailbox_id, FolderCursor.folder == state.folder)
    )
    insert_new(
        session,
        FolderCursor,
        [{"mailbox_id": mailbox_id, "folder": state.folder, "uidvalidity": state.uidvalidity, "last_uid": uid}],
    )
