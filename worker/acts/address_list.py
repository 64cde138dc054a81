"""Reads a file that lists addresses or domains, row by row: one a line, or CSV with a header."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TextIO

from worker.errors import InputError

NOTE = ("reason", "note")


@dataclass(frozen=True, slots=True)
class Listed:
    """One row: the number of its line, what it names, and the note beside it."""

    number: int
    value: str
    note: str | None = None


def read_list(path: Path, names: Sequence[str], called: str = "") -> Iterator[Listed]:
    """Yield the rows of a file without reading it whole.

    In a plain list empty lines and lines that begin with # are left out. A CSV file has commas or semicolons; its
    columns reason and note become the note.

    Args:
        path: a text file in UTF-8.
        names: columns of a CSV file that may hold the value, the first that is filled counts; a file whose first
            line names none of them is a plain list.
        called: what people call the file, where that is not its path.

    Raises:
        InputError: the file cannot be read as such.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            yield from _rows(lines, names)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{called or path} cannot be read: {error}") from error


def _rows(lines: TextIO, names: Sequence[str]) -> Iterator[Listed]:
    first = lines.readline()
    # Spreadsheets of many countries write semicolons.
    delimiter = ";" if ";" in first else ","
    header = [cell.strip().lower() for cell in next(csv.reader([first], delimiter=delimiter), [])]
    columns = [header.index(name) for name in names if name in header]
    if not columns:
        for number, line in enumerate(chain([first], lines), 1):
            if line.strip() and line[0] != "#":
                yield Listed(number, line.strip())
        return
    notes = [header.index(name) for name in NOTE if name in header]
    table = csv.reader(lines, delimiter=delimiter)
    for cells in table:
        if cells:
            note = ": ".join(_filled(cells, notes))
            yield Listed(table.line_num + 1, next(_filled(cells, columns), ""), note or None)


def _filled(cells: Sequence[str], columns: Sequence[int]) -> Iterator[str]:
    return (text for column in columns if column < len(cells) and (text := cells[column].strip()))
