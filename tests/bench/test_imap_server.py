"""The simulated mail server that loads are measured on: what it tells is right, and so is what it counts."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from imapclient import IMAPClient
from imapclient.exceptions import LoginError
from sqlalchemy import select

from bench.imap_words import BadCommandError, numbers_of, told
from bench.simulated import SimulatedServer
from models.session import open_engine, reading
from models.tables.mail import InboundMessage
from tests.servers import PASSWORD
from tests.worker.commanding import Commands
from worker.errors import MailboxError
from worker.imap.account import Account
from worker.imap.fetched import FolderState
from worker.imap.idle import Heard
from worker.mailbox import connect, reach

FIRST = 7_000_000
SAMPLES = [f"Message-ID: <{FIRST + n}@x.example>\r\nSubject: {FIRST + n}\r\n\r\nYes.\r\n".encode() for n in range(3)]


@pytest.fixture(scope="module")
def server() -> Iterator[SimulatedServer]:
    """Let each test use mailboxes of its own."""
    with SimulatedServer(40, SAMPLES, FIRST) as server:
        yield server


def account(server: SimulatedServer, box: int, password: str = PASSWORD) -> Account:
    return Account(server.host, server.tls_port, f"box{box}", password, ca_file=server.ca_file, timeout=10)


@contextmanager
def client(server: SimulatedServer, box: int) -> Iterator[IMAPClient]:
    client = IMAPClient(server.host, server.port, ssl=False, timeout=10)
    try:
        client.login(f"box{box}", PASSWORD)
        yield client
    finally:
        client.shutdown()


def test_a_client_reads_what_was_delivered(server: SimulatedServer) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    server.deliver([(0, 1), (0, 5)])
    with client(server, 0) as imap:
        assert imap.select_folder("INBOX", readonly=True)[b"EXISTS"] == 2
        imap.normalise_times = False
        found = imap.fetch([1, 2], ["RFC822.SIZE", "INTERNALDATE", "BODY.PEEK[]", "BODY.PEEK[HEADER]<0.10>", "FLAGS"])
    assert [found[uid][b"BODY[]"] for uid in (1, 2)] == [SAMPLES[1], SAMPLES[2].replace(b"7000002", b"7000005")]
    assert found[2][b"RFC822.SIZE"] == len(SAMPLES[2])
    assert found[2][b"BODY[HEADER]<0>"] == SAMPLES[2][:10]
    assert before <= found[2][b"INTERNALDATE"] <= datetime.now(UTC)
    assert found[2][b"FLAGS"] == ()


def test_the_folders_say_what_they_are_for(server: SimulatedServer) -> None:
    with connect(account(server, 1), "box1") as imap:
        assert imap.special_folder("\\Sent") == "Sent"
        assert imap.special_folder("\\Junk") == "Junk"
        assert imap.special_folder("\\Archive") is None


def test_a_wrong_password_or_user_is_refused(server: SimulatedServer) -> None:
    with pytest.raises(MailboxError, match="user or password"), connect(account(server, 2, "wrong"), "box2"):
        pass
    with pytest.raises(LoginError), client(server, 40):
        pass


class Peer:
    """A client that says what it likes, and that the server knows by a name."""

    def __init__(self, server: SimulatedServer, box: int, name: str = "somebody") -> None:
        self._socket = socket.create_connection((server.host, server.port), timeout=10)
        self._lines = self._socket.makefile("rb")
        self._lines.readline()
        self.say(f'ID ("name" "{name}")', f"LOGIN box{box} {PASSWORD}")

    def say(self, *commands: str) -> list[bytes]:
        """Send commands in one go; return how each was answered."""
        self._socket.sendall("".join(f"T{n} {command}\r\n" for n, command in enumerate(commands)).encode())
        return [self._answer(b"T%d" % n) for n in range(len(commands))]

    def wait(self) -> None:
        """Begin IDLE."""
        self._socket.sendall(b"W IDLE\r\n")
        while not self._lines.readline().startswith(b"+"):
            pass

    def wake(self) -> None:
        """End IDLE."""
        self._socket.sendall(b"DONE\r\n")
        assert self._answer(b"W") == b"OK"

    def leave(self) -> None:
        """Hang up without a word."""
        self._lines.close()
        self._socket.close()

    def _answer(self, tag: bytes) -> bytes:
        while (line := self._lines.readline().split())[:1] != [tag]:
            pass
        return line[1]


@pytest.fixture
def peers(server: SimulatedServer) -> Iterator[Callable[[int, str], Peer]]:
    made: list[Peer] = []

    def make(box: int, name: str) -> Peer:
        made.append(Peer(server, box, name))
        return made[-1]

    yield make
    for each in made:
        each.leave()


@pytest.mark.parametrize(
    "command",
    ["SEARCH ALL", "APPEND INBOX {3}", "UID FETCH 1 (BODYSTRUCTURE)", "UID FETCH 1 (BODY)", "UID FETCH x (UID)",
     "UID STORE 1 +FLAGS (x)", "STATUS INBOX (SIZE)", "EXAMINE", "FETCH 1 ()", "X", "LOGIN box3 secret"],
)  # fmt: skip
def test_what_is_not_simulated_is_bad_and_the_connection_goes_on(peers: Callable[..., Peer], command: str) -> None:
    assert peers(3, "any").say("EXAMINE INBOX", command, "NOOP") == [b"OK", b"BAD", b"OK"]


def test_a_folder_must_be_open_before_it_is_read(peers: Callable[..., Peer]) -> None:
    commands = ("FETCH 1:* (UID)", "EXAMINE Nothing", "FETCH 1:* (UID)", "EXAMINE Sent", "FETCH 1:* (UID)")
    assert peers(4, "any").say(*commands) == [b"BAD", b"NO", b"BAD", b"OK", b"OK"]


def test_who_waits_hears_of_new_mail_and_of_nothing_else(server: SimulatedServer) -> None:
    imap = reach(account(server, 5), "box5")
    state = imap.select("INBOX")
    ear = imap.listen("INBOX")
    assert ear is not None
    assert ear.listen() is Heard.NOTHING
    assert imap.ask(ear, [state, FolderState("Sent", 1, 1, 0)]) == (Heard.NOTHING, True)
    server.deliver([(5, 0)])
    # The answer to this comes behind the news.
    assert imap.ask(ear, [state])[0] is Heard.NEWS
    ear.done()
    assert imap.new_uids(imap.select("INBOX"), 0) == [(1, len(SAMPLES[0]))]
    (batch,) = imap.fetch([(1, len(SAMPLES[0]))])
    assert [each.raw for each in batch] == [SAMPLES[0]]
    imap.close()


def test_each_turn_is_a_poll_and_each_mail_a_fetch(server: SimulatedServer, peers: Callable[..., Peer]) -> None:
    server.deliver([(6, 0), (6, 1)])
    peer = peers(6, "one")
    peer.say("EXAMINE INBOX", "FETCH 1:* (UID RFC822.SIZE)", "UID FETCH 1:2 (BODY.PEEK[])")
    assert server.ask("each")["polled_at"][6] == 0
    peer.wait()
    peer.wake()
    peer.say("NOOP", "STATUS Sent (MESSAGES)")
    peer.wait()
    each = server.ask("each")
    assert (each["logins"][6], each["polls"][6], each["fetched"][6]) == (1, 2, 2)
    assert each["peer"][6] == f'{server.host} ("name" "one")'
    assert each["polled_at"][6] > 0


def test_two_peers_in_one_mailbox_at_a_time_are_an_overlap(server: SimulatedServer, peers: Callable[..., Peer]) -> None:
    before = server.ask("totals")["overlaps"]
    one, other = peers(7, "one"), peers(7, "other")
    one.say("EXAMINE INBOX")
    other.say("NOOP")
    assert server.ask("totals")["overlaps"] == before
    one.say("NOOP", "NOOP")
    other.say("NOOP")
    assert server.ask("totals")["overlaps"] == before + 1


def test_one_peer_after_the_other_is_none_nor_one_that_is_silent_for_ever(
    server: SimulatedServer, peers: Callable[..., Peer]
) -> None:
    before = server.ask("totals")["overlaps"]
    one, other, third = peers(8, "one"), peers(8, "other"), peers(8, "other")
    one.say("NOOP")
    one.wait()
    other.say("NOOP")
    third.say("NOOP")
    other.say("LOGOUT")
    one.wake()
    one.say("NOOP")
    assert server.ask("totals")["overlaps"] == before


def test_a_mailbox_that_two_peers_wait_for_is_held_twice(server: SimulatedServer, peers: Callable[..., Peer]) -> None:
    one, other = peers(9, "one"), peers(9, "other")
    one.wait()
    before = server.ask("totals")["held_twice"]
    other.wait()
    assert server.ask("totals")["held_twice"] == before + 1


def test_the_worker_polls_it_to_the_last_mail(server: SimulatedServer, run: Commands) -> None:
    numbers = range(10, 16)
    server.deliver([(number, number) for number in numbers])
    password = run.folder / "password"
    password.write_text(PASSWORD)
    run.done("migrate")
    for number in numbers:
        run.done(
            "mailboxes", "add", f"box{number}@outreach.example", "--host", server.host, "--port", str(server.tls_port),
            "--username", f"box{number}", "--password-file", str(password), "--ca-file", server.ca_file,
        )  # fmt: skip
        for _ in range(2):
            run.done("poll", f"box{number}@outreach.example")
    with reading(open_engine(run.url)) as session:
        found = session.execute(select(InboundMessage.uid, InboundMessage.message_id)).all()
    assert sorted((uid, str(key).strip("<>")) for uid, key in found) == [(1, f"{FIRST + n}@x.example") for n in numbers]
    each = server.ask("each")
    assert [each["fetched"][number] for number in numbers] == [1] * len(numbers)


@given(st.lists(st.tuples(st.integers(1, 30), st.integers(1, 30) | st.none()), min_size=1), st.integers(0, 20))
def test_a_set_means_what_lies_between_its_ends(pairs: list[tuple[int, int | None]], last: int) -> None:
    asked = ",".join(f"{first}:{'*' if end is None else end}" for first, end in pairs)
    wanted = {
        number
        for first, end in pairs
        for number in range(min(first, last if end is None else end), max(first, last if end is None else end) + 1)
        if 1 <= number <= last
    }
    assert list(numbers_of(asked.encode(), last)) == sorted(wanted)


def test_words_are_read_with_their_quotes_taken_off() -> None:
    assert told(rb'"a \"b\"" (C D)', 2) == ['a "b"', "(C D)"]
    for words in (b'"a', b"a", b"a b c", b"(a (b)) c"):
        with pytest.raises(BadCommandError):
            told(words, 2)
