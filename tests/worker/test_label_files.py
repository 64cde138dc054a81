"""Files of labelled replies are read row by row: every bad row is named with its number, all the others are kept."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from classifier.verdict import ReplyClass
from worker.errors import InputError
from worker.learning.label_files import Problem, Row, format_of, read_labels, sort_out
from worker.learning.labels import text_key

GOOD = {"class": "Interested", "text": "Tell me more"}


def written(folder: Path, content: str | bytes, name: str = "rows.jsonl") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def jsonl(*rows: dict[str, Any]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def read(folder: Path, content: str | bytes, name: str = "rows.jsonl") -> list[Row | Problem]:
    return list(read_labels(written(folder, content, name)))


def only_row(found: Sequence[Row | Problem]) -> Row:
    (row,) = found
    assert isinstance(row, Row), row
    return row


def problems(found: Sequence[Row | Problem]) -> list[tuple[int, str]]:
    return [(each.number, each.what) for each in sort_out(found)[1]]


def test_a_json_line_is_read_with_everything_it_says(tmp_path: Path) -> None:
    row = GOOD | {"subject": "Your offer", "language": " EN ", "id": 7, "hard": True, "note": "polite"}
    assert only_row(read(tmp_path, jsonl(row))) == Row(
        number=1, label=ReplyClass.INTERESTED, subject="Your offer", text="Tell me more", language="en", hard=True,
        note="polite", key=text_key("Your offer", "Tell me more"),
    )  # fmt: skip


def test_class_and_text_are_enough(tmp_path: Path) -> None:
    row = only_row(read(tmp_path, jsonl(GOOD)))
    assert (row.subject, row.language, row.hard, row.note) == ("", "", False, "")


@pytest.mark.parametrize("said", ["out of office", " OUT OF OFFICE ", "Out  of Office"])
@pytest.mark.parametrize("field", ["class", "label"])
def test_a_class_is_known_in_any_case_and_by_both_names(tmp_path: Path, field: str, said: str) -> None:
    assert only_row(read(tmp_path, jsonl({field: said, "text": "away"}))).label is ReplyClass.OUT_OF_OFFICE
    assert only_row(read(tmp_path, f'{field},text\n"{said}",away\n', "a.csv")).label is ReplyClass.OUT_OF_OFFICE


def test_what_an_export_says_besides_is_left_out(tmp_path: Path) -> None:
    besides = {"source": "review", "by": None, "at": "2026", "machine": None, "sampled": True}
    assert only_row(read(tmp_path, jsonl(GOOD | besides))) == only_row(read(tmp_path, jsonl(GOOD)))


def test_empty_lines_are_left_out_and_counted(tmp_path: Path) -> None:
    (row,) = read(tmp_path, "\n  \r\n" + jsonl(GOOD))
    assert row.number == 3


def test_a_byte_order_mark_is_no_part_of_the_first_row(tmp_path: Path) -> None:
    assert only_row(read(tmp_path, "\ufeff" + jsonl(GOOD))).text == "Tell me more"
    assert only_row(read(tmp_path, "\ufeffclass,text\nEngaged,hello\n", "a.csv")).text == "hello"


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("nonsense", "not JSON ("),
        ("[" * 100_000, "not JSON (nested too deeply)"),
        ('["Engaged", "hello"]', "no JSON object"),
        (jsonl({"text": "hello"}), "class is missing"),
        (jsonl(GOOD | {"class": "  "}), "class is missing; it is one of Engaged, Interested"),
        (jsonl(GOOD | {"class": "Angry"}), "the class 'Angry' is none of Engaged, Interested, Not Interested"),
        (jsonl(GOOD | {"class": "Bounced"}), "the class 'Bounced' is none of"),
        (jsonl(GOOD | {"class": None}), "class must be a text, not None"),
        (jsonl({"class": "Engaged"}), "text is missing"),
        (jsonl(GOOD | {"text": 5}), "text must be a text, not 5"),
        (jsonl(GOOD | {"text": None}), "text must be a text, not None"),
        (jsonl(GOOD | {"text": " \n ... \n"}), "empty: there are no words"),
        (jsonl(GOOD | {"text": "", "subject": "Re:"}), "empty: there are no words"),
        (jsonl(GOOD | {"text": "x" * 100_001}), "text is longer than 100,000 characters"),
        (jsonl(GOOD | {"subject": "x" * 100_001}), "subject is longer than 100,000 characters"),
        (jsonl(GOOD | {"language": "e" * 21}), "language is longer than 20 characters"),
        (jsonl(GOOD | {"text": "a\0b"}), "text holds a NUL byte"),
        ('{"class": "Engaged", "text": "a\0b"}', "holds a NUL byte"),
        (jsonl(GOOD | {"hard": "perhaps"}), "hard must be true or false, not 'perhaps'"),
        (jsonl(GOOD | {"id": ["a"]}), "id must be a text or a number"),
        (jsonl(GOOD | {"subject": {}}), "subject must be a text, not {}"),
        (jsonl(GOOD | {"tekst": "hello"}), "unknown field 'tekst'; known are class, text, subject"),
        (jsonl(GOOD | {"label": "Engaged"}), "'label' is another name of 'class'"),
    ],
)
def test_a_bad_json_line_is_named_and_the_others_are_read(tmp_path: Path, line: str, problem: str) -> None:
    first, bad, last = read(tmp_path, jsonl(GOOD) + line.strip("\n") + "\n" + jsonl(GOOD))
    assert isinstance(first, Row)
    assert isinstance(last, Row)
    assert isinstance(bad, Problem)
    assert bad.number == 2
    assert problem in bad.what
    assert len(bad.what) < 300


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        (b"Engaged,hi,perhaps", "hard must be true or false, not 'perhaps'"),
        (b",hello,", "class is missing"),
        (b",,", "class is missing"),
        (b"Engaged,,", "empty: there are no words"),
        (b"Engaged,hello", "2 cells where the header has 3 columns"),
        (b"Engaged,hello, there,", "4 cells where the header has 3 columns"),
        (b"Engaged,caf\xe9,", "holds bytes that are not UTF-8"),
        (b"Engaged,a\0b,", "holds a NUL byte"),
        (b"Engaged," + b"x" * 200_000 + b",", "text is longer than 100,000 characters"),
        (b'Engaged,"hel"lo,', "not CSV ("),
    ],
)
def test_a_bad_csv_row_is_named_and_the_others_are_read(tmp_path: Path, row: bytes, problem: str) -> None:
    content = b'class,text,hard\nEngaged,"two\nlines",yes\n' + row + b"\nInterested,good,no\n"
    first, bad, last = read(tmp_path, content, "a.csv")
    assert isinstance(first, Row)
    assert (first.number, first.text, first.hard) == (2, "two\nlines", True)
    assert isinstance(last, Row)
    assert (last.number, last.hard) == (5, False)
    assert isinstance(bad, Problem)
    assert bad.number == 4, "the line on which it begins"
    assert problem in bad.what


def test_an_empty_csv_row_is_left_out_and_counted(tmp_path: Path) -> None:
    first, last = read(tmp_path, "class,text\nEngaged,hello\n\nEngaged,\n", "rows.csv")
    assert (first.number, last.number) == (2, 4)
    assert isinstance(last, Problem)


def test_bytes_that_are_no_utf8_spoil_only_their_own_json_line(tmp_path: Path) -> None:
    bad = b'{"class": "Engaged", "text": "caf\xe9"}\n'
    first, second, third = read(tmp_path, jsonl(GOOD).encode() + bad + jsonl(GOOD).encode())
    assert isinstance(first, Row)
    assert isinstance(third, Row)
    assert second == Problem(2, "holds bytes that are not UTF-8; save the file as UTF-8")


def test_half_a_surrogate_is_kept_as_what_a_database_can_hold(tmp_path: Path) -> None:
    row = only_row(read(tmp_path, '{"class": "Engaged", "text": "hello \\ud83d"}\n'))
    assert row.text == "hello ?"
    assert row.key == text_key("", "hello ?")


def test_a_quotation_mark_that_nobody_closed_makes_no_text_of_the_rows_below(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"row 2: a quotation mark is opened here and never closed, down to row 3"):
        read(tmp_path, 'class,text\nEngaged,"hello\nInterested,good\n', "a.csv")


def test_semicolons_separate_where_the_header_says_so(tmp_path: Path) -> None:
    content = 'Text; Class;subject\r\n"hello; there, you";Engaged;A, B\r\n'
    row = only_row(read(tmp_path, content, "A.CSV"))
    assert (row.text, row.subject, row.label) == ("hello; there, you", "A, B", ReplyClass.ENGAGED)


@pytest.mark.parametrize(
    ("header", "problem"),
    [
        ("class,text,tone", "unknown column 'tone'; known are class, text, subject, language, id, hard, note"),
        ("class,text,", "unknown column ''"),
        ("class,subject", "no column 'text'"),
        ("text", "no column 'class'"),
        ("class,text,label", "the column 'class' stands there twice"),
        ('class,"text', "the first row names the columns"),
    ],
)
def test_a_mistake_of_the_header_is_told_once(tmp_path: Path, header: str, problem: str) -> None:
    with pytest.raises(InputError) as error:
        read(tmp_path, f"{header}\nEngaged,hello,x\n" * 3, "a.csv")
    assert problem in str(error.value)
    assert "a.csv" in str(error.value)


def test_a_file_in_another_encoding_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not UTF-8"):
        read(tmp_path, "class,text\nEngaged,hello\n".encode("utf-16"), "a.csv")


def test_a_text_said_twice_is_taken_once(tmp_path: Path) -> None:
    found = read(tmp_path, jsonl(GOOD, {"class": "Engaged", "text": "hi"}, GOOD | {"text": "tell me  MORE"}, GOOD))
    rows, bad = sort_out(found)
    assert [row.number for row in rows] == [1, 2]
    assert bad == [Problem(3, "duplicate: row 1 says the same"), Problem(4, "duplicate: row 1 says the same")]


def test_of_a_text_called_differently_nothing_is_taken_and_every_row_is_named(tmp_path: Path) -> None:
    other = GOOD | {"class": "Engaged"}
    rows, bad = sort_out(read(tmp_path, jsonl(GOOD, {"class": "Engaged", "text": "hi"}, other, GOOD)))
    assert [row.number for row in rows] == [2]
    assert bad == [
        Problem(1, "conflict: row 3 calls the same text Engaged; keep one of them"),
        Problem(3, "conflict: row 1 calls the same text Interested; keep one of them"),
        Problem(4, "conflict: row 3 calls the same text Engaged; keep one of them"),
    ]


def test_rows_and_problems_come_in_the_order_of_the_file(tmp_path: Path) -> None:
    found = read(tmp_path, jsonl(GOOD, GOOD, {"text": "a"}, GOOD | {"text": "b"}))
    assert [number for number, _ in problems(found)] == [2, 3]
    assert [row.number for row in sort_out(found)[0]] == [1, 4]


@pytest.mark.parametrize(("name", "form"), [("a.csv", "csv"), ("a.CSV", "csv"), ("a.jsonl", "jsonl"), ("a", "jsonl")])
def test_the_name_of_a_file_says_what_it_holds(name: str, form: str) -> None:
    assert format_of(Path(name)) == form


def test_to_read_a_file_no_database_library_is_loaded() -> None:
    code = "import sys, worker.learning.label_files; assert 'sqlalchemy' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2], check=True)
