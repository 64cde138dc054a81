"""`labels`: labelled replies, what the classifier learns from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from worker.cli.output import as_json, emit, show


@click.group()
def labels() -> None:
    """Look at labelled replies."""


@labels.command()
@click.argument("rows", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@as_json
def survey(rows: Sequence[Path], as_json: bool) -> None:
    """Say how varied labelled replies are: lengths, openings, words, near-duplicates.

    ROWS: files of JSON lines {id, language, subject, text, class}; without any, the shipped corpus. One line a file.
    """
    from classifier.labelled import CORPUS, read_rows  # noqa: PLC0415  # NumPy is not loaded for --help.
    from classifier.survey import new_words  # noqa: PLC0415
    from classifier.survey import survey as look_at  # noqa: PLC0415

    batches = {path.stem: found for path in rows or sorted(CORPUS.glob("*.jsonl")) if (found := read_rows(path))}
    looked = {name: look_at(found) for name, found in batches.items()}
    if as_json:
        emit(
            {"file": name, **{field: getattr(seen, field) for field in seen.__slots__}, "new_words": new_words(found)}
            for (name, seen), found in zip(looked.items(), batches.values(), strict=True)
        )
        return
    columns = ("file", "rows", "hard", "words a row", "different words", "said once", "own opening", "commonest")
    show(
        "Labelled replies",
        (*columns, "alike", "new words every 100 rows"),
        [
            (
                name,
                seen.rows,
                seen.hard,
                f"{seen.shortest}-{seen.middle}-{seen.longest}",
                seen.words,
                f"{seen.only_once:.0%}",
                f"{seen.openings:.0%}",
                seen.common_opening,
                len(seen.near_duplicates),
                " ".join(map(str, new_words(batches[name]))),
            )
            for name, seen in looked.items()
        ],
    )
