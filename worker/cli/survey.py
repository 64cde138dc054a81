"""`labels survey`: how varied are labelled replies? No database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from worker.cli.learning import ROWS, file_rows
from worker.cli.output import as_json, emit, show

if TYPE_CHECKING:
    # It loads NumPy, which --help need not wait for.
    from classifier.survey import Survey

COLUMNS = (
    "file", "rows", "hard", "words a row", "different words", "said once", "own opening", "commonest", "alike",
    "new words every 100 rows",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Batch:
    """The replies of one file, and what was found of them."""

    name: str
    seen: Survey
    new_words: list[int]

    def row(self) -> dict[str, Any]:
        """Return it as JSON data."""
        fields = {field: getattr(self.seen, field) for field in self.seen.__slots__}
        return {"file": self.name, **fields, "new_words": self.new_words}

    def cells(self) -> Sequence[Any]:
        """Return it as a row of COLUMNS."""
        seen = self.seen
        return (
            self.name, seen.rows, seen.hard, f"{seen.shortest}-{seen.middle}-{seen.longest}", seen.words,
            f"{seen.only_once:.0%}", f"{seen.openings:.0%}", seen.common_opening, len(seen.near_duplicates),
            " ".join(map(str, self.new_words)),
        )  # fmt: skip


@click.command()
@click.argument("rows", nargs=-1, type=ROWS)
@as_json
def survey(rows: Sequence[Path], as_json: bool) -> None:
    """Say how varied labelled replies are: lengths, openings, words, near-duplicates.

    ROWS: files of JSON lines {id, language, subject, text, class}; without any, the shipped corpus. One line a file.
    """
    from classifier.labelled import CORPUS  # noqa: PLC0415 - NumPy is not loaded for --help
    from classifier.survey import new_words  # noqa: PLC0415
    from classifier.survey import survey as look_at  # noqa: PLC0415

    replies = [(path.stem, file_rows([path])) for path in rows or sorted(CORPUS.glob("*.jsonl"))]
    batches = [_Batch(name, look_at(found), new_words(found)) for name, found in replies if found]
    if as_json:
        emit(batch.row() for batch in batches)
    else:
        show("Labelled replies", COLUMNS, [batch.cells() for batch in batches])
