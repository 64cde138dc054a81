"""Labelled replies at the terminal: import, export, and correcting one."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from classifier.labelled import read_rows
from classifier.verdict import ReplyClass
from models.session import transaction
from models.tables.learning import Label
from models.tables.mailing import Recipient
from tests.worker.commanding import ANNA, BOX, Commands, reply
from worker.cli import common
from worker.cli import labels as commands
from worker.learning import label_export

ROOT = Path(__file__).parent.parent.parent
AWKWARD = (
    "Yes, please, tell me; more",
    'He said "no", and I say "no" too',
    "first line\nsecond line\n\nlast line",
    "with\r\ncarriage\rreturns",
    "tab\tand bell\x07 and escape \x1b[31m",
    "Danke 😀 für Ihr Angebot … später",
    "line\u2028separator \x85 next \x0b\x0c\x1c",
    "=1+1",
    "  blanks around  ",
    "\\n no line end, 'single'",
    '"a',
    "null words",
)


def jsonl(*rows: dict[str, Any]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def said(text: str, label: str = "Interested", **more: Any) -> dict[str, Any]:
    return {"class": label, "text": text, **more}


def exported(run: Commands, *words: str) -> list[dict[str, Any]]:
    return run.done("labels", "export", *words).rows


def by_text(rows: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(row["text"], row["class"]) for row in rows]


def another(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Commands:
    """The command line over a second, empty database."""
    folder.mkdir()
    commands = Commands(folder)
    monkeypatch.setenv("INBOX_DATABASE_URL", commands.url)
    return commands


def test_labels_are_imported_and_exported(run: Commands) -> None:
    row = said("Tell me more", subject="Offer", language="en", hard=True, note="curt", id="a-1")
    done = run.done("labels", "import", run.file("a.jsonl", jsonl(row, said("Stop", "unsubscribed"))))
    assert done.out == "labels: 2 imported, 0 bad; `inbox-worker labels export` shows them\n"
    first, second = exported(run)
    assert {name: first[name] for name in row if name != "id"} == {name: row[name] for name in row if name != "id"}
    assert list(first) == [
        "id", "language", "subject", "text", "class", "hard", "note", "source", "by", "at", "machine", "sampled",
    ]  # fmt: skip
    assert (first["source"], first["by"], first["machine"], first["sampled"]) == ("import", "petra", None, False)
    assert abs(datetime.now(UTC) - datetime.fromisoformat(first["at"])).total_seconds() < 600
    assert (second["class"], second["hard"]) == ("Unsubscribed", False)


def test_a_bad_row_is_named_and_nothing_is_imported(run: Commands) -> None:
    file = run.file("a.jsonl", jsonl(said("Tell me more"), said("Stop", "Angry"), said("")))
    done = run("labels", "import", file)
    assert done.code == 1
    bad = done.err.splitlines()
    assert bad[0].startswith(f"{file}, row 2: the class 'Angry' is none of Engaged, Interested")
    assert bad[1].startswith(f"{file}, row 3: empty")
    assert len(bad) == 2
    assert done.out.startswith("labels: 0 imported, 2 bad; mend the bad rows")
    assert run.count(Label) == 0


def test_with_skip_bad_the_good_rows_are_imported_and_the_bad_ones_named(run: Commands) -> None:
    file = run.file("a.jsonl", jsonl(said("Tell me more"), said("Stop", "Angry")))
    done = run.done("labels", "import", file, "--skip-bad")
    assert "row 2: the class 'Angry'" in done.err
    assert done.out.startswith("labels: 1 imported, 1 bad; mend the bad rows")
    assert by_text(exported(run)) == [("Tell me more", "Interested")]


def test_for_machines_every_bad_row_is_an_object_and_the_counts_come_last(run: Commands) -> None:
    file = run.file("a.jsonl", jsonl(said("Tell me more"), said("")) + "nonsense\n")
    done = run("labels", "import", file, "--json")
    assert (done.code, done.err) == (1, "")
    *bad, last = done.rows
    assert [row["row"] for row in bad] == [2, 3]
    assert bad[1]["problem"].startswith("not JSON")
    assert last == {"imported": 0, "bad": 2}
    assert run.done("labels", "import", file, "--json", "--skip-bad").rows[-1] == {"imported": 1, "bad": 2}


def test_importing_a_file_again_says_that_every_row_is_there(run: Commands) -> None:
    file = run.file("a.jsonl", jsonl(said("Tell me more"), said("Stop", "Unsubscribed")))
    run.done("labels", "import", file)
    ids = [row["id"] for row in exported(run)]
    again = run("labels", "import", file, "--json")
    assert again.code == 1
    assert again.rows == [
        {"row": 1, "problem": f"duplicate: label {ids[0]} says the same already"},
        {"row": 2, "problem": f"duplicate: label {ids[1]} says the same already"},
        {"imported": 0, "bad": 2},
    ]
    assert run.done("labels", "import", file, "--json", "--skip-bad").rows[-1] == {"imported": 0, "bad": 2}
    assert run.count(Label) == 2


def test_what_contradicts_a_stored_label_is_told_how_to_change_it_and_that_works(run: Commands) -> None:
    run.done("labels", "import", run.file("a.jsonl", jsonl(said("Tell me more"))))
    (row,) = exported(run)
    done = run("labels", "import", run.file("b.jsonl", jsonl(said("tell me more", "not interested"))))
    assert done.code == 1
    assert f"row 1: conflict: stored as Interested (label {row['id']}), here Not Interested" in done.err
    assert f'inbox-worker labels set {row["id"]} "Not Interested"' in done.err
    run.done("labels", "set", row["id"], "Not Interested")
    assert by_text(exported(run)) == [("Tell me more", "Not Interested")]


def test_a_stranger_s_text_does_nothing_to_the_terminal(run: Commands) -> None:
    done = run("labels", "import", run.file("a.jsonl", jsonl({"class": "Engaged", "text": "a", "\x1b[31m\n": 1})))
    assert "\x1b" not in done.err
    assert len(done.err.splitlines()) == 1
    assert commands._harmless("a \x1b[31m\x9b, b\n") == "a  [31m , b\n"  # noqa: SLF001 - there is no terminal here


@pytest.mark.parametrize(
    ("name", "content"), [("a.jsonl", ""), ("a.jsonl", "\n\n"), ("a.csv", ""), ("a.csv", "class,text\n")]
)
def test_a_file_without_rows_is_a_mistake(run: Commands, name: str, content: str) -> None:
    done = run("labels", "import", run.file(name, content))
    assert done.code == 1
    assert "holds no labelled reply" in done.err


def test_an_unknown_column_is_told_once_for_the_whole_file(run: Commands) -> None:
    done = run("labels", "import", run.file("a.csv", "class,text,tone\n" + "Engaged,hello,x\n" * 9), "--skip-bad")
    assert done.code == 1
    assert "unknown column 'tone'; known are class, text" in done.err
    assert len(done.err.splitlines()) == 1


def test_an_unknown_team_is_not_made(run: Commands) -> None:
    done = run("labels", "import", run.file("a.jsonl", jsonl(said("hello"))), "--team", "nrth")
    assert done.code == 1
    assert "no team 'nrth'" in done.err


def test_each_team_has_labels_of_its_own(run: Commands) -> None:
    run.add_mailbox(BOX, "--team", "north")
    file = run.file("a.jsonl", jsonl(said("hello")))
    run.done("labels", "import", file, "--team", "north")
    run.done("labels", "import", file)
    (north,), (ours,) = exported(run, "--team", "north"), exported(run)
    assert north["id"] != ours["id"]
    assert run("labels", "drop", north["id"]).code == 1
    assert run("labels", "set", north["id"], "Engaged").code == 1
    assert exported(run, "--team", "north") == [north]


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_what_is_exported_can_be_imported_and_is_exported_the_same(
    run: Commands, form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    classes = [each.value for each in ReplyClass]
    rows = [
        said(text, classes[number % 6], subject=f'About "{number}", again;\n{text}', note=text, hard=number % 2 == 0)
        for number, text in enumerate(AWKWARD)
    ]
    run.done("labels", "import", run.file("a.jsonl", jsonl(*rows)))
    first = exported(run)
    assert by_text(first) == by_text(rows)
    out = str(tmp_path / f"out.{form}")
    assert run.done("labels", "export", "--out", out).out == ""
    other = another(tmp_path / "other", monkeypatch)
    other.done("labels", "import", out)
    kept = ("language", "subject", "text", "class", "hard", "note")
    assert [[row[name] for name in kept] for row in exported(other)] == [[row[name] for name in kept] for row in first]


def test_exported_json_lines_are_read_by_training(run: Commands, tmp_path: Path) -> None:
    run.done("labels", "import", run.file("a.jsonl", jsonl(*map(said, AWKWARD))))
    out = tmp_path / "out.jsonl"
    run.done("labels", "export", "--out", str(out))
    rows = read_rows(out)
    assert [(row.text, row.label) for row in rows] == [(text, ReplyClass.INTERESTED) for text in AWKWARD]
    assert [row.id for row in rows] == [row["id"] for row in exported(run)]


def test_the_format_follows_the_name_of_the_file_unless_it_is_said(run: Commands, tmp_path: Path) -> None:
    run.done("labels", "import", run.file("a.jsonl", jsonl(said("one, two"))))
    as_csv = run.done("labels", "export", "--format", "csv").out
    (row,) = csv.DictReader(StringIO(as_csv))
    assert (row["text"], row["hard"], row["machine"], row["source"]) == ("one, two", "false", "", "import")
    run.done("labels", "export", "--out", str(tmp_path / "x.csv"))
    assert (tmp_path / "x.csv").read_text() == as_csv
    run.done("labels", "export", "--out", str(tmp_path / "y.csv"), "--format", "jsonl")
    assert json.loads((tmp_path / "y.csv").read_text())["text"] == "one, two"


def test_an_export_is_narrowed_to_what_was_said_since_a_day(run: Commands) -> None:
    run.done("labels", "import", run.file("a.jsonl", jsonl(said("old"), said("new"))))
    old, new = exported(run)
    with run.database() as engine, transaction(engine) as session:
        for row, day in ((old, datetime(2026, 5, 3, 23, 59, tzinfo=UTC)), (new, datetime(2026, 5, 4, tzinfo=UTC))):
            session.execute(update(Label).where(Label.id == int(row["id"])).values(recorded_at=day))
    assert [row["text"] for row in exported(run, "--since", "2026-05-04")] == ["new"]
    assert exported(run, "--since", "2026-05-05") == []


def test_an_export_that_fails_leaves_the_old_file(
    run: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run.done("labels", "import", run.file("a.jsonl", jsonl(said("one"), said("two"))))
    out = tmp_path / "out" / "labels.jsonl"
    out.parent.mkdir()
    out.write_text("old")

    def full(*_: object) -> Iterator[str]:
        yield "half"
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(label_export, "export_labels", full)
    done = run("labels", "export", "--out", str(out))
    assert done.code == 1
    assert "No space left on device" in done.err
    assert [each.name for each in out.parent.iterdir()] == ["labels.jsonl"]
    assert out.read_text() == "old"


def test_setting_a_label_changes_what_is_learnt_from_and_no_status(run: Commands) -> None:
    run.add_mailbox()
    run.receive(reply(ReplyClass.INTERESTED), ANNA, run.send(ANNA))
    run.done("recipients", "set-status", ANNA, "Interested")
    run.done("labels", "import", run.file("a.jsonl", jsonl(said("Another text", note="as it was"))))
    ids = {row["text"]: row["id"] for row in exported(run)}
    for label in ids.values():
        assert run.done("labels", "set", label, "unsubscribed").out == f"label {label}: Unsubscribed\n"
    assert {row["class"] for row in exported(run)} == {"Unsubscribed"}
    assert {row["note"] for row in exported(run) if row["text"] == "Another text"} == {"as it was"}
    run.done("labels", "set", ids["Another text"], "Engaged", "--why", "read again")
    assert {row["note"] for row in exported(run) if row["text"] == "Another text"} == {"read again"}
    assert run.done("recipients", "list", "--json").rows[0]["status"] == "Interested"
    for label in ids.values():
        assert run.done("labels", "drop", label).out == f"label {label} is forgotten\n"
    assert exported(run) == []
    assert run.done("recipients", "list", "--json").rows[0]["status"] == "Interested"
    assert run.count(Recipient) == 1


@pytest.mark.parametrize("words", [("set", "7", "Engaged"), ("drop", "7"), ("drop", str(2**63 - 1))])
def test_a_label_that_is_not_there_is_named(run: Commands, words: tuple[str, ...]) -> None:
    done = run("labels", *words)
    assert done.code == 1
    assert f"no label {words[1]} in this team" in done.err


@pytest.mark.parametrize("words", [("set", "7", "Bounced"), ("set", "x", "Engaged"), ("drop", str(2**63))])
def test_what_can_be_no_label_is_wrong_usage(run: Commands, words: tuple[str, ...]) -> None:
    assert run("labels", *words).code == 2


@pytest.mark.parametrize("command", ["set", "drop"])
def test_the_help_says_that_no_status_changes(run: Commands, command: str) -> None:
    told = " ".join(run.done("labels", command, "--help").out.split())
    assert "It changes only what is learnt from, never a recipient's status" in told


def test_the_team_option_is_that_of_the_other_commands() -> None:
    @commands.team_option
    def ours() -> None: ...

    @common.team_option
    def theirs() -> None: ...

    (mine,), (other,) = ours.__click_params__, theirs.__click_params__  # type: ignore[attr-defined]
    assert mine.to_info_dict() == other.to_info_dict()


def test_help_loads_no_heavy_library() -> None:
    code = "import sys; from worker.cli import cli; cli.main(['labels', 'import', '--help'], standalone_mode=False)"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}; print(*sys.modules)"], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert not set(done.stdout.split()) & {"sqlalchemy", "numpy", "sklearn", "pydantic"}


def word(number: int) -> str:
    """A number in letters, since the classifier cannot tell numbers apart."""
    return "".join("abcdefghij"[int(digit)] for digit in str(number))


def good(number: int) -> bytes:
    return (json.dumps(said(f"Please tell me more about {word(number)}", id=number)) + "\n").encode()


def stored(number: int) -> dict[str, Any]:
    return said(f"Stored before as {word(number)}")


BAD: tuple[tuple[Callable[[int], bytes], str], ...] = (
    (lambda n: good(n).replace(b"Interested", b"Angry"), "the class 'Angry' is none of"),
    (lambda n: good(n).replace(b"Please tell me more about " + word(n).encode(), b" -- "), "empty"),
    (lambda n: good(n - 1), "duplicate: row "),
    (lambda n: jsonl(stored(n)).encode(), "duplicate: label "),
    (lambda n: jsonl(stored(n) | {"class": "Engaged"}).encode(), "conflict: stored as Interested (label "),
    (lambda n: b"nonsense %d\n" % n, "not JSON"),
    (lambda n: b"[%d]\n" % n, "no JSON object"),
    (lambda n: jsonl(said("x", id=n) | {"text": n}).encode(), "text must be a text"),
    (lambda n: jsonl(said(word(n) + " x" * 50_001)).encode(), "text is longer than 100,000"),
    (lambda n: good(n).replace(b"more", b"m\xf6re"), "not UTF-8"),
    (lambda n: good(n).replace(b"more", b"m\\u0000re"), "NUL"),
    (lambda n: good(n).replace(b'"id"', b'"number"'), "unknown field 'number'"),
)


def test_in_a_hundred_thousand_rows_every_bad_one_is_named_and_the_good_ones_are_imported(run: Commands) -> None:
    places = range(1_000, 100_000, 1_000)
    run.done("labels", "import", run.file("stored.jsonl", jsonl(*map(stored, places))))
    lines = [good(number) for number in range(1, 100_001)]
    expected: dict[int, str] = {}
    for place in places:
        kind, expected[place] = BAD[place // 1_000 % len(BAD)]
        lines[place - 1] = kind(place)
    for left, right in ((10, 99_990), (500, 501)):
        lines[right - 1] = good(left).replace(b"Interested", b"Engaged")
        expected[left] = f"conflict: row {right} calls the same text Engaged"
        expected[right] = f"conflict: row {left} calls the same text Interested"
    file = run.folder / "large.jsonl"
    file.write_bytes(b"".join(lines))

    refused = run("labels", "import", str(file))
    assert refused.code == 1
    named = [line for line in refused.err.splitlines() if not line.startswith("reading ")]
    assert [line.split(":")[0] for line in named] == [f"{file}, row {number}" for number in sorted(expected)]
    for line, number in zip(named, sorted(expected), strict=True):
        assert expected[number] in line
    assert refused.out.startswith(f"labels: 0 imported, {len(expected)} bad; ")
    assert f"reading {file}: 50000 of 100000 rows" in refused.err
    assert run.count(Label) == len(places)

    *bad, last = run.done("labels", "import", str(file), "--skip-bad", "--json").rows
    assert [row["row"] for row in bad] == sorted(expected)
    assert last == {"imported": 100_000 - len(expected), "bad": len(expected)}
    assert run.count(Label) == 100_000 - len(expected) + len(places)


def size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


@pytest.mark.parametrize("written", [0, 300_000, 4_000_000])
def test_killed_in_the_middle_of_an_import_nothing_or_everything_is_there(run: Commands, written: int) -> None:
    file = run.folder / "rows.jsonl"
    file.write_bytes(b"".join(good(number) for number in range(20_000)))
    assert exported(run) == []
    # What a transaction of SQLite writes goes to this file first, before it is committed too.
    log = Path(f"{run.folder}/inbox.sqlite-wal")
    words = [sys.executable, "-m", "worker", "labels", "import", str(file)]
    process = subprocess.Popen(
        words, cwd=ROOT, env=dict(os.environ), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr
    process.stderr.readline()  # It has begun to read.
    while written and process.poll() is None and size(log) < written:
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL, "it was over before it could be killed"
    process.stderr.close()
    there = run.count(Label)
    assert there in {0, 20_000}
    again = run("labels", "import", str(file), "--json")
    assert again.rows[-1] == {"imported": 20_000 - there, "bad": there}
    assert run.count(Label) == 20_000
