"""Reads files of labelled replies: each row checked by itself, then all of them against each other."""

from __future__ import annotations

import csv
import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from operator import attrgetter
from pathlib import Path
from typing import Any

from classifier.features import document, has_words, key
from classifier.verdict import ReplyClass
from worker.errors import InputError
from worker.spreadsheet import unguarded
from worker.writing.stored import storable

READ = ("class", "text", "subject", "language", "id", "hard", "note")
ONLY_WRITTEN = ("source", "by", "at", "machine", "sampled")
"""What an export says besides; an import does not believe it and leaves it out."""
ALIASES = {"label": "class"}
LONGEST = 100_000
LONGEST_LANGUAGE = 20
CSV, JSON_LINES = "csv", "jsonl"

_KNOWN = frozenset((*READ, *ONLY_WRITTEN))
_CLASSES = {each.casefold(): each for each in ReplyClass}
_HARD = {"": False, "false": False, "no": False, "0": False, "true": True, "yes": True, "1": True}
_DAMAGED = re.compile("[\udc80-\udcff]")
"""What Python makes of a byte that is not UTF-8; no sound UTF-8 gives these."""
_LETTER = re.compile("[A-Za-z]")
_MOST_QUOTED = 60
_NUMBER = attrgetter("number")

Found = Mapping[str, Any] | str
"""The fields of a row, or why it has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A row of a file in which nothing is wrong by itself."""

    number: int
    """The line of the file on which it begins."""
    label: ReplyClass
    subject: str
    text: str
    language: str
    hard: bool
    note: str
    key: str
    """Equal for rows that the classifier cannot tell apart; the same that `worker.learning.labels.text_key` gives."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a row."""

    number: int
    what: str


def format_of(path: Path) -> str:
    """Return what a file of this name holds: CSV, or else JSON lines."""
    return CSV if path.suffix.lower() == ".csv" else JSON_LINES


def read_labels(path: Path, form: str | None = None, called: str | None = None) -> Iterator[Row | Problem]:
    """Yield each row of a file, or what is wrong with it; rows are not compared with each other.

    Args:
        path: where it lies.
        form: CSV or JSON lines; None: as it is named.
        called: what a person calls it; None: its path.

    Raises:
        InputError: a CSV file has columns we do not know, lacks one that we need, or has a text without an end.
    """
    # One bad byte spoils its own row alone: it is let through here and found again there.
    is_csv = (form or format_of(path)) == CSV
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="" if is_csv else "\n") as lines:
        for number, found in _csv_rows(lines, called or str(path)) if is_csv else _json_rows(lines):
            yield _checked(number, found)


def sort_out(found: Iterable[Row | Problem]) -> tuple[list[Row], list[Problem]]:
    """Return the rows to import, one for each text, and every problem, those between two rows among them.

    A text said twice is taken once. Of a text that two rows call differently nothing is taken, for nobody here knows
    which of them is right.
    """
    same: dict[str, list[Row]] = {}
    problems: list[Problem] = []
    for each in found:
        if isinstance(each, Problem):
            problems.append(each)
        else:
            same.setdefault(each.key, []).append(each)
    rows: list[Row] = []
    for group in same.values():
        of_class: dict[ReplyClass, Row] = {}
        for row in group:
            of_class.setdefault(row.label, row)
        if len(of_class) == 1:
            rows.append(group[0])
            problems += (Problem(row.number, f"duplicate: row {group[0].number} says the same") for row in group[1:])
        else:
            problems += _conflicts(group, list(of_class.values()))
    return sorted(rows, key=_NUMBER), sorted(problems, key=_NUMBER)


def _json_rows(lines: Iterable[str]) -> Iterator[tuple[int, Found]]:
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield number, _damage(line) or _object(line)


def _object(line: str) -> Found:
    try:
        value = json.loads(line)
    except RecursionError:
        return "not JSON (nested too deeply)"
    except ValueError as error:
        return f"not JSON ({error})"
    if not isinstance(value, dict):
        return "no JSON object"
    if twice := [name for name in ALIASES if name in value and ALIASES[name] in value]:
        return f"{twice[0]!r} is another name of {ALIASES[twice[0]]!r}; keep one of them"
    return {_name(name): each for name, each in value.items()}


def _csv_rows(lines: Iterator[str], file: str) -> Iterator[tuple[int, Found]]:
    first = next(lines, "")
    # Spreadsheets of many countries write semicolons. Strict, for a quotation mark that nobody closed would make one
    # text of all the rows below it.
    table = csv.reader(chain([first], lines), delimiter=";" if ";" in first else ",", strict=True)
    with _cells_of_any_length():
        columns = _header(table, file)
        while True:
            number = table.line_num + 1
            try:
                cells = [unguarded(cell) for cell in next(table)]
            except StopIteration:
                return
            except csv.Error as error:
                if "unexpected end" in str(error):
                    # The rows below are gone into one text, so that nobody could say which of them are good.
                    raise InputError(
                        f"{file}, row {number}: a quotation mark is opened here and never closed, down to row"
                        f" {table.line_num}; nothing is imported"
                    ) from error
                yield number, f"not CSV ({error}); see its quotation marks"
                continue
            if cells:
                yield number, _damage("".join(cells)) or _named(columns, cells)


def _header(table: Iterator[list[str]], file: str) -> list[str]:
    try:
        header = next(table, [])
    except csv.Error as error:
        raise InputError(f"{file}, row 1: not CSV ({error}); the first row names the columns") from error
    if damage := _damage("".join(header)):
        raise InputError(f"{file}, row 1: {damage}")
    columns = [_name(name.strip().lower()) for name in header]
    if unknown := [name for name in columns if name not in _KNOWN]:
        raise InputError(f"{file}: unknown column {_quoted(unknown[0])}; known are {', '.join(READ)}")
    if twice := [name for name in columns if columns.count(name) > 1]:
        raise InputError(f"{file}: the column {twice[0]!r} stands there twice; keep one of them")
    if missing := [name for name in ("class", "text") if columns and name not in columns]:
        raise InputError(f"{file}: no column {missing[0]!r}; class and text are needed")
    return columns


def _name(given: str) -> str:
    return ALIASES.get(given, given)


def _named(columns: Sequence[str], cells: Sequence[str]) -> Found:
    if len(cells) != len(columns):
        return f"{len(cells)} cells where the header has {len(columns)} columns"
    row: dict[str, Any] = dict(zip(columns, cells, strict=True))
    if "hard" in row:
        row["hard"] = _HARD.get(row["hard"].strip().lower(), row["hard"])
    return row


@contextmanager
def _cells_of_any_length() -> Iterator[None]:
    """Let the CSV reader hand on what is too long, so that its row can be named and the rows after it read."""
    before = csv.field_size_limit(sys.maxsize)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _checked(number: int, found: Found) -> Row | Problem:
    if isinstance(found, str):
        return Problem(number, found)
    try:
        return _row(number, found)
    except InputError as error:
        return Problem(number, str(error))


def _row(number: int, found: Mapping[str, Any]) -> Row:
    unknown = next((name for name in found if name not in _KNOWN), None)
    if unknown is not None:
        raise InputError(f"unknown field {_quoted(unknown)}; known are {', '.join(READ)}")
    if not isinstance(found.get("id"), str | int | None):
        raise InputError(f"id must be a text or a number, not {_quoted(found['id'])}")
    hard = found.get("hard")
    if not isinstance(hard, bool | None):
        raise InputError(f"hard must be true or false, not {_quoted(hard)}")
    label = _class(_text(found, "class", needed=True))
    subject, text = _text(found, "subject"), _text(found, "text", needed=True)
    language = _text(found, "language").strip().lower()
    if len(language) > LONGEST_LANGUAGE:
        raise InputError(f"language is longer than {LONGEST_LANGUAGE} characters; write two letters, as in en")
    # A plain letter stays a word in every normal form, which need not be computed to see it.
    if not _LETTER.search(text, 0, 1_000) and not has_words(document(subject, text)):
        raise InputError("empty: there are no words in text, nor in a subject of the sender's own")
    return Row(
        number=number,
        label=label,
        subject=subject,
        text=text,
        language=language,
        hard=hard is True,
        note=_text(found, "note"),
        key=key(document(subject, text)),
    )


def _class(said: str) -> ReplyClass:
    found = _CLASSES.get(" ".join(said.split()).casefold())
    if found is None:
        what = f"the class {_quoted(said)} is none of" if said.strip() else "class is missing; it is one of"
        raise InputError(f"{what} {', '.join(ReplyClass)}")
    return found


def _text(found: Mapping[str, Any], name: str, *, needed: bool = False) -> str:
    value = found.get(name)
    if value is None and not needed:
        return ""
    if name not in found:
        raise InputError(f"{name} is missing")
    if not isinstance(value, str):
        raise InputError(f"{name} must be a text, not {_quoted(value)}")
    if len(value) > LONGEST:
        raise InputError(f"{name} is longer than {LONGEST:,} characters")
    if "\0" in value:
        raise InputError(f"{name} holds a NUL byte")
    return str(storable(value))


def _damage(raw: str) -> str | None:
    """Say what no text may hold."""
    if not raw.isascii() and _DAMAGED.search(raw):
        return "holds bytes that are not UTF-8; save the file as UTF-8"
    return "holds a NUL byte" if "\0" in raw else None


def _quoted(value: object) -> str:
    """Return a stranger's value as a message can show it."""
    shown = repr(value)
    return shown if len(shown) <= _MOST_QUOTED else f"{shown[:_MOST_QUOTED]}..."


def _conflicts(group: Iterable[Row], one_of_each: Sequence[Row]) -> Iterator[Problem]:
    first, second = one_of_each[:2]
    for row in group:
        other = second if row.label is first.label else first
        yield Problem(
            row.number, f"conflict: row {other.number} calls the same text {other.label.value}; keep one of them"
        )
