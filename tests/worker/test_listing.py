"""Listing the messages of a folder, where the server refuses or says more than was asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.scripted import ScriptedServer
from worker.errors import MailboxError, Trouble
from worker.imap.account import Account
from worker.imap.fetched import FolderState
from worker.mailbox import Mailbox, connect

OPENED = """
C: EXAMINE .*
S: * 3 EXISTS
S: * OK [UIDVALIDITY 7] Ok
S: * OK [UIDNEXT 10] Ok
S: $ OK [READ-ONLY] Ok
"""


@contextmanager
def opened(script: str) -> Iterator[tuple[Mailbox, FolderState]]:
    with (
        ScriptedServer(OPENED + script) as server,
        connect(Account(server.host, server.port, "u", "p", "plain"), "mila") as imap,
    ):
        yield imap, imap.select("INBOX")


Listing = Callable[[Mailbox, FolderState], list[tuple[int, int]]]
LISTINGS: dict[str, Listing] = {
    "FETCH": lambda imap, state: imap.new_uids(state, 0),
    "UID FETCH": lambda imap, _: imap.uids_between(1, 9),
}


@pytest.mark.parametrize("command", LISTINGS)
def test_a_listing_that_the_server_refuses_is_told_and_is_no_empty_folder(command: str) -> None:
    with opened(f"C: {command} .*\nS: $ NO [UNAVAILABLE] The store is away\n") as (imap, state):
        with pytest.raises(MailboxError, match=r"listing 'INBOX' at .* The store is away") as caught:
            LISTINGS[command](imap, state)
        assert (caught.value.trouble, caught.value.permanent) == (Trouble.UNAVAILABLE, False)


@pytest.mark.parametrize("command", LISTINGS)
def test_what_a_server_adds_of_other_messages_is_not_listed(command: str) -> None:
    told = "S: * 2 FETCH (UID 5 RFC822.SIZE 80)\nS: * 3 FETCH (FLAGS ())\nS: * 4 FETCH (UID 12 RFC822.SIZE 90)\n"
    with opened(f"C: {command} .*\n{told}S: $ OK done\n") as (imap, state):
        assert LISTINGS[command](imap, state) == [(5, 80)]


def test_nothing_is_read_before_a_folder_is_selected() -> None:
    script = "C: UID FETCH .*\nS: * 1 FETCH (UID 1 RFC822.SIZE 80)\nS: $ OK done\n"
    with ScriptedServer(script) as server:
        account = Account(server.host, server.port, "u", "p", "plain")
        with connect(account, "mila") as imap, pytest.raises(RuntimeError, match="select a folder"):
            imap.uids_between(1, 9)
        assert not [words for words in server.heard if "FETCH" in words]
