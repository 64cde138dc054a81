"""A connection that waits for news, heard without ever blocking."""

from __future__ import annotations

import selectors
import socket
import struct
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from imapclient.exceptions import IMAPClientAbortError, IMAPClientError

from worker.imap.client import Client
from worker.imap.idle import Ear, Heard


class Server:
    """The other end of one connection: it greets, then says what a test wants."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        greeting = threading.Thread(target=self._greet)
        greeting.start()
        self.alerts: list[str] = []
        port = int(self._listener.getsockname()[1])
        self.client = Client("127.0.0.1", port, context=None, timeout=5, alert=self.alerts.append, begun=None)
        greeting.join()

    def _greet(self) -> None:
        self.line, _ = self._listener.accept()
        self.line.sendall(b"* OK hello\r\n")
        tag = self.line.recv(100).split()[0]
        self.line.sendall(b"* CAPABILITY IMAP4rev1 IDLE\r\n" + tag + b" OK done\r\n")

    def says(self, words: bytes) -> None:
        self.line.sendall(words)

    def answers_idle(self, more: bytes = b"") -> None:
        """Let the next IDLE be granted, with more in the same packet."""

        def grant() -> None:
            self.tag = self.line.recv(100).split()[0]
            self.line.sendall(b"+ idling\r\n" + more)

        self._granting = threading.Thread(target=grant)
        self._granting.start()

    def answers_done(self, before: bytes = b"") -> None:
        def end() -> None:
            assert self.line.recv(100) == b"DONE\r\n"
            self.line.sendall(before + self.tag + b" OK done\r\n")

        threading.Thread(target=end).start()

    def answers_the_question(self, answer: bytes) -> None:
        """Answer DONE, NOOP, a STATUS and IDLE in one go; $ is each one's tag in turn."""

        def tell() -> None:
            done, *commands, rest = self.line.recv(1_000).split(b"\r\n")
            assert (done, rest) == (b"DONE", b"")
            self.asked = [command.split(b" ", 1)[1] for command in commands]
            tags = [self.tag, *(command.split()[0] for command in commands)]
            # Set first: the next question may come as soon as this one is answered.
            self.tag = tags[3]
            self.line.sendall(answer % {b"done": tags[0], b"noop": tags[1], b"status": tags[2], b"idle": tags[3]})

        threading.Thread(target=tell).start()

    def close(self) -> None:
        self.client.shutdown()
        self.line.close()
        self._listener.close()


@pytest.fixture
def server() -> Iterator[Server]:
    one = Server()
    yield one
    one.close()


def listening(server: Server, more: bytes = b"") -> tuple[Ear, Heard]:
    ear = Ear(server.client, 4)
    server.answers_idle(more)
    return ear, ear.listen()


def heard(ear: Ear) -> Heard:
    """What is heard of words that are on their way."""
    peer = ear._client.socket()  # noqa: SLF001
    peer.settimeout(5)
    peer.recv(1, socket.MSG_PEEK)
    peer.settimeout(0)
    return ear.hear()


def test_silence_is_nothing(server: Server) -> None:
    ear, first = listening(server)
    assert (first, ear.hear()) == (Heard.NOTHING, Heard.NOTHING)


@pytest.mark.parametrize(
    ("words", "means"),
    [
        (b"* 5 EXISTS\r\n", Heard.NEWS),
        (b"* 5 exists\r\n* 1 RECENT\r\n", Heard.NEWS),
        (b"* 4 EXISTS\r\n", Heard.NOTHING),
        (b"* 2 EXPUNGE\r\n", Heard.NEWS),
        (b"* 2 FETCH (FLAGS (\\Seen))\r\n", Heard.NOTHING),
        (b"* OK Still here\r\n", Heard.NOTHING),
        (b"* BYE idle for too long\r\n", Heard.END),
        (b"* 5 EXISTS\r\n* BYE shutting down\r\n", Heard.END),
        (b"\x00\xff\r\n\r\n", Heard.NOTHING),
        (b"x" * 100_000, Heard.END),
    ],
)
def test_what_a_server_says_is_understood(server: Server, words: bytes, means: Heard) -> None:
    ear, _ = listening(server)
    server.says(words)
    if len(words) > 1000:
        # It takes several packets.
        found = heard(ear)
        while found is Heard.NOTHING:
            found = heard(ear)
        assert found is means
    else:
        assert heard(ear) is means


def test_what_comes_in_the_same_packet_as_the_grant_is_heard_at_once(server: Server) -> None:
    ear, first = listening(server, b"* 7 EXISTS\r\n")
    assert (first, ear.hear()) == (Heard.NEWS, Heard.NOTHING)


def test_a_connection_that_is_closed_has_ended(server: Server) -> None:
    ear, _ = listening(server)
    server.line.shutdown(socket.SHUT_RDWR)
    assert heard(ear) is Heard.END


def test_a_line_heard_in_part_does_not_confuse_what_follows(server: Server) -> None:
    ear, _ = listening(server)
    server.says(b"* 9 EXI")
    assert heard(ear) is Heard.NOTHING
    server.says(b"STS\r\n")
    server.answers_done(before=b"* 10 EXISTS\r\n")
    ear.done()
    # What came while it ended is imaplib's to know.
    assert server.client._imap.untagged_responses["EXISTS"] == [b"10"]  # noqa: SLF001


def test_after_waiting_the_connection_blocks_as_before(server: Server) -> None:
    ear, _ = listening(server)
    assert server.client.socket().gettimeout() == 0
    server.answers_done()
    ear.done()
    assert server.client.socket().gettimeout() == 5


LINES = st.lists(st.sampled_from([b"* 3 EXISTS\r\n", b"* OK hm\r\n", b"* 1 EXPUNGE\r\n", b"\r\n"]), max_size=6)


@given(lines=LINES, cut=st.integers(0, 60))
def test_however_lines_are_cut_the_same_is_heard(lines: list[bytes], cut: int) -> None:
    class Quiet:
        _idle_tag = b"IW1"

        def socket(self) -> Any:
            return self

        def gettimeout(self) -> float:
            return 1.0

    whole = b"".join(lines)
    client: Any = Quiet()
    ear = Ear(client, 2)
    found = {ear._understand(piece) for piece in (whole[:cut], whole[cut:])}  # noqa: SLF001
    assert (Heard.NEWS in found) == (b"* 3 EXISTS\r\n" in lines or b"* 1 EXPUNGE\r\n" in lines)


def test_a_server_that_never_stops_talking_has_ended(server: Server) -> None:
    ear, _ = listening(server)
    server.line.settimeout(0.5)
    ended = threading.Event()

    def talk() -> None:
        while not ended.is_set():
            try:
                server.line.sendall(b"* OK still here\r\n" * 2_000)
            except OSError:
                return

    talking = threading.Thread(target=talk)
    talking.start()
    found = Heard.NOTHING
    while found is Heard.NOTHING:
        found = heard(ear)
    ended.set()
    talking.join()
    assert found is Heard.END


def test_news_cut_in_two_by_a_poll_are_heard(server: Server) -> None:
    ear, _ = listening(server)
    server.says(b"* 6 EX")
    assert heard(ear) is Heard.NOTHING
    server.says(b"ISTS\r\n")
    server.answers_done()
    assert ear.done() is Heard.NEWS


USUAL = (
    b"%(done)b OK idle is over\r\n%(noop)b OK nothing\r\n"
    b"* STATUS Sent (MESSAGES 3 UIDNEXT 9)\r\n%(status)b OK there\r\n+ idling\r\n"
)
ASKED = [("Sent", "MESSAGES UIDNEXT")]
NUMBERS = {b"MESSAGES": 3, b"UIDNEXT": 9}


@pytest.mark.parametrize(
    ("answer", "means", "numbers"),
    [
        (USUAL, Heard.NOTHING, NUMBERS),
        (USUAL.replace(b"+ idling", b"+"), Heard.NOTHING, NUMBERS),
        (USUAL.replace(b"%(noop)b", b"* 7 EXISTS\r\n%(noop)b"), Heard.NEWS, NUMBERS),
        (USUAL + b"* 1 EXPUNGE\r\n", Heard.NEWS, NUMBERS),
        (USUAL.replace(b"%(noop)b", b"* 4 EXISTS\r\n* 2 FETCH (FLAGS ())\r\n%(noop)b"), Heard.NOTHING, NUMBERS),
        (USUAL.replace(b"OK there", b"NO no such folder").replace(b"* STATUS", b"* OK"), Heard.NOTHING, {}),
        (USUAL.replace(b"* STATUS Sent", b"* status {4}\r\nSent"), Heard.NOTHING, {}),
        # The order is the server's.
        (b"* STATUS Sent (MESSAGES 3 UIDNEXT 9)\r\n+ \r\n%(status)b OK\r\n%(noop)b OK\r\n%(done)b OK\r\n",
         Heard.NOTHING, NUMBERS),
    ],
)  # fmt: skip
def test_what_waits_can_be_asked_and_goes_on_waiting(
    server: Server, answer: bytes, means: Heard, numbers: dict[bytes, int]
) -> None:
    ear, _ = listening(server)
    for _ in range(2):
        server.answers_the_question(answer)
        assert ear.ask(ASKED) == (means, [numbers])
        assert server.asked == [b"NOOP", b'STATUS "Sent" (MESSAGES UIDNEXT)', b"IDLE"]
    server.says(b"* 5 EXISTS\r\n")
    assert heard(ear) is Heard.NEWS
    server.answers_done()
    ear.done()
    assert server.client.socket().gettimeout() == 5


def test_news_heard_in_part_before_the_question_are_news(server: Server) -> None:
    ear, _ = listening(server)
    server.says(b"* 6 EXI")
    assert heard(ear) is Heard.NOTHING
    server.answers_the_question(b"STS\r\n" + USUAL)
    assert ear.ask(ASKED) == (Heard.NEWS, [NUMBERS])


@pytest.mark.parametrize(
    "answer",
    [
        b"* BYE shutting down\r\n",
        b"%(done)b BAD what?\r\n",
        USUAL.replace(b"OK nothing", b"BAD what?"),
        USUAL.replace(b"+ idling", b"%(idle)b NO not any more"),
        USUAL + b"* BYE idle for too long\r\n",
        b"x" * 200_000,
    ],
)
def test_a_connection_that_cannot_go_on_waiting_is_of_no_use(server: Server, answer: bytes) -> None:
    ear, _ = listening(server)
    server.answers_the_question(answer)
    with pytest.raises(IMAPClientError):
        ear.ask(ASKED)


def test_a_wait_that_the_server_ends_of_itself_has_ended(server: Server) -> None:
    ear, _ = listening(server)
    server.says(server.tag + b" NO idle for too long\r\n")
    assert heard(ear) is Heard.END


def test_what_a_person_should_know_is_told_while_waiting_too(server: Server) -> None:
    ear, _ = listening(server)
    server.says(b"* OK [ALERT] mov")
    assert heard(ear) is Heard.NOTHING
    server.says(b"ing on Friday\r\n")
    assert heard(ear) is Heard.NOTHING
    server.answers_the_question(USUAL.replace(b"OK nothing", b"OK [ALERT] or on Sunday"))
    ear.ask(ASKED)
    assert server.alerts == ["moving on Friday", "or on Sunday"]


def test_what_was_read_ahead_is_heard_when_waiting_begins(server: Server) -> None:
    server.says(b"* 9 EXISTS\r\n")
    server.client.socket().recv(1, socket.MSG_PEEK)
    server.client._imap.reader.peek()  # noqa: SLF001
    assert listening(server)[1] is Heard.NEWS


def test_a_connection_that_ends_in_mid_answer_is_of_no_use(server: Server) -> None:
    ear, _ = listening(server)
    server.line.sendall(b"* OK half of")
    server.line.shutdown(socket.SHUT_WR)
    with pytest.raises(IMAPClientError):
        ear.ask(ASKED)


def test_a_server_that_does_not_answer_is_waited_for_no_longer_than_any(server: Server) -> None:
    server.client.socket().settimeout(0.1)
    ear, _ = listening(server)
    with pytest.raises(TimeoutError):
        ear.ask(ASKED)


def test_a_connection_that_is_reset_has_ended(server: Server) -> None:
    ear, _ = listening(server)
    # Closed so, it sends RST in place of FIN, and reading fails in place of giving nothing.
    server.line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    server.line.close()
    waits = selectors.DefaultSelector()
    waits.register(ear, selectors.EVENT_READ)
    assert waits.select(5)
    waits.close()
    assert ear.hear() is Heard.END


def test_a_farewell_cut_in_two_by_a_poll_ends_the_connection(server: Server) -> None:
    ear, _ = listening(server)
    server.says(b"* BY")
    assert heard(ear) is Heard.NOTHING
    server.says(b"E too long\r\n")
    with pytest.raises(IMAPClientAbortError, match="ended the wait"):
        ear.done()
