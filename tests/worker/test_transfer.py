"""Moving mail at a server that refuses a step of it: nothing is lost, nothing else is removed, and it is told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from models.tables.handling import MoveState
from tests.scripted import ScriptedServer
from worker.errors import MailboxError, Trouble
from worker.imap.account import Account
from worker.imap.transfer import Fate
from worker.mailbox import Mailbox, connect

FOLDER = """
S: * 2 EXISTS
S: * OK [UIDVALIDITY 7] Ok
S: * OK [UIDNEXT 3] Ok
"""
OPENED = f"C: EXAMINE .*\n{FOLDER}S: $ OK [READ-ONLY] Ok\nC: SELECT .*\n{FOLDER}S: $ OK [READ-WRITE] Ok\n"
THERE = """
C: UID FETCH 1,2 .*
S: * 1 FETCH (UID 1)
S: * 2 FETCH (UID 2)
S: $ OK done
"""
CAN_MOVE = "C: CAPABILITY\nS: * CAPABILITY IMAP4rev1 MOVE UIDPLUS\nS: $ OK done\n"
CAN_REMOVE = CAN_MOVE.replace("MOVE ", "")
BOUNCES = 'C: LIST "" "?Bounces"?\nS: * LIST () "/" Bounces\nS: $ OK done\n'
COPIED = "C: UID COPY .*\nS: $ OK done\nC: UID STORE .*\nS: $ OK done\n"


@contextmanager
def mailbox(script: str) -> Iterator[tuple[Mailbox, ScriptedServer]]:
    with (
        ScriptedServer(script + OPENED + THERE) as server,
        connect(Account(server.host, server.port, "u", "p", "plain", timeout=5), "mila") as imap,
    ):
        yield imap, server


def moved(script: str) -> tuple[dict[int, Fate], list[str]]:
    """Move two messages to Bounces; return what became of them, and what the server was asked from SELECT on."""
    with mailbox(script) as (imap, server):
        fates = imap.move("INBOX", 7, [1, 2], "Bounces")
        assert imap.selected == "INBOX"
        names = [words.partition(" ")[0] for words in server.heard]
        return fates, server.heard[names.index("SELECT") :]


def refused(why: str) -> dict[int, Fate]:
    return dict.fromkeys((1, 2), Fate(MoveState.REFUSED, error=why))


def test_in_a_folder_that_may_only_be_read_nothing_is_moved() -> None:
    fates, asked = moved(CAN_MOVE + f"C: SELECT .*\n{FOLDER}S: $ OK [READ-ONLY] Ok\n")
    assert fates == refused("folder 'INBOX' may only be read")
    assert [words.partition(" ")[0] for words in asked] == ["SELECT", "EXAMINE"]


def test_where_no_folder_can_be_made_the_mail_stays_and_it_is_told() -> None:
    fates, asked = moved(CAN_MOVE + "C: LIST .*\nS: $ OK none\nC: CREATE .*\nS: $ NO [NOPERM] not you\n")
    assert {fate.state for fate in fates.values()} == {MoveState.REFUSED}
    assert "[NOPERM] not you" in str(fates[1].error)
    assert not [words for words in asked if "MOVE" in words]


@pytest.mark.parametrize("place", ["CREATE", "UID MOVE"])
def test_a_refusal_for_now_is_no_fate(place: str) -> None:
    usual = "C: LIST .*\nS: $ OK none\nC: CREATE .*\nS: $ OK done\nC: SUBSCRIBE .*\nS: $ NO no such thing\n"
    with mailbox(f"{CAN_MOVE}C: {place} .*\nS: $ NO [UNAVAILABLE] later\n{usual}") as (imap, _):
        with pytest.raises(MailboxError, match=r"moving mail from 'INBOX' to 'Bounces'.*later") as caught:
            imap.move("INBOX", 7, [1, 2], "Bounces")
        assert (caught.value.trouble, caught.value.permanent) == (Trouble.UNAVAILABLE, False)


def test_what_was_copied_and_is_not_removed_keeps_no_mark_by_which_others_would_remove_it() -> None:
    fates, asked = moved(CAN_REMOVE + BOUNCES + COPIED + "C: UID EXPUNGE .*\nS: $ NO not now\n")
    assert {fate.state for fate in fates.values()} == {MoveState.REFUSED}
    assert str(fates[1].error).startswith("it was copied, but the server does not remove it where it lay: ")
    assert [words for words in asked if "STORE" in words] == [
        r"UID STORE 1,2 +FLAGS.SILENT (\Deleted)",
        r"UID STORE 1,2 -FLAGS.SILENT (\Deleted)",
    ]


def test_a_server_that_leaves_while_it_removes_is_asked_again_later() -> None:
    with (
        pytest.raises(MailboxError) as caught,
        mailbox(CAN_REMOVE + BOUNCES + COPIED + "C: UID EXPUNGE .*\nS: * BYE bye\nS: !hang up\n") as (imap, server),
    ):
        imap.move("INBOX", 7, [1, 2], "Bounces")
    assert caught.value.trouble is Trouble.NETWORK
    assert [words.partition(" ")[0] for words in server.heard][-1:] == ["UID"]
