"""Journeys over a real Dovecot: however the mail is read, the same end state, nothing lost, nothing twice."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bench.mails import make
from tests.journey.world import NAME, EndState, World
from tests.servers import PrivateDovecot

pytestmark = pytest.mark.server

COUNT = 260


class Mail:
    """The mail of these journeys: delivery reports, replies and automatic answers, each answering a send."""

    def __init__(self) -> None:
        # Recent, so that no pause ends while the tests run, and not ahead: Dovecot takes no INTERNALDATE to come.
        start = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=30)
        self.samples = list(make(COUNT, start=start, hours=24))
        self.sends: list[dict[str, Any]] = [sample.send for sample in self.samples]

    def deliver(self, dovecot: PrivateDovecot, user: str, numbers: Sequence[int] | None = None) -> None:
        chosen = [self.samples[number] for number in (range(COUNT) if numbers is None else numbers)]
        dovecot.deliver_many(user, [(sample.raw, sample.arrived_at) for sample in chosen])


@pytest.fixture(scope="module")
def mail() -> Mail:
    return Mail()


@pytest.fixture
def world(dovecot: PrivateDovecot, database_url: str, tmp_path: Path, imap_user: str) -> World:
    return World(dovecot, imap_user, database_url, tmp_path)


@pytest.fixture(scope="module")
def expected(dovecot: PrivateDovecot, tmp_path_factory: pytest.TempPathFactory, mail: Mail) -> EndState:
    """The end state of one undisturbed poll."""
    folder = tmp_path_factory.mktemp("reference")
    mail.deliver(dovecot, "reference")
    world = World(dovecot, "reference", f"sqlite:///{folder}/reference.sqlite", folder)
    world.prepare("migrate")
    world.add_mailbox()
    world.import_sends(mail.sends)
    world.run("poll", NAME)
    state = world.end_state()
    assert len(state.recipients) == COUNT
    statuses = {status for status, *_ in state.recipients.values()}
    assert {"Bounced", "Unsubscribed", "Out of Office"} <= statuses
    return state


def test_a_second_poll_changes_nothing(world: World, mail: Mail, expected: EndState) -> None:
    mail.deliver(world.server, world.user)
    world.add_mailbox()
    world.import_sends(mail.sends)
    world.run("poll", NAME)
    first = world.end_state()
    assert first == expected
    world.run("poll", NAME)
    assert world.end_state() == first
    assert world.messages() == COUNT


def test_a_backfill_equals_polling(world: World, mail: Mail, expected: EndState) -> None:
    mail.deliver(world.server, world.user)
    world.add_mailbox()
    world.import_sends(mail.sends)
    world.run("backfill", NAME)
    assert world.end_state() == expected
    done = world.run("backfill", NAME)
    assert "messages: none" in done.stdout
    assert "changes: 0" in done.stdout


def test_another_order_and_sends_that_come_last_equal_polling(world: World, mail: Mail, expected: EndState) -> None:
    world.add_mailbox()
    mail.deliver(world.server, world.user, range(COUNT - 1, COUNT // 2, -1))
    world.run("poll", NAME)
    world.import_sends(mail.sends[: COUNT // 3])
    mail.deliver(world.server, world.user, range(COUNT // 2, -1, -1))
    world.run("poll", NAME)
    world.import_sends(mail.sends)
    assert world.end_state() == expected


def test_mail_from_files_equals_polling(world: World, mail: Mail, expected: EndState) -> None:
    world.add_mailbox()
    world.import_sends(mail.sends)
    folder = world.folder / "mails"
    folder.mkdir()
    for number, sample in enumerate(mail.samples):
        (folder / f"{number}.eml").write_bytes(sample.raw)
    world.run("backfill", NAME, "--eml", str(folder))
    assert world.end_state() == expected
    # The same mail over IMAP is recognised.
    mail.deliver(world.server, world.user)
    done = world.run("poll", NAME)
    assert f"{COUNT} duplicate" in done.stdout
    assert world.end_state() == expected


def test_a_dry_run_shows_the_changes_and_makes_none(world: World, mail: Mail) -> None:
    mail.deliver(world.server, world.user, range(30))
    world.add_mailbox()
    world.import_sends(mail.sends[:30])
    before = world.end_state()
    done = world.run("backfill", NAME, "--dry-run")
    assert "Bounced" in done.stdout or "Unsubscribed" in done.stdout
    assert world.end_state() == before
    assert world.messages() == 0


def test_killed_in_mid_batch_and_run_again_the_end_state_is_the_same(
    world: World, mail: Mail, expected: EndState
) -> None:
    mail.deliver(world.server, world.user)
    world.extra = {"INBOX_BATCH_MESSAGES": "20"}
    world.add_mailbox()
    world.import_sends(mail.sends)
    kills = 0
    for patience in (0, 40, 120):
        process = world.start("poll", NAME)
        seen = world.messages()
        while process.poll() is None and world.messages() < seen + 1 + patience:
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        kills += process.wait() == -signal.SIGKILL
        process.communicate()
    assert kills, "the polls were over before they could be killed"
    world.run("poll", NAME)
    assert world.end_state() == expected
    assert world.messages() == COUNT


def test_two_workers_on_one_mailbox_do_no_harm(world: World, mail: Mail, expected: EndState) -> None:
    mail.deliver(world.server, world.user)
    world.extra = {"INBOX_BATCH_MESSAGES": "20"}
    world.add_mailbox()
    world.import_sends(mail.sends)
    both = [world.start("poll", NAME), world.start("backfill", NAME)]
    for process in both:
        out, err = process.communicate(timeout=200)
        assert process.returncode == 0, f"{out}\n{err}"
    assert world.end_state() == expected
    assert world.messages() == COUNT


def test_a_renumbered_folder_is_recognised(world: World, mail: Mail) -> None:
    with world.server.session(world.user) as imap:
        imap.create_folder("Replies")
    numbers = range(40)
    for number in numbers:
        sample = mail.samples[number]
        world.server.deliver(world.user, sample.raw, folder="Replies", internaldate=sample.arrived_at)
    world.add_mailbox("--folder", "Replies")
    world.import_sends(mail.sends[:40])
    world.run("poll", NAME)
    before = world.end_state()
    with world.server.session(world.user) as imap:
        imap.delete_folder("Replies")
        time.sleep(1.1)  # Dovecot takes the second as UIDVALIDITY.
        imap.create_folder("Replies")
    for number in (*reversed(numbers), 40):
        sample = mail.samples[number]
        world.server.deliver(world.user, sample.raw, folder="Replies", internaldate=sample.arrived_at)
    world.import_sends(mail.sends[40:41])
    done = world.run("poll", NAME)
    assert "40 duplicate" in done.stdout
    assert "1 judged" in done.stdout
    after = world.end_state()
    assert {key: after.recipients[key] for key in before.recipients} == before.recipients
    assert after.events == before.events + 1


def test_a_lost_connection_is_one_clear_line_and_loses_nothing(world: World, mail: Mail, expected: EndState) -> None:
    mail.deliver(world.server, world.user)
    world.add_mailbox()
    world.import_sends(mail.sends)
    world.prepare("mailboxes", "pause", NAME)
    wrong = world.folder / "wrong"
    wrong.write_text("nonsense")
    with_port = ["--host", "localhost", "--port", "1", "--password-file", str(wrong)]
    world.prepare("mailboxes", "add", "other@outreach.example", *with_port)
    done = world.run("poll", "other@outreach.example", check=False)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "other@outreach.example" in done.stderr
    world.run("poll", NAME)
    assert world.end_state() == expected


@pytest.fixture
def daemon(world: World) -> Iterator[Any]:
    with world.daemon() as process:
        yield process


def test_the_daemon_takes_in_new_mail_and_stops_gracefully(world: World, mail: Mail, daemon: Any) -> None:
    world.import_sends(mail.sends[:20])
    mail.deliver(world.server, world.user, range(20))
    deadline = time.monotonic() + 60
    while world.messages() < 20 and time.monotonic() < deadline:
        time.sleep(0.2)
    daemon.send_signal(signal.SIGTERM)
    _, err = daemon.communicate(timeout=60)
    assert daemon.returncode == 0, err
    assert "Traceback" not in err
    assert world.messages() == 20
    assert sum(status != "Active" for status, *_ in world.end_state().recipients.values()) == 20


def test_a_bounce_that_returns_a_mail_of_megabytes_is_understood(world: World, mail: Mail) -> None:
    send = mail.sends[0]
    original = (
        f"Message-ID: {send['message_ids'][0]}\r\nFrom: {NAME}\r\nTo: {send['to']}\r\nSubject: {send['subject']}\r\n"
        "MIME-Version: 1.0\r\nContent-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        + ("QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo=" * 2 + "\r\n")
        * 60_000
    )
    report = (
        "From: Mail System <mailer-daemon@mx.example>\r\nSubject: Undelivered\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n'
        "--b\r\nContent-Type: text/plain\r\n\r\nIt could not be delivered.\r\n"
        "--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example\r\n\r\n"
        f"Final-Recipient: rfc822; {send['to']}\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n"
        f"--b\r\nContent-Type: message/rfc822\r\n\r\n{original}\r\n--b--\r\n"
    )
    assert len(report) > 4_000_000
    world.server.deliver(world.user, report.encode(), internaldate=mail.samples[0].arrived_at)
    world.add_mailbox()
    world.import_sends([send])
    world.run("poll", NAME)
    state = world.end_state()
    assert [row[:2] for row in state.recipients.values()] == [("Bounced", "ended")]
    assert [(target, reason) for target, reason, _ in state.dne] == [(send["to"], "hard bounce")]
