"""Polls the mailboxes of a process round after round: what was so last time is asked for, not read, again."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial

from classifier.judge import ReplyJudge
from config.settings import Settings
from models.session import Writer, reading
from models.tables.mailboxes import Mailbox
from worker.access import signed_in, way_of
from worker.daemon.keeper import Keeper, Line
from worker.desk import Desk, Ours, desk_of, ours
from worker.errors import MailboxError, Trouble
from worker.imap.account import Account
from worker.imap.fetched import FolderState
from worker.imap.folders import INBOX
from worker.mailbox import Mailbox as Imap
from worker.mailbox import reach
from worker.poll import go_round
from worker.reading.visit import PollReport, Station, Visit
from worker.writing.moves import wanted

JUDGE_FRESH = timedelta(seconds=1)
OURS_FRESH = timedelta(minutes=1)
WHOLE_LOOK = timedelta(minutes=30)
"""How long the word of a server that nothing is new is taken; then every folder is opened and counted."""


Lends = Callable[[], AbstractContextManager[Line]]
Polled = tuple[PollReport, MailboxError | None]
"""What was done, and what failed and left the connection as good as it was."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """How a mailbox's folders stood when all that they hold was taken in."""

    at: datetime
    """When every folder was opened and counted last."""
    revision: int
    """Of the mailbox's row, then."""
    states: Mapping[str, FolderState]


@dataclass(slots=True)
class Rounds:
    """Polls single mailboxes of one process; safe to use from several threads, one for each mailbox at a time."""

    station: Callable[[Callable[[], bool]], Station]
    """Makes what a poll works with, given what tells it to stop."""
    classifier: Callable[[], ReplyJudge]
    writer: Callable[[int], Writer] | None = None
    """Gives what writes for a mailbox, where that takes more than a transaction."""
    _seen: dict[int, _Seen] = field(default_factory=dict)
    _ways: dict[int, tuple[int, Account]] = field(default_factory=dict)
    """How mailboxes of a revision are reached, since opening a secret takes as long as asking a server."""
    _judge: tuple[datetime, ReplyJudge] | None = None
    """What classifies, and when it was asked for: what serves may change."""
    _teams: dict[int, tuple[datetime, Ours]] = field(default_factory=dict)
    """The addresses of teams, and when they were read: a team may have thousands of mailboxes."""

    def poll(self, mailbox: Mailbox, keeper: Keeper, stopping: Callable[[], bool]) -> PollReport:
        """Poll a mailbox once, over the connection that the keeper lends.

        Raises:
            MailboxError, sqlalchemy.exc.OperationalError: as `worker.poll.poll`.
        """
        station = self.station(stopping)
        if self.writer:
            station = replace(station, writer=self.writer(mailbox.id))
        now = station.watch.clock()
        account = self._way(mailbox, station.settings)
        seen = _still_true(mailbox, self._seen.get(mailbox.id), now)
        asks = seen is not None and not self._waits_to_be_moved(station, mailbox)
        if seen and asks and keeper.rests(mailbox.id, account, seen.states.values()):
            return PollReport()

        lends = partial(keeper.line, mailbox.id, account, partial(_opened, station, mailbox, now))
        report, failed = self._poll_over_a_line(station, mailbox, lends)
        if failed:
            raise failed
        return report

    def _poll_over_a_line(self, station: Station, mailbox: Mailbox, lends: Lends) -> Polled:
        kept = False
        try:
            with lends() as line:
                kept = line.kept
                return self._poll(station, mailbox, line)
        except MailboxError as error:
            if not kept or error.trouble is not Trouble.NETWORK or station.watch.stopping():
                raise
        # Servers end sessions when they like; what an old connection met is tried once on a new one.
        with lends() as line:
            return self._poll(station, mailbox, line)

    def _way(self, mailbox: Mailbox, settings: Settings) -> Account:
        revision, account = self._ways.get(mailbox.id, (None, None))
        if account is None or revision != mailbox.revision:
            account = way_of(mailbox, settings)
            self._ways[mailbox.id] = mailbox.revision, account
        return account

    def _poll(self, station: Station, mailbox: Mailbox, line: Line) -> Polled:
        """Poll over a connection, and note how the folders stand afterwards."""
        now = station.watch.clock()
        # Nothing is known while a poll is under way that may fail in the middle.
        seen = _still_true(mailbox, self._seen.pop(mailbox.id, None), now)
        changed = _changed(line, seen) if seen else None
        states = dict(seen.states) if seen else {}
        report, failed = PollReport(), None
        if changed is None or changed or self._waits_to_be_moved(station, mailbox):
            for folder in changed or ():
                del states[folder]
            visit = Visit(station, self._desk(station, mailbox), line.imap, report, states)
            try:
                go_round(visit, mailbox, only=changed, limit=station.settings.poll_messages)
            except MailboxError as error:
                error.backlog = report.backlog
                if error.trouble is not Trouble.FOLDER:
                    raise
                failed = error
        if not report.more and not failed:
            self._seen[mailbox.id] = _Seen(seen.at if seen else now, mailbox.revision, states)
        if station.settings.push:
            line.waits_for = _where_mail_comes(line, mailbox, states)
        return report, failed

    @staticmethod
    def _waits_to_be_moved(station: Station, mailbox: Mailbox) -> bool:
        if not (mailbox.bounces_to or mailbox.opt_outs_to):
            return False
        with reading(station.engine) as session:
            return bool(wanted(session, mailbox.id, 1))

    def _desk(self, station: Station, mailbox: Mailbox) -> Desk:
        now = station.watch.clock()
        if self._judge is None or abs(now - self._judge[0]) >= JUDGE_FRESH:
            self._judge = now, self.classifier()
        known = self._teams.get(mailbox.team_id)
        if known is None or abs(now - known[0]) >= OURS_FRESH:
            with reading(station.engine) as session:
                known = self._teams[mailbox.team_id] = now, ours(session, mailbox.team_id)
        return desk_of(mailbox, known[1], station.settings, self._judge[1])


def _opened(station: Station, mailbox: Mailbox, now: datetime, begun: Callable[[socket.socket], None]) -> Imap:
    reaches = partial(reach, name=mailbox.name, begun=begun)
    return signed_in(station.engine, mailbox, station.settings, now, reaches)


def _still_true(mailbox: Mailbox, seen: _Seen | None, now: datetime) -> _Seen | None:
    """Return what was seen, unless it was long ago or the mailbox is described in another way now."""
    if seen is None or abs(now - seen.at) >= WHOLE_LOOK or seen.revision != mailbox.revision:
        return None
    return seen


def _changed(line: Line, seen: _Seen) -> set[str]:
    """Return the folders that are not as they were; where the server told of news, the inbox without asking."""
    states = list(seen.states.values())
    if not line.news:
        return line.imap.changed(states)
    told = {state.folder for state in states if state.folder == line.imap.selected}
    return told | line.imap.changed([state for state in states if state.folder not in told])


def _where_mail_comes(line: Line, mailbox: Mailbox, states: Mapping[str, FolderState]) -> FolderState | None:
    """Return the folder whose news are waited for: the inbox, else the first that is read, but never sent mail."""
    if INBOX in states or not states:
        return states.get(INBOX)
    sent = mailbox.sent_folder or line.imap.special_folder("\\Sent")
    return next((state for folder, state in states.items() if folder != sent), None)
