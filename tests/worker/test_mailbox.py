"""Reading a mailbox, on a real Dovecot."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any
from unittest import mock

import pytest
from imapclient.exceptions import IMAPClientError

from tests.faulty_proxy import Faults, FaultyProxy
from tests.servers import PASSWORD, PrivateDovecot, free_ports
from tests.worker.large_mails import message, multipart, part
from worker import mailbox as reading
from worker.errors import MailboxError
from worker.imap import fetched, listing
from worker.imap.account import Account
from worker.imap.arrival import NO_DATE, arrival
from worker.imap.connection import tls_context
from worker.imap.fetched import FetchedMessage
from worker.imap.folders import Folder, find
from worker.mailbox import Mailbox, connect

pytestmark = pytest.mark.server

MAIL = b"From: nora@partner.example\r\nSubject: Hello\r\n\r\nGood morning.\r\n"
ARRIVED = datetime(2026, 7, 1, 23, 30, tzinfo=timezone(timedelta(hours=2)))


@pytest.fixture
def account(dovecot: PrivateDovecot, imap_user: str) -> Account:
    return Account("localhost", dovecot.tls_port, imap_user, PASSWORD, "tls", dovecot.ca_file, 10.0)


@pytest.fixture
def imap(account: Account) -> Iterator[Mailbox]:
    with connect(account, "mila") as opened:
        yield opened


def read(imap: Mailbox, folder: str = "INBOX", after: int = 0) -> list[FetchedMessage]:
    state = imap.select(folder)
    return [each for batch in imap.fetch(imap.new_uids(state, after)) for each in batch]


@pytest.fixture
def far_from_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patched:
        patched.setenv("TZ", "America/New_York")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("far_from_utc")
def test_a_message_comes_whole_and_with_its_arrival_in_utc(
    dovecot: PrivateDovecot, imap_user: str, imap: Mailbox
) -> None:
    uid = dovecot.deliver(imap_user, MAIL, internaldate=ARRIVED)
    state = imap.select("INBOX")
    (batch,) = imap.fetch(imap.new_uids(state, 0))
    assert batch == [
        FetchedMessage(
            mailbox="mila",
            folder="INBOX",
            uidvalidity=state.uidvalidity,
            uid=uid,
            arrived_at=datetime(2026, 7, 1, 21, 30, tzinfo=UTC),
            raw=MAIL,
            size=len(MAIL),
        )
    ]
    assert batch[0].arrived_at.tzinfo is UTC


def test_reading_leaves_no_trace(dovecot: PrivateDovecot, imap_user: str, imap: Mailbox) -> None:
    large = message(multipart("mixed", "b", [part("text/plain", b"x" * 70_000), part("image/png", b"y" * 80_000)]))
    for raw in (MAIL, large, message(part("text/plain", b"line\r\n" * 40_000))):
        dovecot.deliver(imap_user, raw)
    assert len(read(imap)) == 3
    assert len(list(imap.headers([1, 2, 3]))) == 3
    with dovecot.session(imap_user) as witness:
        witness.select_folder("INBOX", readonly=True)
        flags = [answer[b"FLAGS"] for answer in witness.fetch([1, 2, 3], ["FLAGS"]).values()]
    assert not any(b"\\Seen" in each for each in flags)


def test_a_mail_that_somebody_read_already_is_listed_and_fetched_as_any_other(
    dovecot: PrivateDovecot, imap_user: str, imap: Mailbox
) -> None:
    uids = [dovecot.deliver(imap_user, MAIL) for _ in range(3)]
    with dovecot.session(imap_user) as person:
        person.select_folder("INBOX")
        person.add_flags(uids[1:], [b"\\Seen"])
    assert [each.uid for each in read(imap)] == uids
    assert [each.uid for each in read(imap, after=uids[0])] == uids[1:]
    assert [uid for uid, _ in imap.new_uids(imap.select("INBOX"), 0, date(2026, 1, 1))] == uids


def test_only_messages_above_the_cursor_are_listed(dovecot: PrivateDovecot, imap_user: str, imap: Mailbox) -> None:
    assert imap.new_uids(imap.select("INBOX"), 0) == []
    uids = [dovecot.deliver(imap_user, MAIL + b"x" * number) for number in range(3)]
    state = imap.select("INBOX")
    assert imap.new_uids(state, 0) == [(uid, len(MAIL) + number) for number, uid in enumerate(uids)]
    assert imap.new_uids(state, uids[1]) == [(uids[2], len(MAIL) + 2)]
    assert imap.new_uids(state, uids[2]) == []


@pytest.mark.parametrize("uidnext", [0, 3, None, 4_000_000_000])
def test_windows_find_every_message_whatever_the_server_says_of_its_next_number(
    dovecot: PrivateDovecot, imap_user: str, imap: Mailbox, monkeypatch: pytest.MonkeyPatch, uidnext: int | None
) -> None:
    monkeypatch.setattr(listing, "WINDOW", 3)
    uids = [dovecot.deliver(imap_user, MAIL) for _ in range(20)]
    with dovecot.session(imap_user) as other:
        other.select_folder("INBOX")
        other.delete_messages(uids[4:14])
        other.expunge()
    left = uids[:4] + uids[14:]
    state = imap.select("INBOX")
    state = state if uidnext is None else replace(state, uidnext=uidnext)
    for after in (0, 1, uids[3], uids[8], uids[-2], uids[-1]):
        assert [uid for uid, _ in imap.new_uids(state, after)] == [uid for uid in left if uid > after]


def test_a_day_may_limit_the_listing(dovecot: PrivateDovecot, imap_user: str, imap: Mailbox) -> None:
    for day in (1, 2, 3):
        dovecot.deliver(imap_user, MAIL, internaldate=datetime(2026, 5, day, 1, tzinfo=UTC))
    state = imap.select("INBOX")
    assert [uid for uid, _ in imap.new_uids(state, 0, date(2026, 5, 2))] == [2, 3]
    assert [uid for uid, _ in imap.new_uids(state, 2, date(2026, 5, 2))] == [3]


def test_what_lies_between_two_uids_is_listed(dovecot: PrivateDovecot, imap_user: str, imap: Mailbox) -> None:
    for day in range(1, 8):
        raw = MAIL + b"x" * day
        dovecot.deliver(imap_user, raw, internaldate=datetime(2026, 5, 8 - day, 1, tzinfo=UTC))
    with dovecot.session(imap_user) as other:
        other.select_folder("INBOX")
        other.delete_messages([3])
        other.expunge()
    imap.select("INBOX")
    assert imap.uids_between(2, 5) == [(uid, len(MAIL) + uid) for uid in (2, 4, 5)]
    assert [uid for uid, _ in imap.uids_between(1, 7, date(2026, 5, 3))] == [1, 2, 4, 5]
    # A server answers for the last message where a range lies beyond it only if asked for "*".
    assert imap.uids_between(3, 3) == imap.uids_between(8, 4_000_000_000) == []


def test_a_message_deleted_meanwhile_is_absent(dovecot: PrivateDovecot, imap_user: str, imap: Mailbox) -> None:
    large = message(part("text/plain", b"line\r\n" * 40_000))
    for raw in (MAIL, MAIL, large, MAIL):
        dovecot.deliver(imap_user, raw)
    pairs = imap.new_uids(imap.select("INBOX"), 0)
    with dovecot.session(imap_user) as other:
        other.select_folder("INBOX")
        other.delete_messages([2, 3])
        other.expunge()
    # The listing is older than the session that reads by it.
    imap.select("INBOX")
    assert [each.uid for batch in imap.fetch(pairs) for each in batch] == [1, 4]


def test_batches_are_cut_by_count_and_by_bytes(
    dovecot: PrivateDovecot, imap_user: str, imap: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    dovecot.deliver_many(imap_user, [MAIL] * 7)
    pairs = imap.new_uids(imap.select("INBOX"), 0)
    assert [[each.uid for each in batch] for batch in imap.fetch(pairs[::-1], 3)] == [[1, 2, 3], [4, 5, 6], [7]]
    monkeypatch.setattr(fetched, "BATCH_BYTES", 2 * len(MAIL))
    assert [len(batch) for batch in imap.fetch(pairs)] == [2, 2, 2, 1]


def test_headers_come_without_bodies(dovecot: PrivateDovecot, imap_user: str, imap: Mailbox) -> None:
    dovecot.deliver(imap_user, MAIL, folder="Sent", internaldate=ARRIVED)
    imap.select("Sent")
    header = MAIL.split(b"Good")[0]
    assert list(imap.headers([1, 99])) == [(1, header, ARRIVED.astimezone(UTC), len(MAIL))]


def test_a_wrong_password_needs_a_person(account: Account, imap_user: str) -> None:
    with pytest.raises(MailboxError) as caught, connect(replace(account, password="wrong"), "mila"):
        pass
    assert caught.value.permanent
    for word in ("mila", "localhost", imap_user, "password"):
        assert word in str(caught.value)
    assert "wrong" not in str(caught.value)


def test_an_unknown_certificate_needs_a_person(account: Account) -> None:
    with (
        pytest.raises(MailboxError, match="give its CA as ca_file") as caught,
        connect(replace(account, ca_file=None), "m"),
    ):
        pass
    assert caught.value.permanent


def test_a_missing_ca_file_needs_a_person(account: Account) -> None:
    wrong = replace(account, ca_file="/nowhere/ca.crt")
    with pytest.raises(MailboxError, match=r"check ca_file '/nowhere/ca\.crt'") as caught, connect(wrong, "m"):
        pass
    assert caught.value.permanent


def test_tls_on_a_plain_port_needs_a_person(account: Account, dovecot: PrivateDovecot) -> None:
    with (
        pytest.raises(MailboxError, match="check port, security") as caught,
        connect(replace(account, port=dovecot.port), "m"),
    ):
        pass
    assert caught.value.permanent


def test_an_unknown_security_needs_a_person(account: Account) -> None:
    with (
        pytest.raises(MailboxError, match="tls, starttls, plain") as caught,
        connect(replace(account, security="ssl"), "m"),
    ):
        pass
    assert caught.value.permanent


@pytest.mark.parametrize("security", ["starttls", "plain"])
def test_the_other_ways_in_work_too(account: Account, dovecot: PrivateDovecot, security: str) -> None:
    with connect(replace(account, port=dovecot.port, security=security), "mila") as imap:
        assert imap.select("INBOX").exists == 0


def test_a_user_name_may_hold_spaces_and_accents(account: Account) -> None:
    user = "zoë van dijk@outreach.example"
    with connect(replace(account, username=user), "zoë") as imap:
        assert imap.select("INBOX").exists == 0


def test_nobody_listening_passes_by_itself(account: Account) -> None:
    (port,) = free_ports(1)
    with pytest.raises(MailboxError, match="check host and port") as caught, connect(replace(account, port=port), "m"):
        pass
    assert not caught.value.permanent


def test_a_silent_server_is_given_up_on_in_time(account: Account) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        deaf = replace(account, port=silent.getsockname()[1], security="plain", timeout=0.2)
        with pytest.raises(MailboxError, match=r"no answer within 0\.2 seconds") as caught, connect(deaf, "m"):
            pass
    assert not caught.value.permanent


def hang_up_at_login(listener: socket.socket) -> None:
    visitor, _ = listener.accept()
    with visitor, visitor.makefile("rb") as questions:
        visitor.sendall(b"* OK ready\r\n")
        for tag, command, *_ in map(bytes.split, questions):
            if command == b"LOGIN":
                return
            visitor.sendall(b"* CAPABILITY IMAP4rev1\r\n" + tag + b" OK done\r\n")


def test_a_connection_lost_during_login_is_no_wrong_password(account: Account) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=hang_up_at_login, args=(listener,))
        server.start()
        fragile = replace(account, port=listener.getsockname()[1], security="plain")
        with pytest.raises(MailboxError, match="signing in") as caught, connect(fragile, "m"):
            pass
        server.join()
    assert not caught.value.permanent


def test_a_connection_lost_on_the_way_keeps_the_batches_before(
    dovecot: PrivateDovecot, imap_user: str, account: Account
) -> None:
    dovecot.deliver_many(imap_user, [MAIL + b"line\r\n" * 5000] * 6)
    with FaultyProxy(dovecot.port, Faults(cut_after=100_000)) as proxy:
        through = replace(account, port=proxy.port, security="plain")
        with connect(through, "mila") as imap:
            batches = imap.fetch(imap.new_uids(imap.select("INBOX"), 0), 2)
            taken = next(batches)
            with pytest.raises(MailboxError, match="reading 'INBOX'") as caught:
                next(batches)
    assert not caught.value.permanent
    assert [each.uid for each in taken] == [1, 2]
    assert all(len(each.raw) == each.size for each in taken)


def test_a_server_that_throws_us_out_is_tried_again(dovecot: PrivateDovecot, imap_user: str, imap: Mailbox) -> None:
    state = imap.select("INBOX")
    dovecot.kick(imap_user)
    with pytest.raises(MailboxError) as caught:
        imap.new_uids(replace(state, exists=1), 0)
    assert not caught.value.permanent


def test_a_folder_that_is_not_there_needs_a_person(imap: Mailbox) -> None:
    with pytest.raises(MailboxError, match=r"opening folder 'Nowhere'.*check the folder's name") as caught:
        imap.select("Nowhere")
    assert caught.value.permanent


def test_folders_may_have_any_name(dovecot: PrivateDovecot, imap_user: str, imap: Mailbox) -> None:
    name = 'Größe & "2024"/été'
    dovecot.deliver(imap_user, MAIL, folder=name)
    assert [each.folder for each in read(imap, name)] == [name]


def test_special_folders_are_found_by_their_attribute(imap: Mailbox) -> None:
    assert imap.special_folder(r"\Sent") == "Sent"
    assert imap.special_folder(r"\Junk") == "Junk"
    assert imap.special_folder(r"\Archive") is None


def folder(path: str, *attributes: str) -> Folder:
    parent, _, name = path.lower().rpartition("/")
    return Folder(path, frozenset(attributes), parent, name)


@pytest.mark.parametrize(
    ("folders", "found"),
    [
        ([folder("Sent"), folder("Verstuurd", r"\sent")], "Verstuurd"),
        ([folder("Sent"), folder("Rommel", r"\junk")], None),
        ([folder("Archive/Sent"), folder("INBOX/Sent")], "INBOX/Sent"),
        ([folder("Gesendet"), folder("Sent Items")], "Sent Items"),
        ([folder("Inbox")], None),
    ],
)
def test_names_count_only_where_no_folder_is_marked(folders: Sequence[Folder], found: str | None) -> None:
    assert find(folders, r"\Sent") == found


def test_connections_share_one_context_and_never_wait_for_nagle(account: Account, imap: Mailbox) -> None:
    assert tls_context(account.ca_file) is tls_context(account.ca_file)
    assert imap._client.ssl_context is tls_context(account.ca_file)  # noqa: SLF001
    assert imap._client.socket().getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)  # noqa: SLF001


def test_a_password_is_not_printed(account: Account) -> None:
    assert PASSWORD not in repr(account)


class Grudging:
    """A client whose server will not hand over some messages, for a reason of its own."""

    def __init__(self, reason: str, *bad: int, gone: frozenset[int] = frozenset()) -> None:
        self.reason, self.bad, self.gone = reason, set(bad), gone
        self.asked: list[list[int]] = []
        self.items: set[str] = set()

    def select_folder(self, _: str, *, readonly: bool) -> dict[bytes, int]:
        assert readonly
        return {b"UIDVALIDITY": 1, b"UIDNEXT": 100, b"EXISTS": 50}

    def noop(self) -> None:
        pass

    def shutdown(self) -> None:
        pass

    def fetch(self, uids: list[int], items: list[str]) -> dict[int, dict[bytes, Any]]:
        self.asked.append(uids)
        self.items.update(items)
        if "INTERNALDATE" in items and len(items) > 1 and self.bad & set(uids):
            raise IMAPClientError(f"fetch failed: b'{self.reason}'")
        answer = {b"INTERNALDATE": ARRIVED, b"BODY[]": MAIL}
        return {uid: answer for uid in uids if uid not in self.gone}


def test_one_message_the_server_refuses_does_not_hold_up_the_others(account: Account) -> None:
    client = Grudging("[CORRUPTION] cannot read it", 7)
    imap = Mailbox(client, account, "mila")
    imap.select("INBOX")
    (batch,) = imap.fetch([(uid, 100) for uid in range(1, 17)])
    assert [each.uid for each in batch] == list(range(1, 17))
    assert [(each.uid, each.raw) for each in batch if each.refused] == [(7, b"")]
    assert "cannot read it" in str(batch[6].refused)
    assert batch[6].arrived_at == ARRIVED
    assert len(client.asked) <= 10


def test_even_a_folder_opened_for_writing_would_keep_its_mail_unread(account: Account) -> None:
    client = Grudging("")
    imap = Mailbox(client, account, "mila")
    imap.select("INBOX")
    list(imap.fetch([(1, 100), (2, 1_000_000)]))
    list(imap.headers([1]))
    bodies = [item for item in client.items if item.startswith("BODY")]
    assert len(bodies) >= 4
    assert all(item == "BODYSTRUCTURE" or item.startswith("BODY.PEEK[") for item in bodies)


def test_a_refusal_that_passes_stops_the_poll_instead(account: Account) -> None:
    imap = Mailbox(Grudging("[OVERQUOTA] bandwidth limit", 7), account, "mila")
    imap.select("INBOX")
    with pytest.raises(MailboxError, match="patience") as caught:
        list(imap.fetch([(uid, 100) for uid in range(1, 17)]))
    assert not caught.value.permanent


def test_an_answer_of_more_than_a_line_can_hold_costs_only_that_message(
    dovecot: PrivateDovecot, imap_user: str, imap: Mailbox
) -> None:
    """imaplib gives up inside a line above a million octets; the structure of this mail is longer."""
    many = message(multipart("mixed", "b", [part(f"application/{'x' * 100}", b"x")] * 9000))
    for raw in (MAIL, many, message(part("text/plain", b"line\r\n" * 40_000)), MAIL):
        dovecot.deliver(imap_user, raw)
    messages = read(imap)
    assert [each.uid for each in messages] == [1, 2, 3, 4]
    assert [each.refused for each in messages] == [None] * 4
    assert many.startswith(messages[1].raw)
    assert messages[1].omitted


@pytest.mark.parametrize(
    ("internaldate", "header", "expected"),
    [
        (ARRIVED, b"", ARRIVED),
        (ARRIVED.replace(tzinfo=None), b"", ARRIVED.replace(tzinfo=UTC)),
        (None, b"Received: by mx; Mon, 2 Mar 2026 10:00:00 +0100\r\n\r\n", datetime(2026, 3, 2, 9, tzinfo=UTC)),
        (None, b"Date: Mon, 2 Mar 2026 10:00:00 -0500\r\n\r\n", datetime(2026, 3, 2, 15, tzinfo=UTC)),
        (None, b"Received: by mx; soon\r\nDate: 31 Feb 2026\r\n\r\n", NO_DATE),
        (datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=9))), b"", NO_DATE),
    ],
)
def test_arrival_is_always_a_moment_in_utc(internaldate: datetime | None, header: bytes, expected: datetime) -> None:
    found = arrival(internaldate, header)
    assert found == expected
    assert found.tzinfo is UTC


def test_a_connection_that_is_opened_in_place_of_another_can_be_cut(
    imap: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    imap.select("INBOX")
    here, there = socket.socketpair()

    def opening(_: Account, begun: Callable[[socket.socket], None]) -> Any:
        begun(here)
        imap.cut()
        raise OSError("cut")

    monkeypatch.setattr(reading, "open_client", opening)
    with pytest.raises(OSError, match="cut"):
        imap._recover(IMAPClientError("got more than 1000000 bytes"))  # noqa: SLF001
    assert there.recv(1) == b""
    there.close()


def test_where_no_connection_can_be_opened_in_place_of_another_that_is_told(
    imap: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    imap.select("INBOX")
    monkeypatch.setattr(reading, "open_client", mock.Mock(side_effect=ConnectionRefusedError("nobody listens")))
    with pytest.raises(ConnectionRefusedError):
        imap._recover(IMAPClientError("got more than 1000000 bytes"))  # noqa: SLF001


def test_a_folder_that_was_replaced_while_it_was_read_is_not_read_on_by_its_old_numbers(account: Account) -> None:
    client = Grudging("got more than 1000000 bytes", 7)
    imap = Mailbox(client, account, "mila")
    imap.select("INBOX")
    replaced = mock.Mock(spec=Grudging, **{"select_folder.return_value": {b"UIDVALIDITY": 2, b"UIDNEXT": 100}})
    with mock.patch.object(reading, "open_client", return_value=replaced), pytest.raises(MailboxError) as caught:
        list(imap.fetch([(uid, 100) for uid in range(1, 17)]))
    assert "folder 'INBOX' was replaced while it was read" in str(caught.value)
    assert not caught.value.permanent
    assert not replaced.fetch.called
