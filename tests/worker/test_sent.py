"""What the folder of sent mail teaches: whom we wrote to, batch by batch, and nothing of what is no send."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import Engine, select

from models.session import reading
from models.tables.mailboxes import FolderCursor
from models.tables.mailing import SentMessage, SentMessageId
from tests.servers import PrivateDovecot
from tests.worker.small_world import BOX, NOW, furnish
from tests.worker.test_resilience import visiting
from worker.reading.learn import SentHeader, learn
from worker.reading.sent import learn_sent
from worker.reading.visit import PollReport, Watch

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

TOO_LONG = f"{'a' * 60}@{'.'.join(['c' * 60] * 5)}.example"


@pytest.fixture
def engine(engine: Engine) -> Engine:
    furnish(engine)
    return engine


def sent(to: str, number: int = 1, more: str = "") -> bytes:
    return f"From: {BOX.name}\r\nTo: {to}\r\n{more or f'Message-ID: <{number}@us>'}\r\n\r\nhello\r\n".encode()


@pytest.mark.parametrize(
    ("raw", "learnt"),
    [
        (sent("anna@client.example"), ["anna@client.example"]),
        (sent("anna@client.example, ben@client.example"), ["anna@client.example", "ben@client.example"]),
        (sent(f"{BOX.name}, anna@client.example"), ["anna@client.example"]),
        (sent(BOX.name), []),
        (sent("anna@client.example", more="X-Draft: yes"), []),
        (sent(f"{TOO_LONG}, ben@client.example"), ["ben@client.example"]),
        (sent("undisclosed-recipients:;"), []),
    ],
)
def test_who_was_written_to_is_learnt_and_nobody_of_ours(engine: Engine, raw: bytes, learnt: list[str]) -> None:
    with reading(engine) as session:
        sends = learn(session, 1, 1, BOX.name, [SentHeader(raw, NOW)], frozenset({BOX.name}))
    assert [send.to for send in sends] == learnt
    assert {send.sent_at for send in sends} <= {NOW}


@pytest.mark.server
def test_learning_that_is_stopped_keeps_what_it_has_and_goes_on_there(
    engine: Engine, dovecot: PrivateDovecot, imap_user: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.reading.sent.BATCH", 10)
    dovecot.deliver_many(imap_user, [sent(f"p{number}@client.example", number) for number in range(25)], folder="Sent")
    with visiting(engine, dovecot, imap_user) as visit:
        watch = Watch(clock=lambda: NOW, stopping=lambda: True)
        halted = replace(visit, station=replace(visit.station, watch=watch), report=PollReport(), states={})
        learn_sent(halted, "Sent")
        assert (halted.report.sends, halted.report.more, halted.states) == (10, True, {})
        with reading(engine) as session:
            assert session.scalars(select(FolderCursor.last_uid)).all() == [10]
        learn_sent(visit, "Sent")
        assert (visit.report.sends, visit.report.more, list(visit.states)) == (15, False, ["Sent"])
    with reading(engine) as session:
        assert len(session.scalars(select(SentMessage.id)).all()) == 25
        assert len(set(session.scalars(select(SentMessageId.message_id)))) == 25
