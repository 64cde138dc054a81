"""How far each folder was read; it moves in the transaction that writes what was read."""

from __future__ import annotations

from sqlalchemy import or_
from sqlalchemy.orm import Session

from models.session import INSERTS
from models.tables.mailboxes import FolderCursor
from worker.imap.fetched import FolderState


def cursor_of(session: Session, mailbox_id: int, folder: str) -> FolderCursor | None:
    """Return how far a folder was read; None: it never was."""
    return session.get(FolderCursor, (mailbox_id, folder))


def move_cursor(session: Session, mailbox_id: int, state: FolderState, uid: int) -> None:
    """Move the cursor forward; never back, where two workers read the same folder."""
    insert = INSERTS[session.get_bind().dialect.name](FolderCursor.__table__)
    row = {"mailbox_id": mailbox_id, "folder": state.folder, "uidvalidity": state.uidvalidity, "last_uid": uid}
    new = insert.excluded
    session.execute(
        insert.values(row).on_conflict_do_update(
            index_elements=["mailbox_id", "folder"],
            set_={"uidvalidity": new.uidvalidity, "last_uid": new.last_uid},
            where=or_(_CURSOR.uidvalidity != new.uidvalidity, _CURSOR.last_uid < new.last_uid),
        )
    )


_CURSOR = FolderCursor.__table__.c
