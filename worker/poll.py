"""One poll of one mailbox: the Sent folder first, then what is new in each folder."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial

from config import logs
from models.tables.handling import Purpose
from models.tables.mailboxes import Mailbox
from worker.access import connected
from worker.desk import Desk
from worker.errors import MailboxError, Trouble
from worker.imap.folders import to_read
from worker.reading.folder import read_folder
from worker.reading.moving import carry_out
from worker.reading.sent import learn_sent, sent_folder
from worker.reading.visit import PollReport, Station, Visit
from worker.tracing import step

log = logs.logger(__name__)


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
        MailboxError: of the failures the first that concerns more than its folder, else the first; after everything
            else was read, unless the connection broke or the server asks for patience.
    """
    junk = bool(mailbox.read_junk) and not folders
    places = to_read(folders or mailbox.folders, visit.imap.folders(anew=only is None), junk=junk)
    read = partial(visit.read or read_folder, visit, limit=limit, since=since, counts=only is None)
    steps = [
        *_learning(visit, mailbox),
        *(_Step(place.path, partial(read, place.path, junk=place.junk)) for place in places),
        *_moving(visit, mailbox),
    ]
    failures = _walk(visit, [step for step in steps if only is None or step.folder is None or step.folder in only])
    if failures:
        # Of one folder the others need not suffer; what is asked of us besides is heeded first.
        raise next((error for error in failures if error.trouble is not Trouble.FOLDER), failures[0])
    return visit.report


@dataclass(frozen=True, slots=True)
class _Step:
    """What is done in the course of a poll, and in which folder; None: it concerns all of them."""

    folder: str | None
    do: Callable[[], object]


def _learning(visit: Visit, mailbox: Mailbox) -> Iterator[_Step]:
    sent = sent_folder(visit, mailbox) if mailbox.learn_sends else None
    if sent:
        yield _Step(sent, partial(learn_sent, visit, sent))


def _moving(visit: Visit, mailbox: Mailbox) -> Iterator[_Step]:
    # A backfill moves nothing; it may be a rehearsal.
    if visit.purpose is Purpose.LIVE and (mailbox.bounces_to or mailbox.opt_outs_to):
        yield _Step(None, partial(_carry_out, visit))


def _walk(visit: Visit, steps: Iterable[_Step]) -> list[MailboxError]:
    """Take one step after the other until it is to stop, or nothing more is to be had; return the failures."""
    failures: list[MailboxError] = []
    for step_ in steps:
        if visit.station.watch.stopping():
            visit.report.more = True
            break
        try:
            step_.do()
        except MailboxError as error:
            log.warning(
                "folder_failed",
                says="{error}",
                mailbox=visit.desk.box.name,
                folder=step_.folder,
                trouble=error.trouble,
                error=error,
            )
            failures.append(error)
            if error.trouble in {Trouble.NETWORK, Trouble.THROTTLED}:
                break
    return failures


def _carry_out(visit: Visit) -> None:
    """Move what is to be moved; that it cannot be now is no reason to read less."""
    station = visit.station
    try:
        carry_out(visit.imap, visit.mailbox_id, station.engine, station.writer, station.watch.clock())
    except MailboxError as error:
        log.warning("moves_wait", says="{error}; it is moved later", mailbox=visit.desk.box.name, error=error)
