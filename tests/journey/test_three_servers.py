"""The journeys of a mailbox on three servers that share no line of code: Dovecot, Cyrus and pymap."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import copyfile
from typing import Any

import pytest

from tests.journey.here import Here
from tests.journey.world import NAME, EndState, World
from tests.lab import Lab
from tests.servers import MailServer, PrivateDovecot
from tests.small_mails import Exchange, exchanges
from tests.worker.large_mails import message, multipart, part, pdf
from worker.daemon.keeper import Keeper
from worker.imap.account import Account
from worker.imap.idle import Ear, Heard
from worker.imap.manners import Hosts
from worker.mailbox import connect

pytestmark = pytest.mark.server

COUNT = 60
LEARNT = 10
SERVERS = ["dovecot", "cyrus", "pymap"]


@pytest.fixture(scope="module")
def mails() -> list[Exchange]:
    # Recent, so that no pause ends while the tests run, and not ahead, which servers do not take.
    return exchanges(COUNT, datetime.now(UTC).replace(microsecond=0) - timedelta(hours=30), LEARNT)


def a_world(server: MailServer, user: str, template: Path, folder: Path) -> World:
    copyfile(template, folder / "world.sqlite")
    return Here(server, user, f"sqlite:///{folder}/world.sqlite", folder)


def fill(world: World, mails: list[Exchange], folder: str = "INBOX") -> None:
    ours = [(each.ours, each.sent_at) for each in mails if each.learnt]
    world.server.deliver_many(world.user, ours, folder="Sent")
    world.server.deliver_many(world.user, [(each.raw, each.arrived_at) for each in mails], folder)


def prepare(world: World, mails: list[Exchange], *more: str) -> None:
    world.add_mailbox(*more)
    world.import_sends([each.row for each in mails if not each.learnt])


@pytest.fixture(scope="module")
def expected(
    dovecot: PrivateDovecot, sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory, mails: list[Exchange]
) -> EndState:
    """What one poll of one server comes to."""
    world = a_world(dovecot, "three-servers", sqlite_template, tmp_path_factory.mktemp("expected"))
    fill(world, mails)
    prepare(world, mails)
    world.run("poll", NAME)
    state = world.end_state()
    assert len(state.recipients) == COUNT
    assert sum(status != "Active" for status, *_ in state.recipients.values()) == COUNT
    assert sum(campaign.startswith("learnt:") for campaign, _ in state.recipients) == LEARNT
    return state


@pytest.fixture(params=SERVERS)
def world(request: pytest.FixtureRequest, sqlite_template: Path, tmp_path: Path, imap_user: str) -> World:
    return a_world(request.getfixturevalue(request.param), imap_user, sqlite_template, tmp_path)


def test_polling_ends_the_same_on_every_server_and_a_second_poll_changes_nothing(
    world: World, mails: list[Exchange], expected: EndState
) -> None:
    fill(world, mails)
    prepare(world, mails)
    done = world.run("poll", NAME)
    assert f"{COUNT} judged" in done.stdout
    assert world.end_state() == expected
    done = world.run("poll", NAME)
    assert "messages: none" in done.stdout
    assert world.end_state() == expected
    assert world.messages() == COUNT


def test_a_backfill_equals_polling_on_every_server(world: World, mails: list[Exchange], expected: EndState) -> None:
    fill(world, mails)
    prepare(world, mails)
    world.run("backfill", NAME)
    assert world.end_state() == expected
    done = world.run("backfill", NAME)
    assert "messages: none" in done.stdout
    assert world.end_state() == expected


def test_a_folder_that_is_numbered_anew_is_recognised_on_every_server(
    world: World, mails: list[Exchange], expected: EndState
) -> None:
    with world.server.session(world.user) as imap:
        imap.create_folder("Replies")
        before = imap.folder_status("Replies", ["UIDVALIDITY"])
    fill(world, mails, "Replies")
    prepare(world, mails, "--folder", "Replies")
    world.run("poll", NAME)
    with world.server.session(world.user) as imap:
        imap.delete_folder("Replies")
        time.sleep(1.1)  # Dovecot and Cyrus take the second as UIDVALIDITY.
        imap.create_folder("Replies")
        assert imap.folder_status("Replies", ["UIDVALIDITY"]) != before
    back = [(each.raw, each.arrived_at) for each in reversed(mails)]
    world.server.deliver_many(world.user, back, "Replies")
    done = world.run("poll", NAME)
    assert f"{COUNT} duplicate" in done.stdout
    assert world.end_state() == expected


def test_a_kept_connection_is_asked_in_one_go_and_brings_new_mail_on_every_server(
    world: World, mails: list[Exchange], monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = world.engine()
    lab = Lab(engine, world.server, world.user)
    lab.furnish(mails[LEARNT:])
    first, *rest = mails[LEARNT : LEARNT + 3]
    world.server.deliver(world.user, first.raw, internaldate=first.arrived_at)
    answers: list[Heard] = []
    asks = Ear.ask

    def noting(ear: Ear, asked: Any) -> Any:
        found = asks(ear, asked)
        answers.append(found[0])
        return found

    monkeypatch.setattr(Ear, "ask", noting)
    with lab.kept() as poll:
        for _ in range(3):
            poll()
        assert answers == [Heard.NOTHING] * 2
        for number, mail in enumerate(rest):
            world.server.deliver(world.user, mail.raw, internaldate=mail.arrived_at)
            poll()
            assert lab.outcome().messages == 2 + number
            poll()
    engine.dispose()


def test_a_mailbox_at_rest_wakes_whoever_polls_on_every_server(world: World, mails: list[Exchange]) -> None:
    engine, woken = world.engine(), list[int]()
    lab = Lab(engine, world.server, world.user)
    lab.furnish(mails[LEARNT:])
    keeper = Keeper(Hosts(10, 1_000), lab.clock, woken.append)
    with lab.kept(keeper) as poll:
        poll()
        poll()
        assert keeper.keeps(1)
        assert woken == []
        world.server.deliver(world.user, mails[LEARNT].raw, internaldate=mails[LEARNT].arrived_at)
        for _ in range(20):
            keeper.listen()
            if woken:
                break
        assert woken == [1]
        poll()
    assert lab.outcome().messages == 1
    engine.dispose()


def test_bounces_are_moved_over_a_kept_connection_on_every_server(world: World, mails: list[Exchange]) -> None:
    engine = world.engine()
    with world.server.session(world.user) as imap:
        imap.create_folder("Bounces")
    lab = Lab(engine, world.server, world.user)
    lab.furnish(mails[LEARNT:], bounces_to="Bounces")
    with lab.kept() as poll:
        poll()
        # One of four is a bounce.
        for mail in mails[LEARNT : LEARNT + 4]:
            world.server.deliver(world.user, mail.raw, internaldate=mail.arrived_at)
        for _ in range(3):
            poll()
    assert lab.outcome().messages == 4
    engine.dispose()
    with world.server.session(world.user) as imap:
        counts = [imap.folder_status(folder, ["MESSAGES"])[b"MESSAGES"] for folder in ("INBOX", "Bounces")]
    assert counts == [3, 1]


@pytest.mark.parametrize("name", SERVERS)
def test_a_large_mail_is_read_without_its_attachment_on_every_server(
    request: pytest.FixtureRequest, imap_user: str, name: str
) -> None:
    server: MailServer = request.getfixturevalue(name)
    words = part("text/plain", b"Please take me off your list.\r\n")
    server.deliver(imap_user, message(multipart("mixed", "b", [words, pdf()])))
    account = Account("localhost", server.port, imap_user, server.password(imap_user), security="plain")
    with connect(account, NAME) as imap:
        (batch,) = imap.fetch(imap.new_uids(imap.select("INBOX"), 0))
    assert b"take me off" in batch[0].raw
    assert len(batch[0].raw) < 2_000 < batch[0].size
    assert "application/pdf" in batch[0].omitted[0]
