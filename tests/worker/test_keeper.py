"""Connections that are kept between polls, on a real Dovecot."""

from __future__ import annotations

import selectors
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.faulty_proxy import Faults, FaultyProxy
from tests.scripted import ScriptedServer
from tests.servers import PASSWORD, PrivateDovecot
from tests.worker.small_world import NOW
from worker.daemon import keeper as keeping
from worker.daemon.keeper import Keeper, Line
from worker.errors import MailboxError, Trouble
from worker.imap.account import Account
from worker.imap.fetched import FolderState
from worker.imap.idle import Ear, Heard
from worker.imap.manners import Hosts
from worker.mailbox import Mailbox, reach

pytestmark = pytest.mark.server

MAIL = b"From: nora@partner.example\r\nSubject: Hello\r\n\r\nGood morning.\r\n"
SECONDS = 10


class World:
    """A keeper whose clock a test moves, and whom it woke."""

    def __init__(self, account: Account, most: int = 10) -> None:
        self.account, self.now, self.woken = account, NOW, list[int]()
        self.keeper = Keeper(Hosts(most, 1000), self.clock, self.woken.append)

    def clock(self) -> datetime:
        return self.now

    def line(self, mailbox_id: int = 1, account: Account | None = None) -> AbstractContextManager[Line]:
        account = account or self.account
        return self.keeper.line(mailbox_id, account, lambda begun: reach(account, "mila", begun))

    def poll(self, mailbox_id: int = 1, account: Account | None = None) -> tuple[bool, bool, FolderState]:
        """Open the inbox and wait for its news: whether over a kept connection, whether it told of news, the inbox."""
        with self.line(mailbox_id, account) as line:
            state = line.imap.select("INBOX")
            line.waits_for = state
            return line.kept, line.news, state

    def listen_until(self, done: Callable[[], bool]) -> None:
        deadline = time.monotonic() + SECONDS
        while not done() and time.monotonic() < deadline:
            self.keeper.listen()
        assert done()


@pytest.fixture
def account(dovecot: PrivateDovecot, imap_user: str) -> Account:
    return Account("localhost", dovecot.tls_port, imap_user, PASSWORD, "tls", dovecot.ca_file, 10.0)


@pytest.fixture
def world(account: Account, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setattr(keeping, "LISTEN_SECONDS", 0.05)
    made = World(account)
    yield made
    made.keeper.close()


def test_mail_that_comes_wakes_once_and_is_read_over_the_same_connection(
    world: World, dovecot: PrivateDovecot, imap_user: str
) -> None:
    assert world.poll()[:2] == (False, False)
    dovecot.deliver(imap_user, MAIL)
    world.listen_until(lambda: world.woken == [1])
    dovecot.deliver(imap_user, MAIL)
    world.keeper.listen()
    assert world.woken == [1]
    kept, news, state = world.poll()
    assert (kept, news, state.exists) == (True, True, 2)
    assert world.poll()[:2] == (True, False)


def test_mail_that_comes_between_reading_and_waiting_is_not_missed(
    world: World, dovecot: PrivateDovecot, imap_user: str
) -> None:
    with world.line() as line:
        line.waits_for = line.imap.select("INBOX")
        dovecot.deliver(imap_user, MAIL)
    world.listen_until(lambda: world.woken == [1])


def test_mail_that_comes_while_another_folder_is_open_is_not_missed(
    world: World, dovecot: PrivateDovecot, imap_user: str
) -> None:
    with world.line() as line:
        line.waits_for = line.imap.select("INBOX")
        line.imap.select("Sent")
        dovecot.deliver(imap_user, MAIL)
    assert world.woken == [1]


def test_a_connection_that_the_server_ends_is_replaced_without_an_error(
    world: World, dovecot: PrivateDovecot, imap_user: str
) -> None:
    world.poll()
    dovecot.kick(imap_user)
    world.listen_until(lambda: not world.keeper.keeps(1))
    # It had not lasted: a server that ends every wait at once is not asked in a circle.
    assert world.woken == []
    assert world.poll()[0] is False
    world.now += timedelta(minutes=5)
    dovecot.kick(imap_user)
    world.listen_until(lambda: world.woken == [1])


def test_a_connection_that_ended_unheard_is_replaced_without_an_error(
    world: World, dovecot: PrivateDovecot, imap_user: str
) -> None:
    world.poll()
    dovecot.kick(imap_user)
    time.sleep(0.1)
    assert world.poll()[0] is False
    assert world.keeper.hosts.take("localhost", NOW + timedelta(seconds=1))


def test_a_wait_is_renewed_before_servers_end_it(world: World) -> None:
    world.poll()
    world.now += timedelta(minutes=24)
    world.keeper.listen()
    assert world.woken == []
    world.now += timedelta(minutes=2)
    world.keeper.listen()
    world.now += timedelta(minutes=2)
    world.keeper.listen()
    assert world.woken == [1]
    assert world.poll()[0] is True


def test_another_password_or_server_needs_a_connection_of_its_own(world: World) -> None:
    world.poll()
    with pytest.raises(MailboxError, match="signing in"):
        world.poll(account=replace(world.account, password="wrong"))
    assert world.poll()[0] is False


def test_a_server_without_idle_keeps_its_connection_and_is_polled(
    world: World, dovecot: PrivateDovecot, imap_user: str
) -> None:
    with world.line() as line:
        line.imap._client._cached_capabilities = (b"IMAP4REV1",)  # noqa: SLF001 - as if it did not offer it
        line.waits_for = line.imap.select("INBOX")
    dovecot.deliver(imap_user, MAIL)
    world.keeper.listen()
    kept, news, state = world.poll()
    assert (kept, news, state.exists, world.woken) == (True, False, 1, [])


def test_a_poll_that_fails_leaves_no_connection(world: World) -> None:
    world.poll()
    with pytest.raises(RuntimeError), world.line():
        raise RuntimeError("the poll failed")
    assert not world.keeper.keeps(1)
    assert world.poll()[0] is False


def test_no_more_connections_are_opened_than_are_allowed_and_some_are_left_for_others(account: Account) -> None:
    world = World(account, most=2)
    try:
        world.poll(1)
        with world.line(2) as line:
            line.waits_for = line.imap.select("INBOX")
            with pytest.raises(MailboxError, match="INBOX_HOST_CONNECTIONS") as caught:
                world.poll(3)
            assert caught.value.trouble is Trouble.TURN
        # The last place is not for keeping.
        assert not world.keeper.keeps(2)
        assert world.poll(3)[0] is False
    finally:
        world.keeper.close()


def test_a_host_that_calls_connections_too_many_gets_fewer(account: Account) -> None:
    refusing = "C: LOGIN .*\nS: $ NO [ALERT] Too many simultaneous connections. (Failure)\n"
    with ScriptedServer(refusing) as server:
        world = World(replace(account, host=server.host, port=server.port, security="plain"))
        hosts = world.keeper.hosts
        # Five of another account are open to the same host, as far as the counts go.
        assert all(hosts.take(server.host, NOW) for _ in range(5))
        for number in range(20):
            with pytest.raises(MailboxError) as caught:
                world.poll(number)
            assert caught.value.trouble in (Trouble.CROWDED, Trouble.TURN)
        assert caught.value.trouble is Trouble.TURN
        assert not hosts.take(server.host, NOW)
        world.keeper.close()


def test_a_mailbox_that_is_polled_no_more_loses_its_connection(world: World) -> None:
    world.poll()
    world.keeper.drop(1)
    world.keeper.drop(1)
    assert not world.keeper.keeps(1)
    world.keeper.listen()


def test_a_poll_that_a_server_keeps_from_ending_is_cut(world: World) -> None:
    def drag_on() -> None:
        with world.line() as line:
            world.now += timedelta(minutes=10)
            world.keeper.listen()
            line.imap.select("INBOX")
            world.now += timedelta(minutes=10)
            world.keeper.listen()
            line.imap.select("INBOX")

    with pytest.raises(MailboxError) as caught:
        drag_on()
    assert caught.value.trouble is Trouble.NETWORK


def test_no_more_connections_are_kept_than_the_system_has_files_for(world: World) -> None:
    world.keeper.most = 1
    world.poll(1)
    world.poll(2)
    assert world.keeper.kept() == {1}


def test_a_host_that_fell_silent_keeps_nobody_else_waiting(account: Account) -> None:
    with socket.create_server(("localhost", 0)) as deaf:
        silent = replace(account, port=deaf.getsockname()[1], timeout=0.2)
        world = World(silent)
        with pytest.raises(MailboxError, match="no answer"):
            world.poll(1)

        def ask_meanwhile(begun: Callable[[socket.socket], None]) -> Mailbox:
            with pytest.raises(MailboxError) as caught:
                world.poll(3)
            assert caught.value.trouble is Trouble.TURN
            return reach(account, "mila", begun)

        with world.keeper.line(2, silent, ask_meanwhile) as line:
            line.imap.select("INBOX")
        # It has answered: whoever comes may ask.
        assert world.keeper.hosts.ask("localhost", NOW)
        assert world.keeper.hosts.ask("localhost", NOW)


def test_a_mailbox_whose_host_keeps_another_waiting_is_not_asked_whether_it_rests_and_goes_on_waiting(
    world: World,
) -> None:
    state = world.poll()[2]
    hosts = world.keeper.hosts
    hosts.ask("localhost", NOW)
    hosts.ask("localhost", NOW)
    hosts.asked("localhost", answered=False)
    with pytest.raises(MailboxError) as caught:
        world.keeper.rests(1, world.account, [state])
    assert caught.value.trouble is Trouble.TURN
    assert world.keeper.keeps(1)
    hosts.asked("localhost", answered=True)
    # It was not too much to ask: nobody had been asked.
    assert world.keeper.rests(1, world.account, [state])


def test_a_server_that_says_farewell_before_the_wait_begins_leaves_no_connection(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Ear, "listen", lambda _: Heard.END)
    world.poll()
    assert not world.keeper.keeps(1)
    assert world.keeper.hosts.take("localhost", NOW + timedelta(seconds=1))
    assert world.woken == []


def test_what_is_taken_away_while_it_is_heard_says_nothing_any_more(
    world: World, dovecot: PrivateDovecot, imap_user: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.poll()
    dovecot.deliver(imap_user, MAIL)
    select_ready = selectors.DefaultSelector.select

    def take_away(selector: selectors.BaseSelector, timeout: float | None = None) -> Any:
        found = select_ready(selector, timeout)  # type: ignore[arg-type]
        if found:
            world.keeper.drop(1)
        return found

    monkeypatch.setattr(selectors.DefaultSelector, "select", take_away)
    world.listen_until(lambda: not world.keeper.keeps(1))
    assert world.woken == []


def test_what_waits_is_asked_whether_all_folders_rest_and_goes_on_waiting(
    world: World, dovecot: PrivateDovecot, imap_user: str
) -> None:
    dovecot.deliver(imap_user, MAIL, folder="Sent")
    with world.line() as line:
        sent, inbox = line.imap.select("Sent"), line.imap.select("INBOX")
        line.waits_for = inbox
    states = [inbox, sent]
    assert not world.keeper.rests(2, world.account, states)
    for _ in range(3):
        assert world.keeper.rests(1, world.account, states)
    assert not world.keeper.rests(1, world.account, [replace(inbox, exists=7), sent])
    dovecot.deliver(imap_user, MAIL, folder="Sent")
    assert not world.keeper.rests(1, world.account, states)
    assert world.poll()[:2] == (True, False)
    dovecot.deliver(imap_user, MAIL)
    world.listen_until(lambda: world.woken == [1])
    # Who was told that mail came goes and reads it.
    assert not world.keeper.rests(1, world.account, states)
    assert world.poll()[:2] == (True, True)


def test_asking_is_hearing_what_waits_has_to_tell(world: World, dovecot: PrivateDovecot, imap_user: str) -> None:
    state = world.poll()[2]
    dovecot.deliver(imap_user, MAIL)
    assert not world.keeper.rests(1, world.account, [state])
    kept, news, _ = world.poll()
    assert (kept, news, world.woken) == (True, True, [])


def test_asking_renews_the_wait(world: World) -> None:
    state = world.poll()[2]
    for _ in range(3):
        world.now += timedelta(minutes=20)
        assert world.keeper.rests(1, world.account, [state])
        world.keeper.listen()
    assert world.woken == []


def test_what_ended_while_it_waited_is_not_asked_and_replaced_without_an_error(
    world: World, dovecot: PrivateDovecot, imap_user: str
) -> None:
    state = world.poll()[2]
    dovecot.kick(imap_user)
    time.sleep(0.1)
    assert not world.keeper.rests(1, world.account, [state])
    assert not world.keeper.keeps(1)
    assert world.poll()[0] is False
    assert not world.keeper.rests(1, replace(world.account, password="other"), [state])
    assert not world.keeper.keeps(1)


def test_wherever_the_answer_breaks_off_nothing_passes_for_at_rest_and_no_connection_is_lost_count_of(
    dovecot: PrivateDovecot, account: Account
) -> None:
    with FaultyProxy(dovecot.port) as proxy:
        world = World(replace(account, port=proxy.port, security="plain"))
        state = world.poll()[2]
        line = proxy.connections[-1]
        before = line.answered
        assert world.keeper.rests(1, world.account, [state])
        time.sleep(0.1)
        # An answer says how long it took, so none is as long as another.
        for at in range(line.answered - before - len("+ idling\r\n")):
            world.poll()
            proxy.faults = Faults(cut_after=proxy.connections[-1].answered + at)
            assert not world.keeper.rests(1, world.account, [state]), at
            assert not world.keeper.keeps(1)
            proxy.faults = Faults()
        world.account = replace(world.account, timeout=0.2)
        world.poll()
        proxy.faults = Faults(stall_after=proxy.connections[-1].answered + at)
        with pytest.raises(MailboxError, match="no answer"):
            world.keeper.rests(1, world.account, [state])
        proxy.faults = Faults()
        assert world.poll()[0] is False
        # Perhaps all in one go was too much to ask of it.
        assert not world.keeper.rests(1, world.account, [state])
        assert world.poll()[0] is True
        world.now += timedelta(days=1)
        assert world.keeper.rests(1, world.account, [state])
        # Ten may be open; the one that waits is.
        taken = [world.keeper.hosts.take("localhost", world.now) for _ in range(10)]
        assert taken == [True] * 9 + [False]
        world.keeper.close()


def test_news_that_are_heard_just_before_the_question_are_not_forgotten(
    world: World, dovecot: PrivateDovecot, imap_user: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = world.poll()[2]
    asks = Hosts.ask

    def hear_first(hosts: Hosts, host: str, now: datetime) -> bool:
        dovecot.deliver(imap_user, MAIL)
        world.listen_until(lambda: world.woken == [1])
        return asks(hosts, host, now)

    monkeypatch.setattr(Hosts, "ask", hear_first)
    assert not world.keeper.rests(1, world.account, [state])
    monkeypatch.undo()
    assert world.poll()[:2] == (True, True)


@pytest.mark.parametrize("octets", [0, 400], ids=["at the greeting", "while waiting is agreed on"])
def test_a_server_that_answers_in_drops_is_cut_wherever_it_begins_to(
    dovecot: PrivateDovecot, account: Account, octets: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "LISTEN_SECONDS", 0.05)
    with FaultyProxy(dovecot.port) as proxy:
        world = World(replace(account, port=proxy.port, security="plain"))
        slow = Faults(chunk=1, pause=0.3)
        if not octets:
            proxy.faults = slow

        def look() -> None:
            time.sleep(0.5)
            world.now += timedelta(minutes=20)
            world.keeper.listen()

        def poll() -> None:
            with world.line() as line:
                line.waits_for = line.imap.select("INBOX")
                proxy.faults = slow

        looking = threading.Thread(target=look)
        looking.start()
        if octets:
            # The poll itself went well.
            poll()
        else:
            with pytest.raises(MailboxError) as caught:
                poll()
            assert caught.value.trouble is Trouble.NETWORK
        looking.join()
        assert not world.keeper.keeps(1)
        # The host has its connections back.
        assert all(world.keeper.hosts.take("localhost", world.now) for _ in range(10))
        world.keeper.close()
