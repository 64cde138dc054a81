"""Rows of a file of labelled replies are stored once, all of them or none, whatever is stored already."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Engine, func, select

from classifier.verdict import ReplyClass
from models.events import Status
from models.session import insert_new, reading, transaction
from models.tables.learning import Label, LabelSource
from models.tables.people import Team
from worker.act import Act
from worker.chunks import CHUNK
from worker.learning import label_store
from worker.learning.label_files import Problem, Row
from worker.learning.label_store import new_rows, store
from worker.learning.labels import text_key

ACT = Act("petra", datetime(2026, 5, 4, 9, tzinfo=UTC))


def rows_of(*texts: str) -> list[Row]:
    return [
        Row(number=number, label=ReplyClass.INTERESTED, subject="", text=text, language="en", hard=False, note="",
            key=text_key("", text))
        for number, text in enumerate(texts, start=1)
    ]  # fmt: skip


def word(number: int) -> str:
    """A number in letters, since the classifier cannot tell numbers apart."""
    return "".join("abcdefghij"[int(digit)] for digit in str(number))


@pytest.fixture
def team(engine: Engine) -> int:
    with transaction(engine) as session:
        made = Team(name="default")
        session.add(made)
        session.flush()
        return made.id


def stored(engine: Engine) -> list[Label]:
    with reading(engine) as session:
        return list(session.scalars(select(Label).order_by(Label.id)))


def test_an_imported_row_says_where_it_comes_from(engine: Engine, team: int) -> None:
    assert store(engine, team, rows_of("hello"), ACT, skip_bad=False) == (1, [])
    (label,) = stored(engine)
    assert (label.source, label.label, label.actor, label.recorded_at) == (
        LabelSource.IMPORT, Status.INTERESTED, "petra", ACT.at,
    )  # fmt: skip
    assert (label.machine, label.sampled, label.message_id) == (None, False, None)
    assert label.key == label.text_key == text_key("", "hello")


def test_a_stored_text_is_a_duplicate_or_a_conflict_by_its_newest_label(engine: Engine, team: int) -> None:
    store(engine, team, rows_of("hello"), ACT, skip_bad=False)
    later = {"key": "f" * 64, "label": Status.ENGAGED, "recorded_at": datetime(2026, 6, 1, tzinfo=UTC)}
    with transaction(engine) as session:
        (old,) = session.scalars(select(Label))
        kept = {column.key: getattr(old, column.key) for column in Label.__table__.columns if column.key != "id"}
        session.add(newest := Label(**kept | later))
        session.flush()
    with reading(engine) as session:
        new, bad = new_rows(session, team, rows_of("hello", "good morning"))
    assert [row.text for row in new] == ["good morning"]
    assert bad == [
        Problem(1, f"conflict: stored as Engaged (label {newest.id}), here Interested; to change that: "
                   f'inbox-worker labels set {newest.id} "Interested"')
    ]  # fmt: skip


def test_labels_of_another_team_are_no_duplicates(engine: Engine, team: int) -> None:
    with transaction(engine) as session:
        session.add(other := Team(name="other"))
        session.flush()
    assert store(engine, other.id, rows_of("hello"), ACT, skip_bad=False) == (1, [])
    assert store(engine, team, rows_of("hello"), ACT, skip_bad=False) == (1, [])


def test_what_others_stored_since_the_file_was_read_is_seen(engine: Engine, team: int) -> None:
    store(engine, team, rows_of("hello"), ACT, skip_bad=False)
    imported, bad = store(engine, team, rows_of("good morning", "hello"), ACT, skip_bad=False)
    assert (imported, [each.number for each in bad]) == (0, [2])
    assert len(stored(engine)) == 1
    imported, bad = store(engine, team, rows_of("good morning", "hello"), ACT, skip_bad=True)
    assert (imported, [each.number for each in bad]) == (1, [2])


@pytest.mark.parametrize("failure", [RuntimeError, KeyboardInterrupt])
def test_a_failure_in_the_middle_of_the_import_leaves_nothing(
    engine: Engine, team: int, monkeypatch: pytest.MonkeyPatch, failure: type[BaseException]
) -> None:
    chunks: list[int] = []

    def failing(session: Any, model: Any, rows: Sequence[Any]) -> int:
        if chunks:
            raise failure
        chunks.append(insert_new(session, model, rows))
        return chunks[0]

    rows = rows_of(*(f"hello {word(number)}" for number in range(CHUNK + 1)))
    with monkeypatch.context() as patch:
        patch.setattr(label_store, "insert_new", failing)
        with pytest.raises(failure):
            store(engine, team, rows, ACT, skip_bad=False)
    assert chunks == [CHUNK], "the first chunk was written before it failed"
    assert stored(engine) == []
    assert store(engine, team, rows[:10], ACT, skip_bad=False) == (10, [])


def test_two_imports_at_once_store_every_text_once_and_nothing_by_halves(engine: Engine, team: int) -> None:
    texts = [f"hello {word(number)}" for number in range(3_000)]
    files = [rows_of(*texts), rows_of(*reversed(texts))]
    ready = threading.Barrier(2)
    said: list[tuple[int, list[Problem]]] = []

    def work(rows: list[Row]) -> None:
        ready.wait()
        said.append(store(engine, team, rows, ACT, skip_bad=False))

    threads = [threading.Thread(target=work, args=(rows,)) for rows in files]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert sorted(imported for imported, _ in said) == [0, 3_000]
    assert sorted(len(bad) for _, bad in said) == [0, 3_000]
    with reading(engine) as session:
        assert session.scalar(select(func.count(Label.text_key.distinct()))) == 3_000
        assert session.scalar(select(func.count(Label.id))) == 3_000
