"""One poll of one mailbox: the Sent folder first, then what is new in each folder."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import date
from functools import partial

from config import logs
from models.tables.handling import Purpose
from models.tables.mailboxes import Mailbox
from worker.access import connected
from worker.desk import Desk
from worker.errors import MailboxError, Trouble
from worker.imap.folders import INBOX, to_read
from worker.reading.folder import read_folder
from worker.reading.moving import carry_out
from worker.reading.sent import learn_sent, sent_folder
from worker.reading.visit import PollReport, Station, Visit
from worker.tracing import step

log = logs.logger(__name__)

__all__ = ["INBOX", "go_round", "poll"]


def poll(station: Station, mailbox: Mailbox, desk: Desk) -> PollReport:
    """Poll a mailbox once: learn what it sent, then take in at most `poll_messages` new messages of each folder.

    Raises:
        MailboxError: the mailbox cannot be reached or signed in to, or one of its folders cannot be read; what could
            be read is written.
        sqlalchemy.exc.OperationalError: the database failed; the batch in hand is read again next time.
    """
    with connected(station.engine, mailbox, station.settings, station.watch.clock()) as imap:
        return go_round(Visit(station, desk, imap), mailbox, limit=station.settings.poll_messages)


@step("poll")
def go_round(
    visit: Visit,
    mailbox: Mailbox,
    folders: Sequence[str] = (),
    *,
    limit: int | None = None,
    since: date | None = None,
    only: Collection[str] | None = None,
) -> PollReport:
    """Learn what the mailbox sent, then read its folders (or the given ones); one that fails keeps no other waiting.

    With `only`, folders besides these are known to hold nothing new.

    Raises:
        MailboxError: the first of the failures, after everything else was read.
    """
    junk = bool(mailbox.read_junk) and not folders
    steps: list[tuple[str | None, Callable[[], object]]] = [
        (
            place.path,
            partial(
                visit.read or read_folder,
                visit,
                place.path,
                limit=limit,
                since=since,
                counts=only is None,
                junk=place.junk,
            ),
        )
        for place in to_read(folders or mailbox.folders, visit.imap.folders(anew=only is None), junk=junk)
    ]
    sent = sent_folder(visit, mailbox) if mailbox.learn_sends else None
    if sent:
        steps.insert(0, (sent, partial(learn_sent, visit, sent)))
    # A backfill moves nothing; it may be a rehearsal.
    if visit.purpose is Purpose.LIVE and (mailbox.bounces_to or mailbox.opt_outs_to):
        moves = (None, partial(_carry_out, visit))
        steps = [*steps, moves]
    failures: list[MailboxError] = []
    for folder, do in steps:
        if visit.station.watch.stopping():
            visit.report.more = True
            break
        if only is not None and folder is not None and folder not in only:
            continue
        try:
            do()
        except MailboxError as error:
            log.warning(
                "folder_failed",
                says="{error}",
                mailbox=visit.desk.box.name,
                folder=folder,
                trouble=error.trouble,
                error=error,
            )
            failures.append(error)
            if error.trouble is Trouble.NETWORK:
                break
    if failures:
        raise failures[0]
    return visit.report


def _carry_out(visit: Visit) -> None:
    """Move what is to be moved; that it cannot be now is no reason to read less."""
    station = visit.station
    try:
        carry_out(visit.imap, visit.mailbox_id, station.engine, station.writer, station.watch.clock())
    except MailboxError as error:
        log.warning("moves_wait", says="{error}; it is moved later", mailbox=visit.desk.box.name, error=error)
