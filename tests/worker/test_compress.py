"""Compressed connections (RFC 4978), on a real Dovecot."""

from __future__ import annotations

import socket
import zlib
from typing import Any
from unittest import mock

import pytest

from tests.scripted import ScriptedServer
from tests.servers import PASSWORD, PrivateDovecot
from worker import mailbox
from worker.imap.account import Account
from worker.imap.compress import _Inflating, compress
from worker.imap.connection import open_client
from worker.mailbox import connect

pytestmark = pytest.mark.server

BODY = b"From: nora@partner.example\r\nSubject: Hello\r\n\r\n" + b"Good morning, and a good day.\r\n" * 2_000


@pytest.fixture
def account(dovecot: PrivateDovecot, imap_user: str) -> Account:
    return Account("localhost", dovecot.tls_port, imap_user, PASSWORD, "tls", dovecot.ca_file, 10.0)


def test_mail_read_through_compression_is_the_same(dovecot: PrivateDovecot, imap_user: str, account: Account) -> None:
    mails = [BODY + b"%d\r\n" % number for number in range(30)]
    dovecot.deliver_many(imap_user, mails)
    with connect(account, "mila") as imap, mock.patch.object(mailbox, "is_near", return_value=False):
        assert imap.compress()
        state = imap.select("INBOX")
        read = [each.raw for batch in imap.fetch(imap.new_uids(state, 0)) for each in batch]
    assert read == mails


def test_what_stays_on_this_machine_is_not_compressed(account: Account) -> None:
    with connect(account, "mila") as imap:
        assert not imap.compress()
        imap.select("INBOX")


def test_fewer_octets_pass(dovecot: PrivateDovecot, imap_user: str, account: Account) -> None:
    dovecot.deliver(imap_user, BODY)
    client = open_client(account)
    compress(client)
    counted: list[int] = []
    inflating: Any = client._imap.reader.raw  # noqa: SLF001
    source = inflating._source  # noqa: SLF001

    class Counting:
        def read1(self, most: int) -> bytes:
            packed: bytes = source.read1(most)
            counted.append(len(packed))
            return packed

        def close(self) -> None:
            source.close()

    inflating._source = Counting()  # noqa: SLF001
    client.select_folder("INBOX", readonly=True)
    assert client.fetch([1], ["BODY.PEEK[]"])[1][b"BODY[]"] == BODY
    assert 0 < sum(counted) < len(BODY) / 10
    client.logout()


def test_a_server_that_cannot_is_read_as_it_is(account: Account) -> None:
    client = open_client(account)
    client._cached_capabilities = (b"IMAP4REV1",)  # noqa: SLF001 - as if it did not offer it
    assert not compress(client)
    client.noop()
    client.logout()


def test_a_damaged_stream_is_an_error_of_the_connection() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(b"\xff" * 100)
        with ours.makefile("rb") as source, pytest.raises(OSError, match="damaged"):
            _Inflating(source).readinto(bytearray(100))


def test_damage_behind_what_outgrows_its_room_is_an_error_of_the_connection_too() -> None:
    ours, theirs = socket.socketpair()
    deflate = zlib.compressobj(wbits=-15)
    packed = deflate.compress(b"a" * 1_000) + deflate.flush(zlib.Z_SYNC_FLUSH)
    with ours, theirs:
        theirs.sendall(packed + b"\xff" * 100)
        with ours.makefile("rb") as source:
            inflating = _Inflating(source)
            assert inflating.readinto(bytearray(500)) == 500
            with pytest.raises(OSError, match="damaged"):
                inflating.readinto(bytearray(1_000))


def test_output_that_outgrows_its_room_comes_in_the_next_piece() -> None:
    ours, theirs = socket.socketpair()
    deflate = zlib.compressobj(wbits=-15)
    packed = deflate.compress(b"a" * 100_000) + deflate.flush(zlib.Z_SYNC_FLUSH)
    with ours, theirs:
        theirs.sendall(packed)
        theirs.shutdown(socket.SHUT_WR)
        with ours.makefile("rb") as source:
            inflating = _Inflating(source)
            room = bytearray(70_000)
            sizes = [inflating.readinto(room), inflating.readinto(room), inflating.readinto(room)]
    assert sizes == [70_000, 30_000, 0]


def test_a_server_that_will_not_is_read_as_it_is() -> None:
    script = """
    C: CAPABILITY
    S: * CAPABILITY IMAP4rev1 COMPRESS=DEFLATE
    S: $ OK done
    C: COMPRESS DEFLATE
    S: $ NO [COMPRESSIONACTIVE] TLS does it
    """
    with ScriptedServer(script) as server:
        client = open_client(Account(server.host, server.port, "u", "p", "plain", timeout=5))
        assert not compress(client)
        client.noop()
        client.logout()
