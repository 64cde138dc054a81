"""What is recorded already: messages by where they lie in a mailbox, and mails by their content."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, func, or_, select
from sqlalchemy.orm import Session

from models.among import among
from models.tables.mail import InboundMessage, MessageState


@dataclass(frozen=True, slots=True)
class Known:
    """The row of the first recorded copy of a mail: when it arrived, and whether every copy so far lay in junk."""

    row_id: int
    arrived_at: datetime
    junk: bool
    erased: bool = False
    """Its sender asked to be forgotten: a further copy is no news, and nothing of it is kept."""


_MESSAGE = InboundMessage.__table__.c
IN_FOLDER = (
    _MESSAGE.mailbox_id == bindparam("mailbox_id"),
    _MESSAGE.folder == bindparam("folder"),
    _MESSAGE.uidvalidity == bindparam("uidvalidity"),
    among(_MESSAGE.uid, "uids"),
)
"""The conditions under which a message is one of these UIDs of a folder."""
_PLACES = select(_MESSAGE.uid, _MESSAGE.state).where(*IN_FOLDER)


def states_of(
    session: Session, mailbox_id: int, folder: str, uidvalidity: int, uids: Collection[int]
) -> dict[int, MessageState]:
    """Return UID -> state of those UIDs of a folder that are recorded."""
    where = {"mailbox_id": mailbox_id, "folder": folder, "uidvalidity": uidvalidity, "uids": uids}
    return dict(session.execute(_PLACES, where).all()) if uids else {}


def seen_uids(
    session: Session, mailbox_id: int, folder: str, uidvalidity: int, uids: Collection[int], *, aside: bool = False
) -> set[int]:
    """Return which UIDs of a folder are recorded; those set aside only where `aside` asks for them too."""
    found = states_of(session, mailbox_id, folder, uidvalidity, uids)
    return {uid for uid, state in found.items() if aside or state is not MessageState.SET_ASIDE}


def count_places(session: Session, mailbox_id: int, folder: str, uidvalidity: int) -> int:
    """Return how many messages of a folder are recorded, whatever became of them."""
    places = select(func.count()).where(
        InboundMessage.mailbox_id == mailbox_id,
        InboundMessage.folder == folder,
        InboundMessage.uidvalidity == uidvalidity,
    )
    return session.scalar(places) or 0


_KNOWN = (
    select(
        *(_MESSAGE.content_hash, _MESSAGE.id, _MESSAGE.arrived_at),
        *(_MESSAGE.clues["junk"].as_boolean(), _MESSAGE.state == MessageState.ERASED),
    )
    .where(
        _MESSAGE.mailbox_id == bindparam("mailbox_id"),
        among(_MESSAGE.content_hash, "hashes"),
        or_(*(_MESSAGE.state == each for each in (MessageState.JUDGED, MessageState.UNMATCHED, MessageState.ERASED))),
    )
    .order_by(_MESSAGE.id.desc())
)


def known_mails(session: Session, mailbox_id: int, hashes: Iterable[str]) -> dict[str, Known]:
    """Return content hash -> the first copy that is recorded."""
    wanted = set(hashes)
    found = session.execute(_KNOWN, {"mailbox_id": mailbox_id, "hashes": wanted}) if wanted else ()
    return {
        content: Known(row_id, arrived_at, bool(junk), bool(erased))
        for content, row_id, arrived_at, junk, erased in found
    }
