"""Reads the folder of sent mail: what was sent, which all else answers."""

from __future__ import annotations

from config import logs
from models.session import reading
from models.tables.mailboxes import Mailbox
from worker.chunks import chunks
from worker.reading.cursor import cursor_of, move_cursor
from worker.reading.learn import SentHeader, learn
from worker.reading.visit import PollReport, Visit
from worker.sending.sends import BATCH, import_sends
from worker.writing.refold import Change

log = logs.logger(__name__)


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
    """Learn the sends of a folder beyond its cursor."""
    state = visit.imap.select(folder)
    with reading(visit.station.engine) as session:
        cursor = cursor_of(session, visit.mailbox_id, folder)
    after = cursor.last_uid if cursor and cursor.uidvalidity == state.uidvalidity else 0
    uids = [uid for uid, _ in visit.imap.new_uids(state, after)]
    box, watch = visit.desk.box, visit.station.watch
    changes: list[Change] = []
    rest = len(uids)
    watch.progress(rest, 0)
    if rest:
        visit.keep_to_budget()
    for chunk in chunks(visit.imap.headers(uids), BATCH):
        headers = [SentHeader(raw, arrived_at) for _, raw, arrived_at, _ in chunk]
        with visit.station.writer() as session:
            sends = learn(session, box.rules.team_id, box.mailbox_id, box.name, headers, visit.desk.own_addresses)
            found = import_sends(session, box.rules, sends, watch.clock())
            visit.spend(session, sum(len(raw) for _, raw, *_ in chunk))
            move_cursor(session, box.mailbox_id, state, chunk[-1][0])
            news = PollReport(sends=found.new)
            news.applied.tell(found.changes)
            visit.note(session, len(chunk), news)
        visit.report.sends += found.new
        visit.report.applied.tell(found.changes)
        changes += found.changes
        watch.progress(0, len(chunk))
        if watch.stopping():
            visit.report.more = True
            break
        rest -= len(chunk)
        if rest:
            visit.keep_to_budget()
    else:
        visit.states[folder] = state
    return changes
