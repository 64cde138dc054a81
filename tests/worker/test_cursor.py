"""How far a folder was read: never back, and anew where its numbers are new."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine

from models.session import reading, transaction
from tests.worker.small_world import furnish
from worker.imap.fetched import FolderState
from worker.reading.cursor import cursor_of, move_cursor


@pytest.fixture
def engine(engine: Engine) -> Engine:
    furnish(engine)
    return engine


def after(engine: Engine, *moves: tuple[int, int]) -> tuple[int, int]:
    """Return UIDVALIDITY and UID of the cursor of the inbox after these moves of it."""
    for uidvalidity, uid in moves:
        with transaction(engine) as session:
            move_cursor(session, 1, FolderState("INBOX", uidvalidity, 0, 0), uid)
    with reading(engine) as session:
        cursor = cursor_of(session, 1, "INBOX")
    assert cursor is not None
    return cursor.uidvalidity, cursor.last_uid


def test_a_cursor_moves_forward_and_never_back(engine: Engine) -> None:
    assert after(engine, (7, 10)) == (7, 10)
    assert after(engine, (7, 12), (7, 11), (7, 12)) == (7, 12)


def test_a_renumbered_folder_is_read_from_wherever_it_is(engine: Engine) -> None:
    assert after(engine, (7, 10), (8, 3)) == (8, 3)
    assert after(engine, (6, 1)) == (6, 1)


def test_each_folder_has_a_cursor_of_its_own(engine: Engine) -> None:
    with transaction(engine) as session:
        move_cursor(session, 1, FolderState("Archive", 7, 0, 0), 99)
    assert after(engine, (7, 10)) == (7, 10)
