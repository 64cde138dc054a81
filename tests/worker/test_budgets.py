"""Of a mailbox too much would be read in a day: it goes on the next day, and nothing is lost; on a real Dovecot."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, func, select

from config.settings import Settings
from models.session import reading
from models.tables.handling import MailboxTraffic, Purpose
from models.tables.mail import InboundMessage, MessageState
from models.tables.mailing import SentMessage
from tests.servers import PrivateDovecot
from tests.worker.small_world import BOX, NOW, furnish
from tests.worker.test_resilience import DESK
from worker import mailbox as reader
from worker.errands.service import station
from worker.errors import MailboxError, Trouble
from worker.imap.account import Account
from worker.mailbox import connect
from worker.reading import folder as folders
from worker.reading import sent
from worker.reading.folder import read_folder
from worker.reading.sent import learn_sent
from worker.reading.visit import Visit, Watch
from worker.writing import traffic

pytestmark = pytest.mark.server

OCTETS = 500
SETTINGS = Settings(batch_messages=2, mailbox_megabytes_a_day=OCTETS, backfill_megabytes_a_day=OCTETS)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Count in octets, and read in pieces of two."""
    monkeypatch.setattr(traffic, "MEGABYTE", 1)
    monkeypatch.setattr(reader, "HEADER_BATCH", 2)
    monkeypatch.setattr(sent, "BATCH", 2)
    monkeypatch.setattr(folders, "BATCH", 2)


@pytest.fixture
def engine(engine: Engine) -> Engine:
    furnish(engine)
    return engine


def mail(number: int) -> bytes:
    return (
        f"From: p{number}@client.example\r\nTo: {BOX.name}\r\nMessage-ID: <{number}@client.example>\r\n"
        f"Subject: {'x' * 60}\r\n\r\n{'Yes. ' * 10}\r\n"
    ).encode()


@contextmanager
def visiting(
    engine: Engine, dovecot: PrivateDovecot, user: str, day: int, purpose: Purpose = Purpose.LIVE
) -> Iterator[Visit]:
    account = Account("localhost", dovecot.port, user, dovecot.password(user), security="plain")
    where = station(engine, SETTINGS, Watch(clock=lambda: NOW + timedelta(days=day)))
    with connect(account, user) as imap:
        yield replace(Visit(where, DESK, imap), purpose=purpose)


def failure(read: Callable[[int], object], day: int) -> MailboxError | None:
    try:
        read(day)
    except MailboxError as error:
        return error
    return None


def octets_read(engine: Engine) -> int:
    with reading(engine) as session:
        return session.scalar(select(func.sum(MailboxTraffic.octets))) or 0


def days_until_done(engine: Engine, read: Callable[[int], object]) -> int:
    """Read day after day until nothing keeps it from the end; return how many days that took.

    Each day it is tried once more, which reads nothing.
    """
    for day in range(20):
        error = failure(read, day)
        if error is None:
            return day + 1
        assert error.trouble is Trouble.BUDGET
        assert "goes on after" in str(error)
        before = octets_read(engine)
        assert "are used up" in str(failure(read, day))
        assert octets_read(engine) == before
    raise AssertionError("it never came to its end")


def count(engine: Engine, *where: Any, table: type[Any] = InboundMessage) -> int:
    with reading(engine) as session:
        return session.scalar(select(func.count(table.id)).where(*where)) or 0


@pytest.mark.parametrize(
    ("purpose", "since"), [(Purpose.LIVE, None), (Purpose.BACKFILL, date(2020, 1, 1))], ids=["polls", "backfills"]
)
def test_a_folder_is_read_on_the_next_day_where_the_budget_ended(
    engine: Engine, dovecot: PrivateDovecot, imap_user: str, purpose: Purpose, since: date | None
) -> None:
    for number in range(10):
        dovecot.deliver(imap_user, mail(number))

    def read(day: int) -> None:
        with visiting(engine, dovecot, imap_user, day, purpose) as visit:
            read_folder(visit, "INBOX", since=since)

    with pytest.raises(MailboxError) as caught, visiting(engine, dovecot, imap_user, 0, purpose) as visit:
        read_folder(visit, "INBOX", since=since)
    assert visit.report.backlog == 10 - count(engine)
    assert f"INBOX_{'MAILBOX' if purpose is Purpose.LIVE else 'BACKFILL'}_MEGABYTES_A_DAY" in str(caught.value)
    # The batch that went beyond it is written, and was paid for.
    assert 0 < count(engine) < 10
    with reading(engine) as session:
        spent = session.execute(select(MailboxTraffic.purpose, MailboxTraffic.octets)).one()
    assert spent[0] is purpose
    assert spent[1] == count(engine) * len(mail(1))
    # The other purpose has a budget of its own.
    with visiting(engine, dovecot, imap_user, 0, next(each for each in Purpose if each is not purpose)) as visit:
        visit.keep_to_budget()
    assert days_until_done(engine, read) > 1
    assert count(engine) == 10


def test_sent_mail_is_learnt_on_the_next_day_where_the_budget_ended(
    engine: Engine, dovecot: PrivateDovecot, imap_user: str
) -> None:
    for number in range(10):
        ours = mail(number).replace(f"From: p{number}".encode(), f"From: {BOX.name}\r\nTo: p{number}".encode())
        dovecot.deliver(imap_user, ours.replace(f"To: {BOX.name}\r\n".encode(), b""), folder="Sent")

    def learn(day: int) -> None:
        with visiting(engine, dovecot, imap_user, day) as visit:
            learn_sent(visit, "Sent")

    before = count(engine, table=SentMessage)
    with pytest.raises(MailboxError):
        learn(0)
    first = count(engine, table=SentMessage) - before
    assert 0 < first < 10
    assert days_until_done(engine, learn) > 1
    assert count(engine, table=SentMessage) - before == 10


def test_a_renumbered_folder_is_recognised_on_the_next_day_where_the_budget_ended(
    engine: Engine, dovecot: PrivateDovecot, imap_user: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(day: int) -> None:
        with visiting(engine, dovecot, imap_user, day) as visit:
            read_folder(visit, "Old")

    for number in range(10):
        dovecot.deliver(imap_user, mail(number), folder="Old")
    with monkeypatch.context() as generous:
        generous.setattr(traffic, "MEGABYTE", 1_000)
        read(-1)
    with dovecot.session(imap_user) as client:
        client.delete_folder("Old")
    for number in range(10):
        dovecot.deliver(imap_user, mail(number), folder="Old")
    copies = InboundMessage.state == MessageState.DUPLICATE
    with pytest.raises(MailboxError):
        read(0)
    assert 0 < count(engine, copies) < 10
    assert days_until_done(engine, read) > 1
    assert (count(engine), count(engine, copies)) == (20, 10)


def test_new_mail_in_a_renumbered_folder_cannot_use_up_every_day_and_keeps_to_the_limit_of_a_poll(
    engine: Engine, dovecot: PrivateDovecot, imap_user: str
) -> None:
    def read(day: int, limit: int | None = None) -> bool:
        with visiting(engine, dovecot, imap_user, day) as visit:
            read_folder(visit, "Old", limit=limit)
            return visit.report.more

    dovecot.deliver(imap_user, mail(0), folder="Old")
    read(-2)
    with dovecot.session(imap_user) as client:
        client.delete_folder("Old")
    # More headers than a day's octets come before the one mail that is known.
    for number in (*range(1, 11), 0):
        dovecot.deliver(imap_user, mail(number), folder="Old")
    assert read(-1, limit=1)
    assert count(engine) == 2
    assert days_until_done(engine, read) > 1
    assert (count(engine), count(engine, InboundMessage.state == MessageState.DUPLICATE)) == (12, 1)
