"""What strangers wrote gives no orders: not to a terminal, not to the log, not to a spreadsheet."""

from __future__ import annotations

import csv
import json
import logging
from dataclasses import replace

import pytest

from classifier.judge import judge
from classifier.message import parse
from classifier.present import as_card
from classifier.verdict import Evidence, ReplyClass
from config import logs
from tests.worker.commanding import OPT_OUT, Commands, reply
from tests.worker.small_world import NOW
from tests.worker.trust.attacks import ANNA, mail
from tests.worker.trust.receiving import DESK
from worker.errors import MailboxError
from worker.spreadsheet import guarded, unguarded

ESCAPES = "Re: Our offer \x1b]0;owned\x07\x1b[2J\x9b31m\u202egnp.exe\u2028[/red] \u200f"


def test_what_a_stranger_wrote_gives_the_terminal_no_order(hostile: Commands) -> None:
    for words in (
        ("messages", "list", "--unmatched"),
        ("messages", "show", "1"),
        ("review", "list"),
        ("recipients", "show", ANNA),
    ):
        for form in ((), ("--json",)):
            said = hostile.done(*words, *form)
            assert said.out
            assert all(line.replace("\t", "").isprintable() for line in said.out.split("\n")), words


@pytest.fixture
def hostile(run: Commands) -> Commands:
    """Commands over a mail to nobody and one to Anna, both with orders to the terminal wherever a mail has words."""
    run.add_mailbox()
    answers = run.send(ANNA)
    unsure = replace(reply(ReplyClass.INTERESTED, sure=False), visible_text=ESCAPES, evidence=(Evidence("x", ESCAPES),))
    run.receive(unsure, "stranger@evil.example", None, ESCAPES)
    run.receive(unsure, ANNA, answers, ESCAPES)
    return run


def test_a_card_gives_the_terminal_no_order() -> None:
    sender = f'"{ESCAPES}" <x@evil.example>'
    parsed = parse(mail(sender, ESCAPES, subject=ESCAPES, more="Content-Type: text/plain; charset=utf-8\n"))
    card = as_card({"file": f"{ESCAPES}.eml"}, parsed, judge(parsed, DESK.context(NOW)))
    assert all(line.isprintable() for line in card.split("\n"))


@pytest.mark.parametrize(
    "cell", ["=1+1", "'=1+1", "''=1+1", "+1", "-1", "@a", "\t=1", "\n=1", "\uff1d1", "'hello", "", "a=1", "'"]
)
def test_a_cell_is_text_to_a_spreadsheet_and_comes_back_as_it_was(cell: str) -> None:
    assert not guarded(cell).startswith(("=", "+", "-", "@", "\t", "\n", "\uff1d"))
    assert unguarded(guarded(cell)) == cell


def test_an_export_of_labels_holds_no_formula_and_can_be_imported(run: Commands) -> None:
    text = '=HYPERLINK("https://evil.example","Yes please, send me the offer")'
    row = json.dumps({"class": "Interested", "text": text, "subject": "@SUM(1)", "language": "en"})
    run.done("labels", "import", run.file("labels.jsonl", row))
    run.done("labels", "export", "--out", "labels.csv")
    with (run.folder / "labels.csv").open(encoding="utf-8", newline="") as file:
        (exported,) = csv.DictReader(file)
    assert (exported["text"], exported["subject"]) == (f"'{text}", "'@SUM(1)")
    # That the same is there already says that it came back as it was.
    assert "label 1 says the same already" in run("labels", "import", "labels.csv").err


def test_an_export_of_do_not_email_holds_no_formula_and_can_be_imported(run: Commands) -> None:
    run.add_mailbox()
    run.receive(OPT_OUT, "=1+1@evil.example", run.send(ANNA))
    out = run.done("dne", "export").out
    assert "\n'=1+1@evil.example," in out
    said = run.done("dne", "import", run.file("dne.csv", out), "--json")
    assert {each["target"] for each in run.done("dne", "list", "--json").rows} == {ANNA, "=1+1@evil.example"}
    assert said.rows


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.usefixtures("run")  # It puts the handlers back that this test replaces.
def test_what_a_server_says_makes_no_line_of_the_log(capsys: pytest.CaptureFixture[str], form: str) -> None:
    words = f"{ESCAPES}\r\n2026-01-01 00:00:00,000 ERROR   worker: forged\x85\ud800"
    logs.start("INFO", form)
    log = logging.getLogger("worker.test")
    log.warning("the server said: %s", words)
    log.error("a poll failed: %s", words, exc_info=MailboxError(words, permanent=False))
    lines = capsys.readouterr().err.removesuffix("\n").split("\n")
    assert len(lines) > 1
    assert all(line.isprintable() for line in lines)
    assert not [line for line in lines if line.startswith("2026-01-01")]
