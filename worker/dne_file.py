"""Reads a file of addresses and domains for the Do Not Email list: one a line, or CSV with a header."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from worker.do_not_email import dne_target
from worker.errors import InputError

TARGET = ("target", "address", "email", "domain")
NOTE = ("reason", "note")
MOST_SHOWN = 20


def read_targets(path: Path, *, force: bool = False) -> dict[str, str | None]:
    """Read a whole file as target -> note, or refuse it whole.

    A CSV file has a header with a column target, address, email or domain, and where wanted reason and note; what
    `dne export` writes can be read. In a plain list empty lines and lines that begin with # are left out.

    Raises:
        InputError: names every bad row and what is wrong with it.
    """
    targets: dict[str, str | None] = {}
    problems: list[str] = []
    for number, target, note in _rows(path):
        try:
            targets.setdefault(dne_target(target, force=force), note)
        except InputError as error:
            problems.append(f"{path}, row {number}: {error}")
    if problems:
        more = [f"... and {len(problems) - MOST_SHOWN} more"] if len(problems) > MOST_SHOWN else []
        shown = "\n".join(problems[:MOST_SHOWN] + more)
        raise InputError(f"{shown}\nNothing was imported; mend these rows and import the file again.")
    if not targets:
        raise InputError(f"{path} names no address and no domain")
    return targets


def _rows(path: Path) -> Iterator[tuple[int, str, str | None]]:
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read: {error}") from error
    header = lines[0].lower() if lines else ""
    # Spreadsheets of many countries write semicolons.
    table = csv.DictReader([header, *lines[1:]], delimiter=";" if ";" in header else ",")
    columns = [name for name in TARGET if name in map(str.strip, table.fieldnames or ())]
    if not columns:
        yield from ((number, line, None) for number, line in enumerate(lines, 1) if line.strip() and line[0] != "#")
        return
    for row in table:
        cells = {str(name).strip(): (value or "").strip() for name, value in row.items() if isinstance(value, str)}
        note = ": ".join(cells[name] for name in NOTE if cells.get(name))
        yield table.line_num, next((cells[name] for name in columns if cells.get(name)), ""), note or None
