"""Several questions in one go, to servers that answer them in their own ways."""

from __future__ import annotations

import pytest
from imapclient import IMAPClient

from tests.scripted import ScriptedServer
from tests.servers import PASSWORD
from worker.imap.account import Account
from worker.imap.fetched import FolderState
from worker.imap.together import statuses
from worker.mailbox import connect

ITEMS = "MESSAGES UIDNEXT UIDVALIDITY"
FOUND = {b"MESSAGES": 3, b"UIDNEXT": 9, b"UIDVALIDITY": 7}


def asked(script: str, *folders: str) -> list[dict[bytes, int]]:
    with ScriptedServer(script) as server:
        client = IMAPClient(server.host, server.port, ssl=False, timeout=5)
        client.login("mila", PASSWORD)
        found = [dict(each) for each in statuses(client, [(folder, ITEMS) for folder in folders])]
        # The connection is in order afterwards.
        client.noop()
        client.logout()
    return found


@pytest.mark.parametrize(
    ("folder", "sent", "answer"),
    [
        ("Sent", "Sent", "Sent"),
        ("Sent", "Sent", '"Sent"'),
        ('The "best" mail', r'The \\"best\\" mail', r'"The \"best\" mail"'),
        ("Entwürfe", "Entw&APw-rfe", '"Entw&APw-rfe"'),
        ("A (b) 12", r"A \(b\) 12", '"A (b) 12"'),
    ],
)
def test_a_folder_is_known_by_its_name_however_that_is_written(folder: str, sent: str, answer: str) -> None:
    script = f'C: STATUS "{sent}" .*\nS: * STATUS {answer} (MESSAGES 3 UIDNEXT 9 UIDVALIDITY 7)\nS: $ OK done\n'
    assert asked(script, folder) == [FOUND]


def test_an_answer_belongs_to_the_folder_that_it_names() -> None:
    script = (
        'C: STATUS "A" .*\nS: * STATUS B (MESSAGES 1 UIDNEXT 2 UIDVALIDITY 7)\n'
        "S: * STATUS A (uidvalidity 7 messages 3 uidnext 9)\nS: $ OK done\n"
        'C: STATUS "B" .*\nS: $ OK done\n'
    )
    assert asked(script, "A", "B") == [FOUND, {b"MESSAGES": 1, b"UIDNEXT": 2, b"UIDVALIDITY": 7}]


@pytest.mark.parametrize(
    "answer",
    [
        "S: $ NO no such folder",
        "S: $ BAD not now",
        "S: $ OK nothing to say",
        "S: * STATUS other (MESSAGES 3 UIDNEXT 9 UIDVALIDITY 7)\nS: $ OK done",
        "S: * STATUS\nS: $ OK done",
    ],
)
def test_what_is_not_said_is_in_doubt_and_no_error(answer: str) -> None:
    script = (
        f'C: STATUS "A" .*\n{answer}\n'
        'C: STATUS "B" .*\nS: * STATUS B (MESSAGES 3 UIDNEXT 9 UIDVALIDITY 7)\nS: $ OK done\n'
    )
    assert asked(script, "A", "B") == [{}, FOUND]


def test_a_folder_in_doubt_is_one_that_changed() -> None:
    script = (
        'C: STATUS "A" .*\nS: $ NO gone\n'
        'C: STATUS "B" .*\nS: * STATUS B (MESSAGES 3 UIDNEXT 9 UIDVALIDITY 7)\nS: $ OK done\n'
    )
    states = [FolderState(name, 7, 9, 3) for name in ("A", "B")]
    untold = FolderState("B", 7, 0, 3)
    with (
        ScriptedServer(script) as server,
        connect(Account(server.host, server.port, "u", "p", "plain"), "mila") as imap,
    ):
        assert imap.changed(states) == {"A"}
        # A server that does not tell its next number cannot vouch for anything.
        assert imap.changed([untold]) == {"B"}
