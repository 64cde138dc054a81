"""What may happen at a mail server while its mailbox is read: restarts, renumbering, deletions, copies, odd clocks."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import Engine

from tests.faulty_proxy import FaultyProxy
from tests.lab import Lab, Outcome, deliver, now, once, recent, undisturbed
from tests.servers import PrivateCyrus, PrivateDovecot
from tests.small_mails import Exchange
from tests.soak import either
from tests.worker.large_mails import lines, multipart, part
from worker.daemon.due import due_mailboxes, success, write_results
from worker.errors import MailboxError
from worker.imap.account import Account
from worker.mailbox import connect

pytestmark = pytest.mark.server

MAILS = 12


@pytest.fixture(scope="module")
def mails() -> list[Exchange]:
    return recent(MAILS)


@pytest.fixture(scope="module")
def expected(
    dovecot: PrivateDovecot, sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory, mails: Sequence[Exchange]
) -> Outcome:
    return undisturbed(dovecot, sqlite_template, tmp_path_factory.mktemp("expected"), mails)


@pytest.fixture
def lab(engine: Engine, dovecot: PrivateDovecot, imap_user: str, mails: Sequence[Exchange]) -> Lab:
    lab = Lab(engine, dovecot, imap_user)
    lab.furnish(mails)
    deliver(dovecot, imap_user, mails)
    return lab


def poll(lab: Lab, progress: Callable[[int, int], None] = lambda _coming, _done: None) -> bool:
    """Poll once; a failure must be one that passes. Return whether the poll came to its end."""
    failures: list[MailboxError] = []
    try:
        lab.poll(progress=progress)
    except MailboxError as error:
        failures.append(error)
    assert not [failure for failure in failures if failure.permanent]
    return not failures


@pytest.fixture(scope="module")
def own_dovecot() -> Iterator[PrivateDovecot]:
    """A Dovecot that may be stopped."""
    with PrivateDovecot() as server:
        yield server


@pytest.mark.parametrize("after", [1, MAILS // 2, MAILS])
def test_a_server_that_restarts_in_mid_poll(
    engine: Engine,
    own_dovecot: PrivateDovecot,
    imap_user: str,
    mails: Sequence[Exchange],
    expected: Outcome,
    after: int,
) -> None:
    lab = Lab(engine, own_dovecot, imap_user)
    lab.furnish(mails)
    deliver(own_dovecot, imap_user, mails)

    def restart() -> None:
        own_dovecot.down()
        own_dovecot.up()

    poll(lab, once(restart, after))
    assert poll(lab)
    assert lab.outcome() == expected


def test_a_server_that_is_down_is_named_and_waited_for(
    engine: Engine, own_dovecot: PrivateDovecot, imap_user: str, mails: Sequence[Exchange], expected: Outcome
) -> None:
    lab = Lab(engine, own_dovecot, imap_user)
    lab.furnish(mails)
    deliver(own_dovecot, imap_user, mails)
    own_dovecot.down()
    with pytest.raises(MailboxError, match="check host and port") as caught:
        lab.poll()
    own_dovecot.up()
    assert not caught.value.permanent
    lab.poll()
    assert lab.outcome() == expected


def test_a_session_that_the_server_ends_in_mid_poll(lab: Lab, dovecot: PrivateDovecot, expected: Outcome) -> None:
    for after in (1, 3, 5):
        poll(lab, once(lambda: dovecot.kick(lab.user), after))
    assert poll(lab)
    assert lab.outcome() == expected


def test_a_folder_that_is_numbered_anew_in_mid_poll(
    engine: Engine, cyrus: PrivateCyrus, imap_user: str, mails: Sequence[Exchange], expected: Outcome
) -> None:
    """The person's program, or the server, makes the folder anew with the same mail in another order.

    On Cyrus, for a Dovecot whose folder is replaced while a session reads it may lose what came into the new one.
    """
    lab = Lab(engine, cyrus, imap_user)
    lab.furnish(mails, folders=["Replies"])
    back = [(each.raw, each.arrived_at) for each in mails]
    cyrus.deliver_many(imap_user, [(each.ours, each.sent_at) for each in mails if each.learnt], "Sent")
    cyrus.deliver_many(imap_user, back, "Replies")

    def renumber() -> None:
        with cyrus.session(imap_user) as imap:
            imap.delete_folder("Replies")
            time.sleep(1.1)  # Cyrus takes the second as UIDVALIDITY.
            imap.create_folder("Replies")
        cyrus.deliver_many(imap_user, back[::-1], "Replies")

    poll(lab, once(renumber, after=5))
    assert poll(lab)
    outcome = lab.outcome()
    assert outcome.state == expected.state
    # What was read under its old number stands twice in the record, and once in effect.
    assert MAILS < outcome.messages <= 2 * MAILS


def test_mail_that_is_deleted_in_mid_fetch_holds_up_no_other(
    lab: Lab, dovecot: PrivateDovecot, mails: Sequence[Exchange], expected: Outcome
) -> None:
    gone = [MAILS - 5, MAILS - 2, MAILS]

    def expunge() -> None:
        with dovecot.session(lab.user) as imap:
            imap.select_folder("INBOX")
            imap.delete_messages([1, *gone])
            imap.expunge()

    lab.poll(progress=once(expunge, after=3))
    outcome = lab.outcome()
    assert outcome.set_aside == 0
    # Some servers still hand over what another session deleted.
    perhaps = {mails[uid - 1].to for uid in gone}
    assert MAILS - len(gone) <= outcome.messages <= MAILS
    for (campaign, to), row in outcome.state.recipients.items():
        if not (to in perhaps and row[0] == "Active"):
            assert row == expected.state.recipients[campaign, to]
    # The same mail comes once more, and now it is read.
    lab.server.deliver_many(lab.user, [(mails[uid - 1].raw, mails[uid - 1].arrived_at) for uid in gone])
    lab.poll()
    assert lab.outcome().state == expected.state


def test_mail_that_comes_in_mid_poll_is_taken_in_by_the_next(
    engine: Engine, dovecot: PrivateDovecot, imap_user: str, mails: Sequence[Exchange], expected: Outcome
) -> None:
    lab = Lab(engine, dovecot, imap_user)
    lab.furnish(mails)
    early, late = mails[: MAILS // 2], mails[MAILS // 2 :]
    deliver(dovecot, imap_user, early)
    lab.poll(progress=once(lambda: deliver(dovecot, imap_user, late), after=3))
    lab.poll()
    assert lab.outcome() == expected


def test_mail_that_is_delivered_again_and_again_counts_once(
    lab: Lab, dovecot: PrivateDovecot, mails: Sequence[Exchange], expected: Outcome
) -> None:
    chance = Random(1)  # noqa: S311 - the same order at every run
    copies = [(each.raw, each.arrived_at) for each in mails for _ in range(3)]
    chance.shuffle(copies)
    dovecot.deliver_many(lab.user, copies[:MAILS])
    lab.poll()
    dovecot.deliver_many(lab.user, copies[MAILS:])
    lab.poll()
    outcome = lab.outcome()
    assert (outcome.state, outcome.sends) == (expected.state, expected.sends)
    assert outcome.messages == 4 * MAILS


def test_a_message_of_a_hundred_megabytes_is_read_without_its_attachment_and_counts_once(
    engine: Engine, dovecot: PrivateDovecot, imap_user: str, mails: Sequence[Exchange]
) -> None:
    question = mails[2]
    words = part("text/plain", lines("Please remove me from your list."))
    video = part("video/mp4", b"A" * 75 + b"\r\n" + (b"QUJD" * 19 + b"\r\n") * (100_000_000 // 78))
    head = lines(
        f"From: {question.to}", f"Subject: Re: {question.subject}", f"In-Reply-To: <{question.message_id}>",
        "Message-ID: <large@client.example>", "MIME-Version: 1.0",
    )  # fmt: skip
    dovecot.deliver(imap_user, head + multipart("mixed", "b", [words, video]), internaldate=question.arrived_at)
    with FaultyProxy(dovecot.port) as proxy:
        lab = Lab(engine, dovecot, imap_user)
        lab.furnish(mails, port=proxy.port)
        lab.poll()
        lab.poll()
        assert sum(each.answered for each in proxy.connections) < 20_000
    outcome = lab.outcome()
    assert (outcome.messages, outcome.state.events) == (1, 1)
    assert outcome.state.recipients["campaign-2", question.to][0] == "Unsubscribed"


def test_a_very_full_mailbox_is_listed_right_and_taken_in_by_turns(
    engine: Engine, dovecot: PrivateDovecot, imap_user: str
) -> None:
    count, gap = either(5_000, 200_000), 4_000
    raw = b"From: a@client.example\r\nSubject: x\r\n\r\nx\r\n"
    dovecot.deliver_many(imap_user, (raw for _ in range(count)))
    account = Account("localhost", dovecot.port, imap_user, dovecot.password(imap_user), security="plain")
    with connect(account, imap_user) as imap:
        assert imap.new_uids(imap.select("INBOX"), 0) == [(uid, len(raw)) for uid in range(1, count + 1)]
    with dovecot.session(imap_user) as other:
        other.select_folder("INBOX")
        other.delete_messages(list(range(2, gap + 1)))
        other.expunge()
    left = [1, *range(gap + 1, count + 1)]
    with connect(account, imap_user) as imap:
        state = imap.select("INBOX")
        assert [uid for uid, _ in imap.new_uids(state, 0)] == left
        assert [uid for uid, _ in imap.new_uids(state, count - 3)] == left[-3:]
    lab = Lab(engine, dovecot, imap_user)
    lab.settings = lab.settings.model_copy(update={"poll_messages": 40, "batch_messages": 20})
    lab.furnish([])
    for turn in (1, 2):
        assert lab.poll().more
        assert lab.outcome().messages == 40 * turn


JUMPS = [
    pytest.param([timedelta(hours=-2), timedelta(hours=3), timedelta()], id="hours"),
    pytest.param([timedelta(days=-30), timedelta(days=1), timedelta(days=-1), timedelta()], id="days"),
    pytest.param([timedelta(days=-56 * 365), timedelta()], id="1970"),
]


@pytest.mark.parametrize("jumps", JUMPS)
def test_a_clock_that_jumps_changes_nothing_in_the_end(lab: Lab, expected: Outcome, jumps: Sequence[timedelta]) -> None:
    """What a mail causes depends on when it arrived at its server, never on when it was read."""
    lab.settings = lab.settings.model_copy(update={"poll_messages": 3})
    for jump in (*jumps, *[timedelta()] * MAILS):
        lab.clock = lambda jump=jump: now() + jump  # type: ignore[misc]
        lab.poll()
    assert lab.outcome() == expected


def test_a_server_whose_clock_is_almost_an_hour_behind_loses_no_match_by_message_id(
    engine: Engine, dovecot: PrivateDovecot, imap_user: str, mails: Sequence[Exchange], expected: Outcome
) -> None:
    """By its clock everything came back before it was sent."""
    lab = Lab(engine, dovecot, imap_user)
    lab.furnish(mails)
    behind = timedelta(minutes=59)
    dovecot.deliver_many(imap_user, [(each.ours, each.sent_at) for each in mails if each.learnt], folder="Sent")
    dovecot.deliver_many(imap_user, [(each.raw, each.sent_at - behind) for each in mails])
    lab.poll()
    outcome = lab.outcome()
    assert (outcome.messages, outcome.set_aside) == (MAILS, 0)
    assert _statuses(outcome) == _statuses(expected)
    assert "Active" not in _statuses(outcome).values()


def _statuses(outcome: Outcome) -> dict[tuple[str, str], str]:
    return {recipient: row[0] for recipient, row in outcome.state.recipients.items()}


def test_a_clock_that_was_wrong_for_a_while_keeps_no_mailbox_waiting(lab: Lab) -> None:
    today = datetime(2026, 5, 4, tzinfo=UTC)
    ahead = today + timedelta(days=365)
    write_results(lab.engine, {1: success(ahead, ahead + timedelta(seconds=60))})
    assert [each.mailbox_id for each in due_mailboxes(lab.engine, today, 10, lambda _: True, timedelta(hours=5))] == [1]
    write_results(lab.engine, {1: success(today, today + timedelta(minutes=5))})
    assert due_mailboxes(lab.engine, today, 10, lambda _: True, timedelta(hours=5)) == []
