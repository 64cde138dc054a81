"""The Do Not Email list in pages, the newest entries first, and written out whole; reads only."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import StringIO
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.events import DneReason
from models.tables.standing import DneEntry
from worker.plain import plain
from worker.queries.pages import LIMIT, Page
from worker.queries.places import id_place, place
from worker.queries.story import entry_row
from worker.queries.words import begins_words, words_of
from worker.spreadsheet import guarded
from worker.writing.suppression import LIVE

EXPORTED = ("target", "reason", "since", "by", "note")
AT_ONCE = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryFilter:
    """Which entries are asked for; None: any. `words` is what was typed to search for."""

    words: str | None = None
    reason: DneReason | None = None
    past: bool = False
    """Also those that were lifted or withdrawn."""


def entries_page(
    session: Session, team_id: int, wanted: EntryFilter, after: str | None = None, limit: int = LIMIT
) -> Page:
    """Return entries, the newest first.

    Raises:
        InputError: the cursor `after` is damaged, or there are too many words.
    """
    query = select(DneEntry).where(DneEntry.team_id == team_id).order_by(DneEntry.id.desc()).limit(limit + 1)
    if not wanted.past:
        query = query.where(*LIVE)
    if wanted.reason:
        query = query.where(DneEntry.reason == wanted.reason)
    query = query.where(*begins_words(session, words_of(wanted.words or ""), DneEntry.target))
    if after:
        query = query.where(DneEntry.id < id_place(after))
    entries = session.scalars(query).all()
    rows = [{"id": entry.id, **entry_row(entry)} for entry in entries[:limit]]
    return Page(rows, place(entries[limit - 1].id) if len(entries) > limit else None)


def exported(session: Session, team_id: int) -> Iterator[str]:
    """Yield the live entries as lines of CSV, by target; `dne import` reads them."""
    query = (
        select(DneEntry.target, DneEntry.reason, DneEntry.since, DneEntry.actor, DneEntry.note)
        .where(DneEntry.team_id == team_id, *LIVE)
        .order_by(DneEntry.target, DneEntry.id)
    )
    yield _line(EXPORTED)
    for row in session.execute(query, execution_options={"yield_per": AT_ONCE}):
        yield _line(row)


def _line(cells: Iterable[Any]) -> str:
    line = StringIO()
    csv.writer(line, lineterminator="\n").writerow(guarded(plain(cell)) for cell in cells)
    return line.getvalue()
