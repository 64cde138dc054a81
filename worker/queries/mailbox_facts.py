"""Reads what a page shows of a mailbox besides its row: what was read of it today, how far its folders are read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from config.settings import Settings
from models.tables.handling import MailboxTraffic, Purpose
from models.tables.mailboxes import FolderCursor
from worker.writing.traffic import budget_of

MOST_FOLDERS = 500


@dataclass(frozen=True, slots=True)
class Read:
    """Octets that were read of a mailbox today (UTC) for a purpose, and how many may be."""

    purpose: Purpose
    octets: int
    budget: int


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder, and the number (UID) of the last message in it that was read."""

    name: str
    last_uid: int
    uidvalidity: int


def read_today(session: Session, mailbox_id: int, settings: Settings, now: datetime) -> list[Read]:
    """Return what was read of a mailbox today for each purpose."""
    today = now.astimezone(UTC).date()
    query = select(MailboxTraffic.purpose, MailboxTraffic.octets).where(
        MailboxTraffic.mailbox_id == mailbox_id, MailboxTraffic.day == today
    )
    octets = {row.purpose: row.octets for row in session.execute(query)}
    return [Read(purpose, octets.get(purpose, 0), budget_of(settings, purpose)) for purpose in Purpose]


def folders_of(session: Session, mailbox_id: int) -> list[Folder]:
    """Return how far the folders of a mailbox are read, by name; those that were never read are missing."""
    query = select(FolderCursor).where(FolderCursor.mailbox_id == mailbox_id).order_by(FolderCursor.folder)
    cursors = session.scalars(query.limit(MOST_FOLDERS))
    return [Folder(each.folder, each.last_uid, each.uidvalidity) for each in cursors]
