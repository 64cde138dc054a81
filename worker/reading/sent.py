"""Reads the folder of sent mail: what was sent, which all else answers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from config import logs
from models.session import reading
from models.tables.mailboxes import Mailbox
from worker.chunks import chunks
from worker.imap.fetched import FolderState
from worker.reading.cursor import cursor_of, move_cursor
from worker.reading.learn import SentHeader, learn
from worker.reading.visit import PollReport, Visit
from worker.sending.sends import BATCH, import_sends
from worker.writing.refold import Change

log = logs.logger(__name__)

Header = tuple[int, bytes, datetime, int]
"""What `worker.mailbox.Mailbox.headers` gives of one mail."""


def sent_folder(visit: Visit, mailbox: Mailbox) -> str | None:
    r"""Return where a mailbox's sent mail lies: as it says, else the folder with the attribute \Sent."""
    folder = mailbox.sent_folder or visit.imap.special_folder("\\Sent")
    if folder is None:
        log.info(
            "no_sent_folder",
            says="mailbox {mailbox}: no Sent folder, so only imported sends explain its mail",
            mailbox=mailbox.name,
        )
    return folder


def learn_sent(visit: Visit, folder: str) -> list[Change]:
    """Learn the sends of a folder beyond its cursor; return what changed for their recipients."""
    state = visit.imap.select(folder)
    with reading(visit.station.engine) as session:
        cursor = cursor_of(session, visit.mailbox_id, folder)
    after = cursor.last_uid if cursor and cursor.uidvalidity == state.uidvalidity else 0
    uids = [uid for uid, _ in visit.imap.new_uids(state, after)]
    watch, rest = visit.station.watch, len(uids)
    changes: list[Change] = []
    watch.progress(rest, 0)
    if rest:
        visit.keep_to_budget()
    for batch in chunks(visit.imap.headers(uids), BATCH):
        changes += _learn_batch(visit, state, batch)
        watch.progress(0, len(batch))
        if watch.stopping():
            visit.report.more = True
            return changes
        rest -= len(batch)
        if rest:
            visit.keep_to_budget()
    visit.states[folder] = state
    return changes


def _learn_batch(visit: Visit, state: FolderState, batch: Sequence[Header]) -> list[Change]:
    """Write what a batch of headers tells, and how far the folder was read, in one transaction."""
    box, now = visit.desk.box, visit.station.watch.clock()
    headers = [SentHeader(raw, arrived_at) for _, raw, arrived_at, _ in batch]
    with visit.station.writer() as session:
        sends = learn(session, box.rules.team_id, box.mailbox_id, box.name, headers, visit.desk.own_addresses)
        found = import_sends(session, box.rules, sends, now)
        visit.spend(session, sum(len(raw) for _, raw, *_ in batch))
        last_uid, *_ = batch[-1]
        move_cursor(session, box.mailbox_id, state, last_uid)
        news = PollReport(sends=found.new)
        news.applied.tell(found.changes)
        visit.note(session, len(batch), news)
    visit.report.sends += found.new
    visit.report.applied.tell(found.changes)
    return found.changes
