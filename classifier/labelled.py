"""Labelled replies: the rows of the shipped corpus and of a team's own files."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from classifier.features import document, key
from classifier.verdict import ReplyClass

CORPUS = Path(__file__).parent / "corpus"


class LabelledReplyError(ValueError):
    """A row cannot be used; the message names the file, the row and what is wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledReply:
    """One reply and the class a person gave it; `text` holds the sender's own words alone."""

    id: str
    language: str
    """Two letters of ISO 639-1."""
    subject: str
    text: str
    label: ReplyClass
    hard: bool = False
    """It stands close to another class; `note` says why."""
    note: str = ""


def read_corpus() -> list[LabelledReply]:
    """Return the shipped corpus, every file of it, in the order of the file names."""
    return [row for path in sorted(CORPUS.glob("*.jsonl")) for row in read_rows(path)]


def merge(*sources: Sequence[LabelledReply]) -> list[LabelledReply]:
    """Return the rows of all sources; of a text that several of them hold only those of the first."""
    found: list[LabelledReply] = []
    known: set[str] = set()
    for rows in sources:
        keys = [key(document(row.subject, row.text)) for row in rows]
        found += [row for row, name in zip(rows, keys, strict=True) if name not in known]
        known.update(keys)
    return found


def read_rows(path: Path) -> list[LabelledReply]:
    """Read a file of JSON lines: id, language, subject, text, class, and if wanted hard and note.

    Raises:
        LabelledReplyError: the file is not UTF-8; a row is no JSON object, lacks a field, has a class we do not know
            or repeats an id.
    """
    try:
        # Editors of Windows begin UTF-8 with a mark, which belongs to no row.
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except UnicodeError as error:
        raise LabelledReplyError(f"{path}: not UTF-8 ({error}); write it anew in that encoding.") from error
    rows = [_row(line, f"{path}, row {number}") for number, line in enumerate(lines, start=1) if line.strip()]
    _check_ids(rows, path)
    return rows


def _check_ids(rows: Iterable[LabelledReply], path: Path) -> None:
    seen = set()
    for row in rows:
        if row.id in seen:
            raise LabelledReplyError(f"{path}: the id {row.id!r} occurs twice; give every row its own.")
        seen.add(row.id)


def _row(line: str, place: str) -> LabelledReply:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise LabelledReplyError(f"{place}: not JSON ({error}).") from error
    if not isinstance(found, dict):
        raise LabelledReplyError(f"{place}: not a JSON object.")
    return LabelledReply(
        id=_text(found, "id", place),
        language=_text(found, "language", place, default=""),
        subject=_text(found, "subject", place, default=""),
        text=_text(found, "text", place),
        label=_label(found.get("class"), place),
        hard=found.get("hard") is True,
        note=_text(found, "note", place, default=""),
    )


def _text(found: dict[str, Any], name: str, place: str, *, default: str | None = None) -> str:
    value = found.get(name, default)
    if value is None and name in found and default is not None:
        return default
    if not isinstance(value, str):
        raise LabelledReplyError(f"{place}: {name!r} must be a text, not {value!r}.")
    # JSON may hold half a character, which no UTF-8 does.
    return value.encode("utf-8", "replace").decode()


def _label(value: object, place: str) -> ReplyClass:
    try:
        return ReplyClass(str(value))
    except ValueError as error:
        known = ", ".join(ReplyClass)
        raise LabelledReplyError(f"{place}: the class {value!r} is none of {known}.") from error
