"""Importing and learning what was sent."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

import pytest

from classifier.verdict import ReplyClass
from models.tables.mailing import SentMessage
from tests.worker.commanding import ANNA, BORIS, BOX, SENT_AT, Commands, reply
from worker.demo.server import serving
from worker.mailbox import Mailbox as ImapMailbox


@dataclass(frozen=True)
class Mail:
    raw: bytes
    arrived_at: datetime = SENT_AT


OURS = Mail(
    b"From: mila@outreach.example\r\nTo: anna@client.example\r\nSubject: Our offer\r\nMessage-ID: <1@us>\r\n"
    b"Date: Mon, 4 May 2026 09:00:00 +0000\r\n\r\nHello\r\n"
)


def row(to: str, number: int = 1) -> str:
    return json.dumps({"campaign": "spring", "to": to, "message_ids": [f"{number}@us"], "subject": "Our offer",
                       "sent_at": "2026-05-04T09:00:00Z"})  # fmt: skip


def test_importing_tells_what_is_new_and_what_was_known(run: Commands) -> None:
    first = run.done("sends", "import", run.file("a.jsonl", row(ANNA)))
    assert "sends: 1 new;" in first.out
    again = run.done("sends", "import", run.file("b.jsonl", row(ANNA) + "\n" + row(BORIS, 2)), "--json")
    assert again.rows == [{"new": 1, "known": 1, "changes": []}]


def test_mail_that_came_before_its_send_counts_once_the_send_is_imported(run: Commands) -> None:
    run.add_mailbox()
    run.receive(reply(ReplyClass.INTERESTED), ANNA, "1@us")
    said = run.done("sends", "import", run.file("a.jsonl", row(ANNA)))
    assert "recipients changed by mail they explain: 1" in said.out
    assert "Active -> Interested" in said.out


def test_a_bad_row_is_named_and_nothing_is_imported(run: Commands) -> None:
    said = run("sends", "import", run.file("a.jsonl", row(ANNA) + "\n" + row("nobody", 2)))
    assert said.code == 1
    assert "row 2: to is no address" in said.err
    assert run.count(SentMessage) == 0


def test_an_unknown_team_is_not_made_by_an_import(run: Commands) -> None:
    said = run("sends", "import", run.file("a.jsonl", row(ANNA)), "--team", "nrth")
    assert said.code == 1
    assert "no team 'nrth'" in said.err


def test_sends_are_learnt_from_the_sent_folder_once(run: Commands) -> None:
    with serving([], [OURS]) as server:
        secret = run.file("secret", server.password)
        run.done("mailboxes", "add", BOX, "--host", server.host, "--port", str(server.port), "--security", "plain",
                 "--username", server.username, "--password-file", secret)  # fmt: skip
        assert run.done("sends", "learn", BOX, "--json").rows == [{"new": 1, "known": 0, "changes": []}]
        assert run.done("sends", "learn", BOX, "--json").rows == [{"new": 0, "known": 0, "changes": []}]
    assert run.done("recipients", "list", "--json").rows[0]["campaign"] == f"learnt:{BOX}"


def test_a_mailbox_without_a_sent_folder_is_told_how_to_name_it(run: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    # Some servers mark no folder as the one of sent mail.
    with serving([], [OURS]) as server:
        secret = run.file("secret", server.password)
        run.done("mailboxes", "add", BOX, "--host", server.host, "--port", str(server.port), "--security", "plain",
                 "--username", server.username, "--password-file", secret)  # fmt: skip
        monkeypatch.setattr(ImapMailbox, "special_folder", lambda *_: None)
        said = run("sends", "learn", BOX)
    assert (said.code, f"inbox-worker mailboxes set {BOX} --sent-folder FOLDER" in said.err) == (1, True)
