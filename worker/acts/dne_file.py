"""Checks a file for the Do Not Email list row by row, and sets the good rows aside until all are known to be good."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from worker.acts.address_list import read_list
from worker.acts.do_not_email import dne_target
from worker.errors import InputError

TARGET = ("target", "address", "email", "domain")
MOST_SHOWN = 20
REPORT = ("row", "value", "problem")
EVERY = 10_000


@dataclass(slots=True)
class Checked:
    """What a file holds: how many good rows, how many bad ones, and the first of those in words."""

    spool: TextIO
    good: int = 0
    bad: int = 0
    problems: list[str] = field(default_factory=list)

    def note_bad(self, problem: str) -> None:
        """Count a bad row, and keep what is wrong with the first ones."""
        self.bad += 1
        if self.bad <= MOST_SHOWN:
            self.problems.append(problem)

    def rows(self) -> Iterator[tuple[str, str | None]]:
        """Yield the good rows: target and note."""
        self.spool.seek(0)
        for line in self.spool:
            target, note = json.loads(line)
            yield target, note

    def __str__(self) -> str:
        """Name the first bad rows, and how many more there are."""
        more = self.bad - len(self.problems)
        return "\n".join([*self.problems, *([f"... and {more} more"] if more else [])])


def check(
    path: Path,
    spool: TextIO,
    *,
    force: bool = False,
    report: TextIO | None = None,
    progress: Callable[[int], None] = lambda _: None,
    called: str = "",
) -> Checked:
    """Read a file of targets and notes; the good rows wait in another file, so that memory stays flat.

    A CSV file has a header with a column target, address, email or domain, and where wanted reason and note; what
    `dne export` writes can be read.

    Args:
        path: the file.
        spool: an empty file, opened for writing and reading, that takes the good rows.
        force: take domains of many strangers too.
        report: takes every bad row as CSV.
        progress: told from time to time how many rows were read since.
        called: what people call the file, where that is not its path.

    Raises:
        InputError: the file cannot be read, or names nothing at all.
    """
    checked = Checked(spool)
    complain = csv.writer(report, lineterminator="\n") if report else None
    if complain:
        complain.writerow(REPORT)
    for count, row in enumerate(read_list(path, TARGET, called), 1):
        try:
            # As JSON, which bounds no field and is ASCII: a note may be longer than a table can be read with.
            spool.write(json.dumps((dne_target(row.value, force=force), row.note)) + "\n")
            checked.good += 1
        except InputError as error:
            checked.note_bad(f"{called or path}, row {row.number}: {error}")
            if complain:
                complain.writerow((row.number, row.value, error))
        if count % EVERY == 0:
            progress(EVERY)
    if not checked.good and not checked.bad:
        raise InputError(f"{called or path} names no address and no domain")
    return checked
