"""Takes in what a folder holds, batch by batch: nothing twice, and nothing left behind."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import date, datetime
from functools import partial

from sqlalchemy.orm import Session

from config import logs
from models.session import reading, refresh_statistics
from worker.apply import Applied
from worker.chunks import chunks
from worker.imap.fetched import FetchedMessage, FolderState
from worker.process import write
from worker.reading.cursor import cursor_of, move_cursor
from worker.reading.visit import PollReport, Visit
from worker.sending.sends import BATCH
from worker.writing.fingerprint import content_hash, has_message_id
from worker.writing.record import Judged
from worker.writing.seen import count_places, known_mails, seen_uids

log = logs.logger(__name__)

OVERLAP = 500
"""UIDs below the cursor that are looked at again."""
# Batches of a long read before which the database looks at its tables anew: they grow faster than it does by itself.
FRESH_STATISTICS = frozenset({2, 10, 50, 250})


def read_folder(
    visit: Visit,
    folder: str,
    *,
    limit: int | None = None,
    since: date | None = None,
    counts: bool = True,
    junk: bool = False,
) -> None:
    """Take in what a folder holds beyond its cursor; with `since`, all mail from that day on, whatever the cursor says.

    What is recorded already is not fetched again. A folder whose UIDVALIDITY changed is read anew by its headers, so
    that only mail we have never seen is fetched whole. With `counts`, mail that showed up behind the cursor
    is looked for as well. Of `junk` folders the mail is believed less.
    """
    state = visit.imap.select(folder)
    with reading(visit.station.engine) as session:
        cursor = cursor_of(session, visit.mailbox_id, folder)
    whole = since is not None
    known = cursor if cursor and cursor.uidvalidity == state.uidvalidity and not whole else None
    after = known.last_uid if known else 0
    pairs = _with_late_ones(visit, state, after) if known and counts else visit.imap.new_uids(state, after, since)
    is_new = cursor is not None and cursor.uidvalidity != state.uidvalidity
    if is_new and not _recognise_all(visit, state, pairs, limit=limit, whole=whole, junk=junk):
        return
    taken = _take_unseen(visit, state, pairs, limit=limit, whole=whole, junk=junk)
    if whole or taken is None:
        return
    newest = max((uid for uid, _ in pairs), default=after)
    if newest > (taken[-1][0] if taken else after) or (known is None and not taken):
        with visit.station.writer() as session:
            move_cursor(session, visit.mailbox_id, state, newest)
    visit.states[folder] = state


def list_folder(visit: Visit, folder: str, since: date | None) -> tuple[FolderState, list[int], list[int]]:
    """Return a folder's state, and the UIDs of its mail from that day on: of what is not recorded yet, and of all."""
    state = visit.imap.select(folder)
    pairs = visit.imap.new_uids(state, 0, since)
    return state, [uid for uid, _ in _unseen(visit, state, pairs, whole=True)], [uid for uid, _ in pairs]


def take_in(visit: Visit, state: FolderState, pairs: Sequence[tuple[int, int]], *, junk: bool) -> None:
    """Take in those of the (UID, size) pairs of the selected folder that are not recorded yet; the cursor stays."""
    with reading(visit.station.engine) as session:
        cursor = cursor_of(session, visit.mailbox_id, state.folder)
    is_new = cursor is not None and cursor.uidvalidity != state.uidvalidity
    if is_new and not _recognise_all(visit, state, pairs, limit=None, whole=True, junk=junk):
        return
    _take_unseen(visit, state, pairs, limit=None, whole=True, junk=junk)


def _take_unseen(
    visit: Visit, state: FolderState, pairs: Sequence[tuple[int, int]], *, limit: int | None, whole: bool, junk: bool
) -> list[tuple[int, int]] | None:
    """Take in what is not recorded yet, at most `limit` messages, and return what that was; None: it was not all."""
    fresh = _unseen(visit, state, pairs, whole=whole)
    taken = fresh[:limit]
    visit.report.backlog += len(fresh)
    if taken:
        visit.keep_to_budget()
    complete = _take_in(visit, state, taken, moves=not whole, junk=junk) and len(taken) == len(fresh)
    visit.report.more |= not complete
    return taken if complete else None


def _take_in(visit: Visit, state: FolderState, pairs: Sequence[tuple[int, int]], *, moves: bool, junk: bool) -> bool:
    """Fetch and process messages batch by batch; return False where it was told to stop in between.

    Where it `moves`, the cursor follows in each batch's own transaction.
    """
    station, watch = visit.station, visit.station.watch
    watch.progress(len(pairs), 0)
    # Closed at once, whatever happens: the next folder is read over the same connection.
    with closing(station.understanding(visit.desk, _pieces(visit, pairs, junk=junk))) as understood:
        for number, (piece, judged) in enumerate(understood):
            if number in FRESH_STATISTICS and not visit.is_part:
                refresh_statistics(station.engine)
            finish = partial(_finish, visit, state, piece, moves=moves)
            now = watch.clock()
            applied = write(visit.desk, judged, station.writer, now, finish)
            watch.wrote(visit.purpose, judged, applied, now)
            visit.report.applied.add(applied)
            visit.report.backlog -= len(piece)
            watch.progress(0, len(piece))
            if watch.stopping():
                return False
    return True


def _pieces(visit: Visit, pairs: Sequence[tuple[int, int]], *, junk: bool) -> Iterator[list[FetchedMessage]]:
    """Fetch messages piece by piece, as long as the budget lasts; what was fetched by then is taken in."""
    rest = len(pairs)
    for piece in visit.imap.fetch(pairs, visit.station.understanding.most):
        yield [replace(each, junk=True) for each in piece] if junk else piece
        rest -= len(piece)
        if rest:
            visit.keep_to_budget()


def _finish(
    visit: Visit,
    state: FolderState,
    batch: Sequence[FetchedMessage],
    session: Session,
    applied: Applied,
    *,
    moves: bool,
) -> None:
    visit.spend(session, sum(len(each.raw) for each in batch))
    visit.note(session, len(batch), PollReport(applied=applied))
    if moves:
        move_cursor(session, visit.mailbox_id, state, batch[-1].uid)


def _with_late_ones(visit: Visit, state: FolderState, after: int) -> list[tuple[int, int]]:
    """Return (UID, size) of what lies behind the cursor, with enough before it to find what came out of its order.

    Some servers let a message be seen after one with a higher UID. The last ones are always looked at, and all where
    the folder holds more than was ever recorded of it.
    """
    pairs = visit.imap.new_uids(state, max(0, after - OVERLAP))
    with reading(visit.station.engine) as session:
        recorded = count_places(session, visit.mailbox_id, state.folder, state.uidvalidity)
    newer = sum(uid > after for uid, _ in pairs)
    if state.exists - newer <= recorded:
        return pairs
    log.warning(
        "folder_read_again",
        says="mailbox {mailbox}: {folder} holds mail that was never recorded, it is read now",
        mailbox=visit.desk.box.name,
        folder=state.folder,
    )
    return visit.imap.new_uids(state, 0)


def _recognise_all(
    visit: Visit, state: FolderState, pairs: Sequence[tuple[int, int]], *, limit: int | None, whole: bool, junk: bool
) -> bool:
    """Recognise the mail of a folder that was numbered anew; return whether nothing of it is left to do so with."""
    log.warning(
        "folder_numbered_anew",
        says="mailbox {mailbox}: UIDVALIDITY of {folder} changed, its mail is recognised by content",
        mailbox=visit.desk.box.name,
        folder=state.folder,
    )
    complete = _recognise(visit, state, _unseen(visit, state, pairs, whole=whole), limit=limit, junk=junk)
    visit.report.more |= not complete
    return complete


def _recognise(
    visit: Visit, state: FolderState, pairs: Sequence[tuple[int, int]], *, limit: int | None, junk: bool
) -> bool:
    """Take in a renumbered folder piece by piece: mail that we have seen before by its header, at most `limit` others.

    Returns whether that was all; the cursor stays with the old numbers until it is.
    """
    watch = visit.station.watch
    watch.progress(len(pairs), 0)
    room = len(pairs) if limit is None else limit
    for piece in chunks(pairs, BATCH):
        if watch.stopping():
            return False
        visit.keep_to_budget()
        known = _record_copies(visit, state, [uid for uid, _ in piece], junk=junk)
        watch.progress(0, len(piece))
        # Only what is recorded is not read again: headers of new mail alone could use up the budget day after day.
        fresh = [pair for pair in piece if pair[0] not in known]
        taken = fresh[:room]
        visit.report.backlog += len(fresh)
        room -= len(taken)
        if taken and not _take_in(visit, state, taken, moves=False, junk=junk):
            return False
        if len(taken) < len(fresh):
            return False
    return True


def _record_copies(visit: Visit, state: FolderState, uids: Sequence[int], *, junk: bool) -> set[int]:
    """Record those mails that we have seen before under their new UIDs, which are returned."""
    answers = list(visit.imap.headers(uids))
    headers = [_by_header(state, *each) for each in answers if has_message_id(each[1])]
    with reading(visit.station.engine) as session:
        known = known_mails(session, visit.mailbox_id, [judged.content_hash for judged in headers])
    copies = [replace(judged, junk=junk) for judged in headers if judged.content_hash in known]

    def finish(session: Session, applied: Applied) -> None:
        visit.spend(session, sum(len(raw) for _, raw, *_ in answers))
        visit.note(session, len(copies), PollReport(applied=applied))

    visit.report.applied.add(write(visit.desk, copies, visit.station.writer, visit.station.watch.clock(), finish))
    return {judged.uid for judged in copies}


def _by_header(state: FolderState, uid: int, raw: bytes, arrived_at: datetime, size: int) -> Judged:
    return Judged(
        folder=state.folder,
        uidvalidity=state.uidvalidity,
        uid=uid,
        arrived_at=arrived_at,
        size=size,
        content_hash=content_hash(raw, size, whole=False),
    )


def _unseen(
    visit: Visit, state: FolderState, pairs: Sequence[tuple[int, int]], *, whole: bool
) -> list[tuple[int, int]]:
    """Return those of the (UID, size) pairs that are not recorded yet; `whole` reading tries what was set aside."""
    with reading(visit.station.engine) as session:
        uids = [uid for uid, _ in pairs]
        seen = seen_uids(session, visit.mailbox_id, state.folder, state.uidvalidity, uids, aside=not whole)
    return [pair for pair in pairs if pair[0] not in seen]
