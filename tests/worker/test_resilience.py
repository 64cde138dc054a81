"""No slow step and no single item may block a mailbox, or all of them; a rehearsal leaves no trace."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Engine, func, select, update
from sqlalchemy.exc import OperationalError

from config.settings import Settings
from models.events import DneReason, Status
from models.session import reading, transaction
from models.tables.mail import InboundMessage, MessageState
from models.tables.mailboxes import FolderCursor, Mailbox
from models.tables.mailing import SentMessage
from tests.servers import PrivateDovecot
from tests.worker.small_world import BOX, NOW, RULES, a_mail, a_reply, furnish, send_all, statuses, take_in
from worker import process
from worker.act import Act
from worker.acts.do_not_email import add_dne, lift_dne
from worker.acts.person import find_recipients, set_status
from worker.apply import Applied, apply
from worker.backfill import EVER, rehearsal
from worker.desk import Desk
from worker.errands.service import station
from worker.errors import MailboxError
from worker.imap.account import Account
from worker.mailbox import connect
from worker.poll import go_round
from worker.process import DEADLOCK_TRIES, write
from worker.reading import folder as folder_module
from worker.reading.crew import InTurn
from worker.reading.folder import read_folder
from worker.reading.sent import learn_sent
from worker.reading.visit import PollReport, Visit, Watch
from worker.schedule import Daemon
from worker.working_days import Calendar

DESK = Desk(
    box=BOX,
    own_addresses=frozenset({BOX.name}),
    opt_out_aliases=frozenset(),
    authserv_ids=frozenset(),
    classifier=None,
)


@pytest.fixture
def engine(engine: Engine) -> Engine:
    furnish(engine)
    return engine


@contextmanager
def visiting(engine: Engine, dovecot: PrivateDovecot, user: str) -> Iterator[Visit]:
    account = Account("localhost", dovecot.port, user, dovecot.password(user), security="plain")
    with connect(account, user) as imap:
        yield Visit(station(engine, Settings(), Watch(clock=lambda: NOW)), DESK, imap)


@pytest.mark.parametrize(
    "nasty",
    [
        {"size": 2**32 - 1},
        {"message_id": "x" * 5_000, "subject": "s" * 10**6},
        {"subject": "a\0b\udcff", "message_id": "\0"},
        {"from_address": "a" * 5_000 + "@client.example"},
    ],
)
def test_nothing_in_a_message_keeps_it_from_being_recorded(engine: Engine, nasty: dict[str, Any]) -> None:
    take_in(engine, replace(a_mail(a_reply()), **nasty))
    take_in(engine, replace(a_mail(a_reply()), error="judging failed: \0\udcff" + "!" * 10_000, **nasty))
    with reading(engine) as session:
        assert set(session.scalars(select(InboundMessage.state))) == {MessageState.UNMATCHED, MessageState.SET_ASIDE}


def test_a_place_no_column_can_hold_keeps_no_other_message_out(engine: Engine) -> None:
    odd = [
        replace(a_mail(a_reply()), folder="f" * 600),
        replace(a_mail(a_reply()), uid=2**63),
        replace(a_mail(a_reply()), size=2**63),
    ]
    for each in odd:
        take_in(engine, each)
        assert take_in(engine, a_mail(a_reply())).states["unmatched"] == 1
    with reading(engine) as session:
        assert session.scalar(select(func.count(InboundMessage.id))) == 2 * len(odd)


def test_a_folder_that_is_missing_keeps_no_other_from_being_read(
    engine: Engine, dovecot: PrivateDovecot, imap_user: str
) -> None:
    dovecot.deliver(imap_user, b"From: anna@client.example\r\nSubject: hello\r\n\r\nYes.\r\n")
    with visiting(engine, dovecot, imap_user) as visit, pytest.raises(MailboxError, match="None"):
        go_round(visit, Mailbox(folders=["Nowhere", "INBOX"], learn_sends=True, sent_folder="None"))
    with reading(engine) as session:
        assert session.scalar(select(func.count(InboundMessage.id))) == 1


class _Breaking:
    """An IMAP connection that is lost after so many headers."""

    def __init__(self, imap: Any, after: int) -> None:
        self._imap, self._after = imap, after

    def __getattr__(self, name: str) -> Any:
        return getattr(self._imap, name)

    def headers(self, uids: list[int]) -> Iterator[Any]:
        for number, header in enumerate(self._imap.headers(uids)):
            if number == self._after:
                raise MailboxError("connection lost", permanent=False)
            yield header


def test_learning_goes_on_where_a_lost_connection_stopped_it(
    engine: Engine, dovecot: PrivateDovecot, imap_user: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.reading.sent.BATCH", 10)
    monkeypatch.setattr("worker.reading.folder.BATCH", 10)
    dovecot.deliver_many(
        imap_user,
        [
            f"From: {BOX.name}\r\nTo: p{n}@client.example\r\nMessage-ID: <{n}@us>\r\n\r\nhello\r\n".encode()
            for n in range(35)
        ],
        folder="Sent",
    )
    with visiting(engine, dovecot, imap_user) as visit:
        breaking = Visit(visit.station, DESK, _Breaking(visit.imap, 25))  # type: ignore[arg-type]
        with pytest.raises(MailboxError):
            learn_sent(breaking, "Sent")
        with reading(engine) as session:
            assert session.scalar(select(func.count(SentMessage.id))) == 20
        learn_sent(visit, "Sent")
        assert visit.report.sends == 15


def test_stopped_while_recognising_a_renumbered_folder_goes_on_there_later(
    engine: Engine, dovecot: PrivateDovecot, imap_user: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.reading.sent.BATCH", 10)
    monkeypatch.setattr("worker.reading.folder.BATCH", 10)
    mails = [f"From: p{n}@client.example\r\nMessage-ID: <{n}@client>\r\n\r\nYes.\r\n".encode() for n in range(25)]
    dovecot.deliver_many(imap_user, mails)
    stop: list[bool] = []
    told: list[tuple[int, int]] = []
    with visiting(engine, dovecot, imap_user) as visit:
        read_folder(visit, "INBOX")
        with transaction(engine) as session:
            session.execute(update(FolderCursor).values(uidvalidity=FolderCursor.uidvalidity + 1))
            session.execute(update(InboundMessage).values(uidvalidity=InboundMessage.uidvalidity + 1))

        def progress(coming: int, done: int) -> None:
            told.append((coming, done))
            stop.extend([True] * bool(done))

        watch = Watch(clock=lambda: NOW, stopping=lambda: bool(stop), progress=progress)
        halted = replace(visit, station=replace(visit.station, watch=watch), report=PollReport())
        read_folder(halted, "INBOX")
        assert (halted.report.applied.states["duplicate"], halted.report.more) == (10, True)
        assert told == [(25, 0), (0, 10)]
        rest = replace(visit, report=PollReport())
        read_folder(rest, "INBOX")
        assert rest.report.applied.states == {"duplicate": 15}


def test_failed_polls_are_told_and_tried_again_ever_later(engine: Engine) -> None:
    def poll_one(*_: Any) -> PollReport:
        raise MailboxError("mila: the server is down; it is tried again", permanent=False)

    daemon = Daemon(engine, Settings(poll_seconds=60), poll_one, lambda: NOW)
    pauses = []
    for _ in range(9):
        daemon.turns.work(1)  # one poll without its thread
        daemon.write_down()
        with reading(engine) as session:
            mailbox = session.get_one(Mailbox, 1)
            assert mailbox.next_poll_at is not None
            pauses.append((mailbox.next_poll_at - NOW).total_seconds())
    assert mailbox.last_error == "mila: the server is down; it is tried again"
    assert pauses[0] < 140
    assert 400 < pauses[3] < pauses[-1] <= 3600 * 1.1


class RefusedError(Exception):
    """What a driver raises; `sqlstate` tells why."""

    def __init__(self, sqlstate: str) -> None:
        self.sqlstate = sqlstate


def refusing(monkeypatch: pytest.MonkeyPatch, sqlstate: str, times: int) -> None:
    """Let the database refuse a batch so many times, in the midst of it."""
    left = iter(range(times))

    def once_more(*what: Any) -> Applied:
        applied = apply(*what)
        if next(left, None) is not None:
            raise OperationalError("UPDATE", {}, RefusedError(sqlstate))
        return applied

    monkeypatch.setattr(process, "apply", once_more)


@pytest.mark.parametrize("sqlstate", ["40P01", "40001"])
def test_a_batch_that_met_another_worker_is_written_once_more_from_the_start(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, sqlstate: str
) -> None:
    send_all(engine)
    refusing(monkeypatch, sqlstate, DEADLOCK_TRIES - 1)
    told: list[Applied] = []
    batch = [a_mail(a_reply(), answers=("anna-1-0@us",))]
    applied = write(DESK, batch, partial(transaction, engine), NOW, lambda _, done: told.append(done))
    assert told == [applied]
    assert len(applied.changes) == 1
    with reading(engine) as session:
        assert session.scalar(select(func.count(InboundMessage.id))) == 1


@pytest.mark.parametrize(
    ("sqlstate", "error", "says"),
    [("40P01", RuntimeError, f"{DEADLOCK_TRIES} deadlocks in a row"), ("57P01", OperationalError, "UPDATE")],
)
def test_a_batch_that_is_refused_for_good_leaves_nothing_behind(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, sqlstate: str, error: type[Exception], says: str
) -> None:
    send_all(engine)
    refusing(monkeypatch, sqlstate, DEADLOCK_TRIES)
    with pytest.raises(error, match=says):
        write(DESK, [a_mail(a_reply(), answers=("anna-1-0@us",))], partial(transaction, engine), NOW)
    with reading(engine) as session:
        assert session.scalar(select(func.count(InboundMessage.id))) == 0


def test_a_rehearsal_leaves_no_trace_and_sees_its_own_work(engine: Engine) -> None:
    send_all(engine)
    before = statuses(engine)
    with rehearsal(engine) as (database, writer):
        first = write(DESK, [a_mail(a_reply(), uid=1, answers=("anna-1-0@us",))], writer, NOW)
        again = write(DESK, [a_mail(a_reply(), uid=1, answers=("anna-1-0@us",))], writer, NOW)
        assert (len(first.changes), len(again.changes)) == (1, 0)
        if engine.dialect.name == "sqlite":
            # A daemon goes on writing meanwhile.
            with transaction(engine) as session:
                session.add(Mailbox(team_id=1, name="b", host="h", port=1, username="u", password="p"))
            assert statuses(database) != before
    assert statuses(engine) == before
    with reading(engine) as session:
        assert session.scalar(select(func.count(InboundMessage.id))) == 0


def test_the_end_of_time_has_no_working_day_after_it() -> None:
    assert Calendar().after(date.max, 1) < date.max


def test_statistics_are_refreshed_while_a_long_read_goes_on(
    engine: Engine, dovecot: PrivateDovecot, imap_user: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    refreshed: list[Engine] = []
    monkeypatch.setattr(folder_module, "refresh_statistics", refreshed.append)
    mails = [f"From: p{n}@client.example\r\nSubject: {n}\r\n\r\nYes.\r\n".encode() for n in range(8)]
    dovecot.deliver_many(imap_user, mails)
    with visiting(engine, dovecot, imap_user) as visit:
        read_folder(replace(visit, station=replace(visit.station, understanding=InTurn(2))), "INBOX")
    assert refreshed == [engine]


def test_guilty_messages_spoil_no_good_one_after_them(engine: Engine) -> None:
    for number in range(4):
        guilty = replace(a_mail(a_reply()), folder="x" * 600 if number % 2 else "INBOX", size=2**63)
        good = a_mail(a_reply())
        with transaction(engine) as session:
            apply(session, BOX, [guilty, good], NOW)
        with reading(engine) as session:
            state = session.scalar(select(InboundMessage.state).where(InboundMessage.uid == good.uid))
            assert state is MessageState.UNMATCHED


def test_a_reason_no_database_can_hold_is_repaired(engine: Engine) -> None:
    send_all(engine)
    with transaction(engine) as session:
        add_dne(session, 1, {"anna@client.example": "she\0said"}, DneReason.MANUAL, Act("mila", NOW, "\udcff"))
        set_status(
            session, RULES, find_recipients(session, 1, "ben@client.example")[0], Status.REMOVED, Act("m", NOW, "\0")
        )
    with transaction(engine) as session:
        assert lift_dne(session, 1, "anna@client.example", Act("mila", NOW, "\0")) == 1


def test_a_message_that_could_not_be_judged_is_set_aside_and_tried_again_by_a_backfill(
    engine: Engine, dovecot: PrivateDovecot, imap_user: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: Any) -> Any:
        raise ValueError("a bug in a detector")

    dovecot.deliver(imap_user, b"From: anna@client.example\r\nSubject: hello\r\n\r\nYes.\r\n")
    mailbox = Mailbox(folders=[], learn_sends=False)
    with visiting(engine, dovecot, imap_user) as visit:
        monkeypatch.setattr("worker.process.judge_batch", failing)
        monkeypatch.setattr("worker.process.judge", failing)
        go_round(visit, mailbox)
        with reading(engine) as session:
            row = session.scalars(select(InboundMessage)).one()
            assert (row.state, row.error) == (MessageState.SET_ASIDE, "ValueError: a bug in a detector")
        monkeypatch.undo()
        go_round(visit, mailbox)
        with reading(engine) as session:
            assert session.scalars(select(InboundMessage.state)).one() is MessageState.SET_ASIDE
        go_round(visit, mailbox, since=EVER)
    with reading(engine) as session:
        assert session.scalars(select(InboundMessage.state)).one() is MessageState.UNMATCHED
