"""`judge` answers by its contract for every form of input; `train` makes an artifact that `judge` can use."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.worker.commanding import Commands

MAIL = "From: anna@client.example\nSubject: Re: hello\n\nPlease take me off your list.\n"
OOO = "From: ben@client.example\nSubject: Out of office\nAuto-Submitted: auto-replied\n\nI am on holiday.\n"
CONTRACT = {
    "verdict", "class", "applied_class", "hold", "confidence", "probabilities", "needs_review", "visible_text",
    "return_date", "new_contact", "bounce", "evidence", "language", "problems",
}  # fmt: skip


def test_a_file_is_judged_by_the_contract(run: Commands) -> None:
    path = run.file("one.eml", MAIL)
    (row,) = run.done("judge", path, "--json").rows
    assert row.keys() == CONTRACT | {"file"}
    assert (row["file"], row["verdict"], row["class"]) == (path, "opt_out", "Unsubscribed")
    assert row["visible_text"] == "Please take me off your list."


def test_a_folder_and_an_mbox_give_every_message(run: Commands) -> None:
    (run.folder / "mails").mkdir()
    run.file("mails/one", MAIL)
    run.file("mails/two", "From x@y Mon May  4 09:00:00 2026\n" + OOO)
    run.file("mails/labels.jsonl", "{}")
    assert [row["verdict"] for row in run.done("judge", "mails", "--json").rows] == ["opt_out", "absence"]
    separator = "From x@y Mon May  4 09:00:00 2026\n"
    run.file("box", f"{separator}{MAIL}\n{separator}{OOO}")
    assert [row["class"] for row in run.done("judge", "--mbox", "box", "--json").rows] == [
        "Unsubscribed",
        "Out of Office",
    ]


@pytest.mark.parametrize(
    ("row", "verdict"),
    [
        ({"text": "Please take me off your list."}, "opt_out"),
        ({"html": "<p>Please take me off your list.</p>"}, "opt_out"),
        ({"input": "Please take me off your list.", "format": "text"}, "opt_out"),
        ({"input": "<p>Please take me off your list.</p>", "format": "html"}, "opt_out"),
        ({"raw": MAIL}, "opt_out"),
        ({"text": "I am on holiday.", "headers": {"Auto-Submitted": "auto-replied"}}, "absence"),
        ({"text": "Können wir telefonieren? \ud83d", "subject": "Größe"}, "reply"),
    ],
)
def test_a_row_of_any_form_is_judged(run: Commands, row: dict[str, object], verdict: str) -> None:
    path = run.file("rows.jsonl", json.dumps({"id": 7} | row))
    (told,) = run.done("judge", "--jsonl", path, "--json").rows
    assert (told["id"], told["verdict"]) == (7, verdict)


def test_mail_from_our_own_address_is_outgoing_and_to_our_alias_an_opt_out(run: Commands) -> None:
    path = run.file("one.eml", OOO.replace("Auto-Submitted: auto-replied\n", "To: stop@us.example\n"))
    (own,) = run.done("judge", path, "--json", "--own", "Ben@client.example").rows
    (alias,) = run.done("judge", path, "--json", "--alias", "stop@us.example").rows
    assert (own["verdict"], alias["verdict"]) == ("outgoing", "opt_out")


def test_a_card_says_what_and_why(run: Commands) -> None:
    said = run.done("judge", run.file("one.eml", MAIL)).out
    for words in ("anna@client.example", "Unsubscribed", "take me off your list", "why"):
        assert words in said


def test_bad_input_is_named(run: Commands) -> None:
    assert "does not exist" in run("judge", "none.eml").err
    assert "row 1" in run("judge", "--jsonl", run.file("rows.jsonl", "nonsense\n")).err
    assert run("judge").code == 2


def test_an_artifact_trained_on_ones_own_rows_judges(run: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    words = {
        "Engaged": "who are you, and where is",
        "Interested": "yes, call me about",
        "Not Interested": "no thanks, we make our own",
        "Auto Response": "a ticket was opened for",
        "Out of Office": "on holiday without",
        "Unsubscribed": "unsubscribe me from",
    }
    things = ["bread", "garden tools", "the opera", "insurance", "school buses", "glass", "old maps", "fish"]
    rows = [
        {"id": f"{name}{n}", "language": "en", "subject": "", "text": f"{said} {thing}", "class": name}
        for name, said in words.items()
        for n, thing in enumerate(things)
    ]
    path = run.file("rows.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    said = run.done("train", path, "--base", "none", "--out", "ours.artifact", "--version", "ours").out
    assert "macro-F1" in said
    monkeypatch.setenv("INBOX_ARTIFACT", str(Path("ours.artifact").absolute()))
    (told,) = run.done("judge", run.file("one.eml", "Subject: x\n\nyes call me\n"), "--json").rows
    assert told["class"] == "Interested"
    assert run.done("artifacts", "card").out.startswith("# Reply classifier ours\n")


def test_the_card_of_a_file_that_is_no_artifact_is_refused(run: Commands) -> None:
    said = run("artifacts", "card", run.file("odd.artifact", "hello"))
    assert (said.code, "not a usable artifact" in said.err) == (1, True)


def test_a_survey_shows_what_repeats_itself(run: Commands) -> None:
    rows = [
        {"id": str(n), "language": "en", "subject": "", "text": text, "class": "Engaged"}
        for n, text in enumerate(["Who is this?", "who is this", "Please send the drawings"])
    ]
    path = run.file("rows.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    (seen,) = run.done("labels", "survey", path, "--json").rows
    assert (seen["file"], seen["rows"], seen["near_duplicates"]) == ("rows", 3, [["0", "1"]])
    assert run.done("labels", "survey", path).out.split("\t")[:2] == ["rows", "3"]


def test_without_files_the_survey_is_of_the_shipped_corpus(run: Commands) -> None:
    assert sum(seen["rows"] for seen in run.done("labels", "survey", "--json").rows) > 4_000


def test_a_bad_row_is_named_and_nothing_is_trained(run: Commands) -> None:
    bad = {"id": "1", "language": "en", "subject": "", "text": "x", "class": "Nope"}
    said = run("train", run.file("rows.jsonl", json.dumps(bad)), "--out", "ours.artifact")
    assert said.code == 1
    assert "row 1" in said.err
    assert not Path("ours.artifact").exists()


def test_only_workers_that_share_a_database_train_for_others(run: Commands) -> None:
    said = run("train", "--on-worker")
    assert (said.code, "only workers that share a PostgreSQL" in said.err) == (1, True)
    for words in (["--out", "ours.artifact"], [run.file("rows.jsonl", "")]):
        said = run("train", "--on-worker", *words)
        assert (said.code, "neither ROWS nor --out" in said.err) == (2, True)


@pytest.mark.parametrize("bad", [b"\xff\xfe", b'{"id": 1, "text": "\xe9"}', b"[" * 100_000])
def test_a_row_that_nobody_can_read_is_named_by_its_number(run: Commands, bad: bytes) -> None:
    path = run.folder / "rows.jsonl"
    path.write_bytes(b'{"id": 1, "text": "Yes please."}\n\n' + bad + b"\n")
    said = run("judge", "--jsonl", str(path), "--json")
    assert (said.code, f"{path}, row 3: " in said.err) == (1, True)


def test_a_row_may_be_a_bare_text_and_its_fields_about_mime_count_for_nothing(run: Commands) -> None:
    rows = [
        {"id": 1, "raw": "Please take me off your list."},
        {"id": 2, "text": "Please take me off your list.", "headers": {"Content-Type": "image/png", "X": ["1", "2"]}},
    ]
    path = run.file("rows.jsonl", "".join(f"{json.dumps(row)}\n" for row in rows))
    assert [row["verdict"] for row in run.done("judge", "--jsonl", path, "--json").rows] == ["opt_out", "opt_out"]


def test_files_of_rows_that_are_no_text_are_named(run: Commands) -> None:
    path = run.folder / "rows.jsonl"
    path.write_bytes(b"\xff\n")
    for words in (["train", "--out", "x.artifact"], ["labels", "survey"], ["labels", "doubtful"]):
        said = run(*words, str(path))
        assert (said.code, f"{path}: not UTF-8" in said.err) == (1, True)


def test_two_files_of_one_name_are_two_lines_of_a_survey(run: Commands) -> None:
    row = {"id": "1", "language": "en", "subject": "", "text": "Who is this?", "class": "Engaged"}
    (run.folder / "other").mkdir()
    paths = [run.file(name, json.dumps(row)) for name in ("rows.jsonl", "other/rows.jsonl")]
    assert [seen["file"] for seen in run.done("labels", "survey", *paths, "--json").rows] == ["rows", "rows"]


def test_since_is_about_labels_that_a_training_into_a_file_leaves_alone(run: Commands) -> None:
    said = run("train", "--out", "x.artifact", "--since", "2026-05-04")
    assert (said.code, "--since is about the labels in the database" in said.err) == (2, True)
