"""What our client does otherwise than imapclient's."""

from __future__ import annotations

import gc
import socket
import time
import weakref

import pytest
from imapclient.exceptions import CapabilityError, IMAPClientError

from tests.scripted import ScriptedServer
from tests.servers import PASSWORD
from worker.imap.account import Account
from worker.imap.client import Client
from worker.imap.connection import hang_up, log_out, open_client

ASKED = "C: CAPABILITY\nS: * CAPABILITY IMAP4rev1 IDLE\nS: $ OK done\n"


def heard(script: str) -> tuple[list[str], Client]:
    with ScriptedServer(script) as server:
        client = open_client(Account(server.host, server.port, "mila", PASSWORD, "plain", timeout=5))
        idle = client.has_capability("IDLE")
        client.logout()
    assert idle
    return server.heard, client


@pytest.mark.parametrize(
    ("greeting", "asks"),
    [
        ("S: * OK [CAPABILITY IMAP4rev1 IDLE] ready\n", 1),
        ("S: * OK [CAPABILITY STARTTLS] ready\n", 2),
        ("S: * OK ready\n", 2),
    ],
)
def test_what_a_greeting_tells_is_not_asked_again_before_the_login(greeting: str, asks: int) -> None:
    commands, _ = heard(greeting + ASKED)
    assert sum(each == "CAPABILITY" for each in commands) == asks
    assert commands[asks - 1].startswith("LOGIN")


@pytest.mark.parametrize("told", ["STARTTLS LOGINDISABLED", "LOGINDISABLED STARTTLS"])
def test_a_greeting_tells_no_more_than_its_brackets_hold(told: str) -> None:
    greeting = f"S: * OK [CAPABILITY IMAP4rev1 {told}] [192.0.2.5] ready\n"
    with ScriptedServer(greeting) as server, pytest.raises(CapabilityError, match="LOGINDISABLED"):
        open_client(Account(server.host, server.port, "mila", PASSWORD, "plain", timeout=5))
    assert server.heard == []


def test_what_was_told_before_a_command_is_not_taken_for_its_answer() -> None:
    with ScriptedServer("C: NOOP\nS: * CAPABILITY IMAP4rev1 FORGED\nS: $ OK done\n" + ASKED) as server:
        client = open_client(Account(server.host, server.port, "mila", PASSWORD, "plain", timeout=5))
        client.noop()
        client._imap._get_capabilities()  # noqa: SLF001 - as imaplib does once STARTTLS is done
        log_out(client)
    assert "IDLE" in client._imap.capabilities  # noqa: SLF001
    assert "FORGED" not in client._imap.capabilities  # noqa: SLF001


def test_taking_leave_waits_for_no_answer() -> None:
    with ScriptedServer("C: LOGOUT\nS: !silence\n") as server:
        client = open_client(Account(server.host, server.port, "mila", PASSWORD, "plain", timeout=60))
        start = time.monotonic()
        log_out(client)
        assert time.monotonic() - start < 10
        deadline = start + 10
        while "LOGOUT" not in server.heard and time.monotonic() < deadline:
            time.sleep(0.01)
        assert server.heard[-1] == "LOGOUT"


def test_a_literal_may_be_announced_longer_than_any_memory() -> None:
    script = "C: LIST .*\nS: * LIST () NIL {99999999999}\nS: short\nS: !hang up\n"
    with ScriptedServer(script) as server:
        client = open_client(Account(server.host, server.port, "mila", PASSWORD, "plain", timeout=5))
        with pytest.raises(IMAPClientError):
            client.list_folders()
        hang_up(client)


def test_a_password_is_not_kept_where_errors_could_show_it() -> None:
    _, client = heard(ASKED)
    assert PASSWORD not in repr(vars(client._imap))  # noqa: SLF001


def test_a_connection_leaves_nothing_to_collect() -> None:
    with ScriptedServer(ASKED) as server:
        client = open_client(Account(server.host, server.port, "mila", PASSWORD, "plain", timeout=5))
        gone = weakref.ref(client._imap)  # noqa: SLF001
        gc.disable()
        try:
            log_out(client)
            del client
            assert gone() is None
        finally:
            gc.enable()


def test_a_line_that_fell_silent_is_probed() -> None:
    with ScriptedServer(ASKED) as server:
        client = open_client(Account(server.host, server.port, "mila", PASSWORD, "plain", timeout=5))
        assert client.socket().getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        assert client.socket().getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 120
        log_out(client)


def test_a_handle_to_cut_with_comes_before_the_first_word() -> None:
    handles: list[socket.socket] = []
    account = Account("localhost", 0, "mila", PASSWORD, "plain", timeout=5)
    with socket.create_server(("localhost", 0)) as server:

        def begun(handle: socket.socket) -> None:
            handles.append(handle)
            handle.shutdown(socket.SHUT_RDWR)

        port = server.getsockname()[1]
        with pytest.raises(Exception, match="EOF"):
            Client(account.host, port, context=None, timeout=5, alert=print, begun=begun)
    handles.pop().close()
