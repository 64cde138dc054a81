"""How far each folder was read; it moves in the transaction that writes what was read."""

from __future__ import annotations

from sqlalchemy import delete
from sqlalchemy.orm import Session

from models.session import insert_new
from models.tables import FolderCursor
from worker.fetched import FolderState


def cursor_of(session: Session, mailbox_id: int, folder: str) -> FolderCursor | None:
    """Return how far a folder was read; None: it never was."""
    return session.get(FolderCursor, (mailbox_id, folder))


def move_cursor(session: Session, mailbox_id: int, state: FolderState, uid: int) -> None:
    """Move the cursor forward; never back, where two workers read the same folder."""
    cursor = cursor_of(session, mailbox_id, state.folder)
    if cursor and cursor.uidvalidity == state.uidvalidity and cursor.last_uid >= uid:
        return
    session.execute(
        delete(FolderCursor).where(FolderCursor.mailbox_id == mailbox_id, FolderCursor.folder == state.folder)
    )
    insert_new(
        session,
        FolderCursor,
        [{"mailbox_id": mailbox_id, "folder": state.folder, "uidvalidity": state.uidvalidity, "last_uid": uid}],
    )
