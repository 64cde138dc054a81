"""Reading one mailbox once, and its past from files: what is printed for people and for machines."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from tests.worker.commanding import ANNA, BOX, SENT_AT, Commands
from worker.cli.report import print_report
from worker.demo.server import Served, serving
from worker.reading.visit import PollReport


@dataclass(frozen=True)
class Mail:
    raw: bytes
    arrived_at: datetime = datetime(2026, 5, 6, 9, tzinfo=UTC)


OURS = Mail(
    b"From: mila@outreach.example\r\nTo: anna@client.example\r\nSubject: Our offer\r\nMessage-ID: <1@us>\r\n"
    b"Date: Mon, 4 May 2026 09:00:00 +0000\r\n\r\nHello\r\n",
    SENT_AT,
)
ANSWER = Mail(
    b"From: anna@client.example\r\nTo: mila@outreach.example\r\nSubject: Re: Our offer\r\nMessage-ID: <2@them>\r\n"
    b"In-Reply-To: <1@us>\r\nDate: Wed, 6 May 2026 09:00:00 +0000\r\n\r\nPlease take me off your list.\r\n"
)


@pytest.fixture
def box(run: Commands) -> Iterator[Served]:
    with serving([ANSWER], [OURS]) as server:
        secret = run.file("secret", server.password)
        run.done("mailboxes", "add", BOX, "--host", server.host, "--port", str(server.port), "--security", "plain",
                 "--username", server.username, "--password-file", secret)  # fmt: skip
        yield server


def test_a_poll_tells_machines_what_was_learnt_read_and_changed(run: Commands, box: Served) -> None:
    del box
    (row,) = run.done("poll", BOX, "--json").rows
    assert (row["sends_learnt"], row["messages"], row["verdicts"], row["more"]) == (
        1, {"judged": 1}, {"opt_out": 1}, False,
    )  # fmt: skip
    (change,) = row["changes"]
    assert (change["address"], change["from"], change["to"]) == (ANNA, "Active", "Unsubscribed")


def test_a_poll_tells_people_the_same(run: Commands, box: Served) -> None:
    del box
    out = run.done("poll", BOX).out
    assert out.startswith("sends learnt: 1\nmessages: 1 judged\nverdicts: 1 opt_out\nchanges: 1\n")
    assert f"{ANNA}\tlearnt:{BOX}\tActive -> Unsubscribed\tended\t" in out


def test_a_poll_that_left_some_says_how_to_go_on(capsys: pytest.CaptureFixture[str]) -> None:
    report = PollReport()
    print_report(report)
    assert capsys.readouterr().out == "messages: none\nchanges: 0\n"
    report.more = True
    print_report(report)
    assert capsys.readouterr().out.endswith("there is more; run it again to go on\n")


@pytest.mark.parametrize("kind", ["mbox", "maildir", "eml"])
def test_the_past_is_taken_in_from_files_of_each_kind_and_a_dry_run_writes_nothing(run: Commands, kind: str) -> None:
    run.add_mailbox()
    run.done("sends", "import", run.file("sends.jsonl", json.dumps({
        "campaign": "spring", "to": ANNA, "message_ids": ["1@us"], "sent_at": "2026-05-04T09:00:00Z",
    })))  # fmt: skip
    for folder in ("box/cur", "box/new", "box/tmp"):
        (run.folder / folder).mkdir(parents=True)
    mail = ANSWER.raw.decode().replace("\r\n", "\n")
    separated = f"From anna@client.example Wed May  6 09:00:00 2026\n{mail}"
    past = run.file("box.mbox", separated) if kind == "mbox" else str(run.folder / "box")
    if kind != "mbox":
        run.file("box/cur/1.eml", mail)
    rehearsed = run.done("backfill", BOX, f"--{kind}", past, "--dry-run").out
    assert rehearsed.endswith("dry run: nothing was written\n")
    assert "Active -> Unsubscribed" in rehearsed
    (row,) = run.done("backfill", BOX, f"--{kind}", past, "--json").rows
    assert (row["messages"], [change["to"] for change in row["changes"]]) == ({"judged": 1}, ["Unsubscribed"])


@pytest.mark.parametrize("words", [("--mbox", "f", "--eml", "."), ("--mbox", "f", "--since", "2026-05-04")])
def test_the_past_is_read_from_one_place(run: Commands, words: tuple[str, ...]) -> None:
    run.file("f", "")
    said = run("backfill", BOX, *words)
    assert (said.code, "give one of --mbox, --maildir, --eml, or IMAP" in said.err) == (2, True)


def test_who_follows_the_events_sees_what_happens_meanwhile(run: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    naps: list[float] = []

    def nap(seconds: float) -> None:
        naps.append(seconds)
        if len(naps) > 1:
            raise KeyboardInterrupt
        run.done("dne", "add", ANNA)

    monkeypatch.setattr(time, "sleep", nap)
    said = run("events", "tail", "--follow", "--json")
    assert said.code == 1
    assert [json.loads(line)["type"] for line in said.out.splitlines()] == ["dne.added"]
    assert naps == [1.0, 1.0]
