"""What our client does otherwise than imapclient's."""

from __future__ import annotations

import gc
import socket
import weakref

import pytest

from tests.scripted import ScriptedServer
from tests.servers import PASSWORD
from worker.client import Client
from worker.imap import Account, log_out, open_client

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
