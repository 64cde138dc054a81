"""The demo's IMAP server: what goes in comes out, and nothing is left behind."""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from imapclient import IMAPClient
from imapclient.exceptions import IMAPClientError, LoginError

from worker.demo import server
from worker.demo.sample import load
from worker.demo.server import Address, serving

NOW = datetime(2027, 1, 4, 6, 30, tzinfo=UTC)
Connect = Callable[[Address], IMAPClient]
ARRIVED = datetime(2026, 12, 31, 23, 59, 58, tzinfo=UTC)


@dataclass(frozen=True)
class Mail:
    raw: bytes
    arrived_at: datetime = ARRIVED


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Open connections that are closed whatever became of the server."""
    with ExitStack() as stack:

        def opened(address: Address) -> IMAPClient:
            client = IMAPClient(address.host, address.port, ssl=False)
            stack.callback(client.shutdown)
            client.normalise_times = False
            client.login(address.username, address.password)
            return client

        yield opened


def fetched(client: IMAPClient, folder: str) -> list[dict[bytes, Any]]:
    client.select_folder(folder, readonly=True)
    rows = client.fetch(client.search(), ["BODY.PEEK[]", "RFC822.SIZE", "INTERNALDATE", "FLAGS"])
    return [rows[uid] for uid in sorted(rows)]


def test_the_sample_comes_back_byte_by_byte_with_its_arrival(connect: Connect) -> None:
    sample = load(NOW)
    with serving(sample.inbox, sample.sent) as address:
        client = connect(address)
        for folder, mails in (("INBOX", sample.inbox), ("Sent", sample.sent)):
            rows = fetched(client, folder)
            assert [row[b"BODY[]"] for row in rows] == [mail.raw for mail in mails]
            assert [row[b"RFC822.SIZE"] for row in rows] == [len(mail.raw) for mail in mails]
            assert [row[b"INTERNALDATE"] for row in rows] == [mail.arrived_at for mail in mails]


def test_examining_and_peeking_leaves_mail_unseen(connect: Connect) -> None:
    with serving([Mail(b"Subject: one\r\n\r\nHello\r\n")], []) as address:
        fetched(connect(address), "INBOX")
        assert fetched(connect(address), "INBOX")[0][b"FLAGS"] == ()


def test_the_sent_folder_is_found(connect: Connect) -> None:
    with serving([], []) as address:
        assert connect(address).find_special_folder(b"\\Sent") == "Sent"


def test_new_mail_is_asked_for_by_uid(connect: Connect) -> None:
    with serving([Mail(f"Subject: {n}\r\n\r\n".encode()) for n in range(3)], []) as address:
        client = connect(address)
        client.select_folder("INBOX", readonly=True)
        first, *later = client.search()
        assert client.search(["UID", f"{first + 1}:*"]) == later


@settings(max_examples=15)
@given(st.lists(st.binary(max_size=400), min_size=1, max_size=5))
def test_any_bytes_come_back_as_they_are(bodies: list[bytes]) -> None:
    mails = [Mail(b"Subject: any\r\n\r\n" + body) for body in bodies]
    with serving(mails, []) as address, IMAPClient(address.host, address.port, ssl=False) as client:
        client.login(address.username, address.password)
        assert [row[b"BODY[]"] for row in fetched(client, "INBOX")] == [mail.raw for mail in mails]


def test_a_wrong_password_is_refused() -> None:
    with (
        serving([], []) as address,
        IMAPClient(address.host, address.port, ssl=False) as client,
        pytest.raises(LoginError),
    ):
        client.login(address.username, address.password + "x")


def test_the_password_is_another_one_each_time() -> None:
    with serving([], []) as one, serving([], []) as other:
        assert one.password != other.password
        assert one.port != other.port


def test_it_listens_on_the_loopback_interface_only() -> None:
    with serving([], []) as address:
        assert address.host == "127.0.0.1"


def test_the_end_leaves_no_thread_and_no_open_port() -> None:
    before = set(threading.enumerate())
    with serving([], []) as address:
        assert set(threading.enumerate()) - before
    assert set(threading.enumerate()) == before
    with pytest.raises(ConnectionRefusedError):
        IMAPClient(address.host, address.port, ssl=False)


def test_the_end_disconnects_who_is_still_there(connect: Connect) -> None:
    with serving([Mail(b"Subject: one\r\n\r\n")], []) as address:
        client, idler = connect(address), connect(address)
        client.select_folder("INBOX", readonly=True)
        idler.select_folder("INBOX", readonly=True)
        idler.idle()
    with pytest.raises((IMAPClientError, OSError)):
        client.noop()


def test_a_client_that_vanishes_harms_nobody(connect: Connect) -> None:
    with serving([Mail(b"Subject: one\r\n\r\n" + b"x" * 3_000_000)], []) as address:
        with socket.create_connection((address.host, address.port)) as vanishing:
            login = f"A LOGIN {address.username} {address.password}"
            vanishing.sendall(f"{login}\r\nB EXAMINE INBOX\r\nC UID FETCH 1:* (BODY.PEEK[])\r\n".encode())
            vanishing.recv(100)
        assert len(fetched(connect(address), "INBOX")) == 1


def test_an_error_inside_the_block_still_ends_the_server() -> None:
    before = set(threading.enumerate())
    with pytest.raises(ZeroDivisionError), serving([], []):
        raise ZeroDivisionError
    assert set(threading.enumerate()) == before


def test_an_error_at_the_start_reaches_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(*_: object) -> None:
        raise OSError("no port is free")

    monkeypatch.setattr(asyncio, "start_server", refuse)
    with pytest.raises(OSError, match="no port is free"), serving([], []):
        pass
    assert not [thread for thread in threading.enumerate() if thread.name == "demo-imap"]


def test_an_error_after_the_start_is_told_by_its_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(_: object) -> None:
        raise ZeroDivisionError

    told: list[object] = []
    monkeypatch.setattr(threading, "excepthook", lambda died: told.append(died.exc_type))
    monkeypatch.setattr("worker.demo.server._Connections.close", broken)
    with serving((), ()):
        pass
    assert told == [ZeroDivisionError]


def test_arrivals_keep_their_moment_in_any_zone(connect: Connect) -> None:
    elsewhere = ARRIVED.astimezone(timezone(timedelta(hours=5, minutes=30)))
    with serving([Mail(b"Subject: one\r\n\r\n", elsewhere)], []) as address:
        assert fetched(connect(address), "INBOX")[0][b"INTERNALDATE"] == elsewhere


def test_the_name_of_the_host_is_not_looked_up(monkeypatch: pytest.MonkeyPatch, connect: Connect) -> None:
    def never(*_: object) -> str:
        raise AssertionError("a look-up may wait for a name server")

    monkeypatch.setattr("socket.getfqdn", never)
    with serving([], []) as address:
        assert connect(address).welcome.endswith(server.GREETING)
