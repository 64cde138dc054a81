"""Polling round after round: what is new is read, what is not is only asked for; on a real Dovecot."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Engine, func, select, update

from config.settings import Settings
from models.session import DatabaseUnavailable, reading, transaction
from models.tables.handling import MessageMove, MoveState
from models.tables.mail import InboundMessage
from models.tables.mailboxes import FolderCursor, Mailbox
from tests.servers import PASSWORD, PrivateDovecot
from tests.worker.small_world import NOW, furnish
from worker.daemon import keeper as keeping
from worker.daemon import rounds
from worker.daemon.due import due_mailboxes, write_results
from worker.daemon.keeper import Keeper
from worker.daemon.rounds import Rounds
from worker.errors import MailboxError, Trouble
from worker.imap.fetched import FolderState
from worker.imap.manners import Hosts
from worker.mailbox import Mailbox as Imap
from worker.reading.crew import in_turn
from worker.reading.visit import Station, Watch
from worker.schedule import Daemon

pytestmark = pytest.mark.server

LONGEST = timedelta(hours=5)


def mail(number: int) -> bytes:
    return f"From: p{number}@client.example\r\nMessage-ID: <{number}@client>\r\n\r\nYes.\r\n".encode()


class World:
    """One mailbox that is polled again and again; `opened` are the folders that were opened since it was last asked."""

    def __init__(self, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
        self.engine, self.now, self.woken, self.folders = engine, NOW, list[int](), list[str]()
        self.settings = Settings()
        self.keeper = Keeper(Hosts(100, 1000), self.clock, self.woken.append)
        self.rounds = Rounds(self.station, lambda: None)  # type: ignore[arg-type,return-value] - nothing is classified
        select_folder = Imap.select

        def noting(imap: Imap, folder: str) -> FolderState:
            self.folders.append(folder)
            return select_folder(imap, folder)

        monkeypatch.setattr(Imap, "select", noting)

    def clock(self) -> datetime:
        return self.now

    def station(self, stopping: Any) -> Station:
        return Station(
            settings=self.settings,
            engine=self.engine,
            writer=partial(transaction, self.engine),
            watch=Watch(clock=self.clock, stopping=stopping),
            understanding=in_turn(self.settings),
        )

    def mailbox(self) -> Mailbox:
        with reading(self.engine) as session:
            return session.get_one(Mailbox, 1)

    def poll(self) -> bool:
        return self.rounds.poll(self.mailbox(), self.keeper, lambda: False).more

    def opened(self) -> set[str]:
        folders, self.folders = set(self.folders), []
        return folders

    def recorded(self) -> int:
        with reading(self.engine) as session:
            return session.scalar(select(func.count(InboundMessage.id))) or 0


@pytest.fixture
def world(engine: Engine, dovecot: PrivateDovecot, imap_user: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setattr(keeping, "LISTEN_SECONDS", 0.05)
    furnish(engine)
    with transaction(engine) as session:
        session.execute(
            update(Mailbox).values(
                host="localhost",
                port=dovecot.tls_port,
                username=imap_user,
                password=PASSWORD,
                ca_file=dovecot.ca_file,
            )
        )
    made = World(engine, monkeypatch)
    yield made
    made.keeper.close()


def test_what_has_nothing_new_is_only_asked_for(world: World, dovecot: PrivateDovecot, imap_user: str) -> None:
    dovecot.deliver(imap_user, mail(1))
    world.poll()
    assert {"INBOX", "Sent", "Junk"} <= world.opened()
    world.poll()
    assert world.opened() == set()
    dovecot.deliver(imap_user, mail(2), folder="Junk")
    world.poll()
    assert world.opened() >= {"Junk"}
    assert world.recorded() == 2
    world.poll()
    # Only to wait for its news again.
    assert world.opened() <= {"INBOX"}


def test_a_mailbox_at_rest_is_asked_without_ending_its_wait_unless_mail_waits_to_be_moved(
    world: World, dovecot: PrivateDovecot, imap_user: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lent: list[int] = []
    lends = Keeper.line

    def noting(keeper: Keeper, mailbox_id: int, *rest: Any) -> Any:
        lent.append(mailbox_id)
        return lends(keeper, mailbox_id, *rest)

    with transaction(world.engine) as session:
        session.execute(update(Mailbox).values(bounces_to="Bounces"))
    dovecot.deliver(imap_user, mail(1))
    world.poll()
    monkeypatch.setattr(Keeper, "line", noting)
    world.poll()
    world.poll()
    assert lent == []
    with transaction(world.engine) as session:
        message_id = session.scalars(select(InboundMessage.id)).one()
        session.add(MessageMove(message_id=message_id, mailbox_id=1, to_folder="Bounces", changed_at=NOW))
    world.poll()
    assert lent == [1]
    with reading(world.engine) as session:
        assert session.scalars(select(MessageMove.state)).one() is MoveState.MOVED


@pytest.mark.parametrize("push", [True, False])
def test_new_mail_is_found_whether_or_not_the_server_told_of_it(
    world: World, dovecot: PrivateDovecot, imap_user: str, push: bool
) -> None:
    world.settings = Settings(push=push)
    world.poll()
    for number in range(3):
        dovecot.deliver(imap_user, mail(number))
        world.poll()
        assert world.recorded() == number + 1
    assert world.keeper.keeps(1) is push


def test_every_folder_is_opened_again_after_a_while_and_after_the_mailbox_was_changed(world: World) -> None:
    world.poll()
    world.opened()
    world.now += rounds.WHOLE_LOOK
    world.poll()
    assert {"INBOX", "Sent"} <= world.opened()
    with transaction(world.engine) as session:
        session.execute(update(Mailbox).values(learn_sends=False))
    world.poll()
    assert "INBOX" in world.opened()


@pytest.mark.parametrize("lost", [0, 600])
def test_mail_that_shows_up_behind_the_cursor_is_found(
    world: World, dovecot: PrivateDovecot, imap_user: str, lost: int
) -> None:
    """As on servers that let a message be seen after one with a higher UID."""
    dovecot.deliver_many(imap_user, [mail(number) for number in range(lost + 2)])
    world.settings = Settings(push=False)
    world.poll()
    with transaction(world.engine) as session:
        # The first message was not there yet when the cursor passed it.
        first = select(func.min(InboundMessage.uid)).scalar_subquery()
        session.execute(InboundMessage.__table__.delete().where(InboundMessage.uid == first))  # type: ignore[attr-defined]
    assert world.recorded() == lost + 1
    world.now += rounds.WHOLE_LOOK
    world.poll()
    assert world.recorded() == lost + 2


def test_a_backlog_is_read_piece_by_piece_until_nothing_is_left(
    world: World, dovecot: PrivateDovecot, imap_user: str
) -> None:
    world.settings = Settings(poll_messages=10, push=True)
    dovecot.deliver_many(imap_user, [mail(number) for number in range(25)])
    assert [world.poll() for _ in range(3)] == [True, True, False]
    assert world.recorded() == 25


def test_a_renumbered_folder_is_noticed_without_being_opened(
    world: World, dovecot: PrivateDovecot, imap_user: str
) -> None:
    dovecot.deliver(imap_user, mail(1), folder="Old")
    with transaction(world.engine) as session:
        session.execute(update(Mailbox).values(folders=["INBOX", "Old"]))
    world.poll()
    with dovecot.session(imap_user) as client:
        client.delete_folder("Old")
    dovecot.deliver(imap_user, mail(2), folder="Old")
    world.poll()
    assert world.recorded() == 2
    with reading(world.engine) as session:
        cursors = {each.folder: each.uidvalidity for each in session.scalars(select(FolderCursor))}
        newest = session.scalars(select(InboundMessage).order_by(InboundMessage.id.desc())).first()
    assert newest is not None
    assert cursors["Old"] == newest.uidvalidity


def test_a_kept_connection_that_breaks_in_mid_poll_is_no_failure(
    world: World, dovecot: PrivateDovecot, imap_user: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.poll()
    dovecot.deliver(imap_user, mail(1))
    changed = Imap.changed

    def cut(imap: Imap, states: Any) -> set[str]:
        monkeypatch.setattr(Imap, "changed", changed)
        dovecot.kick(imap_user)
        return changed(imap, states)

    monkeypatch.setattr(Imap, "changed", cut)
    world.poll()
    assert world.recorded() == 1


@pytest.mark.parametrize("breaks", [False, True], ids=["at once", "after the kept connection broke"])
def test_a_folder_that_cannot_be_read_is_told_and_costs_neither_the_connection_nor_the_others(
    world: World, dovecot: PrivateDovecot, imap_user: str, monkeypatch: pytest.MonkeyPatch, breaks: bool
) -> None:
    world.poll()
    with transaction(world.engine) as session:
        session.execute(update(Mailbox).values(folders=["Nowhere", "INBOX"]))
    dovecot.deliver(imap_user, mail(1))
    if breaks:
        broken = iter([MailboxError("it ended", permanent=False, trouble=Trouble.NETWORK)])
        goes_round = rounds.go_round

        def once(*args: Any, **kwargs: Any) -> None:
            for error in broken:
                raise error
            goes_round(*args, **kwargs)

        monkeypatch.setattr(rounds, "go_round", once)
    with pytest.raises(MailboxError, match="Nowhere") as caught:
        world.poll()
    assert caught.value.trouble is Trouble.FOLDER
    assert world.recorded() == 1
    assert world.keeper.keeps(1)
    # What failed is tried again, whatever the server says of the folders that could be read.
    world.opened()
    with pytest.raises(MailboxError, match="Nowhere"):
        world.poll()


def test_a_new_connection_that_breaks_is_a_failure_which_is_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    tries = []

    def breaks(*_: Any, **__: Any) -> None:
        tries.append(1)
        raise MailboxError("it ended", permanent=False, trouble=Trouble.NETWORK)

    monkeypatch.setattr(rounds, "go_round", breaks)
    with pytest.raises(MailboxError, match="it ended"):
        world.poll()
    assert tries == [1]


def test_the_daemon_reads_mail_that_a_server_told_of_without_waiting_for_the_next_poll(
    world: World, dovecot: PrivateDovecot, imap_user: str
) -> None:
    daemon = Daemon(world.engine, Settings(poll_seconds=3600), world.rounds.poll, world.clock)
    try:
        daemon.turns.work(1)  # one poll without its thread
        daemon.write_down()
        assert due_mailboxes(world.engine, world.now, 10, lambda _: True, LONGEST) == []
        dovecot.deliver(imap_user, mail(1))
        for _ in range(200):
            daemon.keeper.listen()
            if world.recorded():
                break
        assert world.recorded() == 1
    finally:
        daemon.close()


def test_a_mailbox_that_is_paused_or_stopped_is_not_polled_whatever_its_server_tells(world: World) -> None:
    daemon = Daemon(world.engine, Settings(), world.rounds.poll, world.clock)
    try:
        daemon.turns.work(1)  # one poll without its thread
        for column in ("paused_at", "stopped_at"):
            with transaction(world.engine) as session:
                session.execute(update(Mailbox).values(paused_at=None, stopped_at=None, next_poll_at=None))
                session.execute(update(Mailbox).values({column: NOW}))
            assert due_mailboxes(world.engine, NOW, 10, lambda _: True, LONGEST) == []
            world.opened()
            daemon.turns.work(1)  # one poll without its thread
            assert world.opened() == set()
            assert not daemon.keeper.keeps(1)
    finally:
        daemon.close()


def test_results_that_the_database_does_not_take_are_written_later(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any) -> None:
        raise DatabaseUnavailable("nobody answers")

    daemon = Daemon(world.engine, Settings(poll_seconds=60), world.rounds.poll, world.clock)
    try:
        with monkeypatch.context() as broken:
            broken.setattr("worker.daemon.results.write_results", away)
            daemon.turns.work(1)  # one poll without its thread
            with pytest.raises(DatabaseUnavailable):
                daemon.write_down()
        assert world.mailbox().last_success_at is None
        daemon.write_down()
        assert world.mailbox().last_success_at == NOW
        assert world.mailbox().next_poll_at > NOW + timedelta(seconds=50)  # type: ignore[operator]
    finally:
        daemon.close()
    write_results(world.engine, {})
