"""A folder that was numbered anew and holds new mail too: wherever its reading stops, it goes on there."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from sqlalchemy import Engine, select, update

from models.session import reading, transaction
from models.tables.mail import InboundMessage, MessageState
from models.tables.mailboxes import FolderCursor
from tests.servers import PrivateDovecot
from tests.worker.small_world import NOW, furnish
from tests.worker.test_resilience import visiting
from worker.reading.crew import InTurn
from worker.reading.folder import read_folder, take_in
from worker.reading.visit import PollReport, Visit, Watch

pytestmark = [pytest.mark.server, pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)]


@pytest.fixture
def engine(engine: Engine) -> Engine:
    furnish(engine)
    return engine


def mails(*numbers: int) -> list[bytes]:
    return [f"From: p{n}@client.example\r\nMessage-ID: <{n}@client>\r\n\r\nYes.\r\n".encode() for n in numbers]


def renumber(engine: Engine) -> None:
    """Let what is recorded lie under numbers that the folder no longer has."""
    with transaction(engine) as session:
        session.execute(update(FolderCursor).values(uidvalidity=FolderCursor.uidvalidity + 1))
        session.execute(update(InboundMessage).values(uidvalidity=InboundMessage.uidvalidity + 1))


def states(engine: Engine) -> Counter[MessageState]:
    with reading(engine) as session:
        return Counter(session.scalars(select(InboundMessage.state)))


def stopping(visit: Visit, watch: Watch) -> Visit:
    return replace(
        visit, station=replace(visit.station, watch=watch, understanding=InTurn(1)), report=PollReport(), states={}
    )


def after_one_batch() -> Watch:
    """Watch until a batch was read whole and written; copies are told of in another way."""
    written: list[int] = []
    return Watch(clock=lambda: NOW, stopping=lambda: bool(written), wrote=lambda *_: written.append(1))


def test_stopped_among_its_new_mail_it_goes_on_there_and_nothing_is_read_twice(
    engine: Engine, dovecot: PrivateDovecot, imap_user: str
) -> None:
    dovecot.deliver_many(imap_user, mails(1, 2, 3))
    with visiting(engine, dovecot, imap_user) as visit:
        read_folder(visit, "INBOX")
        renumber(engine)
        dovecot.deliver_many(imap_user, mails(4, 5, 6))
        halted = stopping(visit, after_one_batch())
        read_folder(halted, "INBOX")
        assert (halted.report.more, halted.states) == (True, {})
        assert states(engine) == {MessageState.UNMATCHED: 4, MessageState.DUPLICATE: 3}
        rest = replace(visit, report=PollReport(), states={})
        read_folder(rest, "INBOX")
        assert (rest.report.more, list(rest.states)) == (False, ["INBOX"])
        assert rest.report.applied.states["unmatched"] == 2
    assert states(engine) == {MessageState.UNMATCHED: 6, MessageState.DUPLICATE: 3}


def test_a_range_of_it_that_is_stopped_while_it_is_recognised_takes_in_no_more(
    engine: Engine, dovecot: PrivateDovecot, imap_user: str
) -> None:
    dovecot.deliver_many(imap_user, mails(1, 2, 3))
    with visiting(engine, dovecot, imap_user) as visit:
        read_folder(visit, "INBOX")
        renumber(engine)
        dovecot.deliver_many(imap_user, mails(4))
        halted = stopping(visit, Watch(clock=lambda: NOW, stopping=lambda: True))
        state = halted.imap.select("INBOX")
        pairs = halted.imap.new_uids(state, 0)
        take_in(halted, state, pairs, junk=False)
        assert halted.report.more
        assert states(engine) == {MessageState.UNMATCHED: 3}
        take_in(visit, state, pairs, junk=False)
    assert states(engine) == {MessageState.UNMATCHED: 4, MessageState.DUPLICATE: 3}
