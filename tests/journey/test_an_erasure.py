"""Mail of people who were erased still lies in the mailbox, and is never taken in again: on a real server."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from shutil import copyfile
from typing import Any

import pytest
from sqlalchemy import func, select

from models.base import Base
from models.session import open_engine, reading, transaction
from models.tables.mail import InboundMessage, MessageState, VerdictRow
from tests.journey.world import end_state
from tests.keys import VAULT
from tests.lab import Lab, deliver, now, recent
from tests.servers import PrivateDovecot
from tests.small_mails import Exchange
from worker.act import Act
from worker.backfill import backfill_imap
from worker.errands.service import open_mailbox, station
from worker.privacy.erasure import erase
from worker.reading.visit import Watch
from worker.secrets.pseudonyms import carry

FOLDER = "Replies"


@pytest.fixture
def mails() -> Sequence[Exchange]:
    """Of each kind two: a bounce, an absence, an opt-out, an answer; two of ours only the Sent folder knows."""
    return recent(8)


@pytest.fixture
def lab(
    sqlite_template: Path, tmp_path: Path, dovecot: PrivateDovecot, imap_user: str, mails: Sequence[Exchange]
) -> Iterator[Lab]:
    copyfile(sqlite_template, tmp_path / "small.sqlite")
    lab = Lab(open_engine(f"sqlite:///{tmp_path}/small.sqlite"), dovecot, imap_user)
    carry(lab.engine, VAULT)
    lab.furnish(mails, folders=["INBOX", FOLDER])
    deliver(dovecot, imap_user, mails)
    yield lab
    lab.engine.dispose()


def renumber(lab: Lab, mails: Sequence[Exchange]) -> None:
    """Make the folder anew, with the same mail under other numbers."""
    with lab.server.session(lab.user) as imap:
        if imap.folder_exists(FOLDER):
            before: Any = imap.folder_status(FOLDER, ["UIDVALIDITY"])
            while imap.folder_status(FOLDER, ["UIDVALIDITY"]) == before:
                imap.delete_folder(FOLDER)
                imap.create_folder(FOLDER)
        else:
            imap.create_folder(FOLDER)
    lab.server.deliver_many(lab.user, [(each.raw, each.arrived_at) for each in mails], folder=FOLDER)


def backfill(lab: Lab) -> None:
    mailbox, desk = open_mailbox(lab.engine, 1, lab.settings, None)  # type: ignore[arg-type] - nothing is classified
    backfill_imap(station(lab.engine, lab.settings, Watch(clock=now)), mailbox, desk)


def kept(lab: Lab) -> str:
    with reading(lab.engine) as session:
        return str([session.execute(select(table)).all() for table in Base.metadata.sorted_tables])


def test_mail_of_erased_people_is_never_taken_in_again(lab: Lab, mails: Sequence[Exchange]) -> None:
    renumber(lab, mails)
    lab.poll()
    gone = [each.to for each in mails[::2] + mails[-1:]]
    with transaction(lab.engine) as session:
        for address in gone:
            erase(session, 1, address, Act("petra", now(), "asked by letter"))
        verdicts = session.scalar(select(func.count()).select_from(VerdictRow))
    before = end_state(lab.engine)
    for again in (lab.poll, lambda: backfill(lab), lambda: renumber(lab, mails), lab.poll, lambda: backfill(lab)):
        again()
        assert end_state(lab.engine) == before
    with reading(lab.engine) as session:
        count = select(func.count(InboundMessage.id)).where(InboundMessage.state == MessageState.ERASED)
        assert session.scalar(count) == 3 * len(gone)
        assert session.scalar(select(func.count()).select_from(VerdictRow)) == verdicts
        told = str(session.execute(select(Base.metadata.tables["outbox_event"])).all())
    text = kept(lab).replace(told, "")
    assert not [address for address in gone if address in text]
