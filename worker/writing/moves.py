"""Step 7, off by default: bounces and opt-outs go to folders of their own once what they caused is committed.

That a mail is to be moved is written with what it caused; every poll carries out what is written. A mail that a person
puts back is never moved again, and asked about.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, or_, select
from sqlalchemy.orm import Session

from models.events import EventKind, Trust
from models.rows import insert_new
from models.tables.handling import MessageMove, MoveState
from models.tables.mail import InboundMessage
from models.tables.mailboxes import Mailbox
from worker.chunks import chunks
from worker.imap.transfer import Fate
from worker.writing.record import Judged
from worker.writing.seen import Known
from worker.writing.stored import storable

# What an event of these kinds came by goes to this folder of the mailbox.
_TARGETS = {
    EventKind.BOUNCE: "bounces_to",
    EventKind.OPT_OUT: "opt_outs_to",
    EventKind.COMPLAINT: "opt_outs_to",
}


@dataclass(frozen=True, slots=True)
class Errand:
    """A message that is to be moved, and where it was seen."""

    message_id: int
    folder: str
    uidvalidity: int
    uid: int
    to_folder: str


@dataclass(frozen=True, slots=True)
class Return:
    """When it was seen that a person had put a mail back, and what the event says of it."""

    at: datetime
    because: str


_MOVING = select(Mailbox.id, Mailbox.bounces_to, Mailbox.opt_outs_to).where(
    Mailbox.team_id == bindparam("team_id"), or_(Mailbox.bounces_to.is_not(None), Mailbox.opt_outs_to.is_not(None))
)


def want_moves(session: Session, team_id: int, events: Iterable[Mapping[str, Any]], now: datetime) -> None:
    """Write down which of the mails behind these events are to be moved: bounces and opt-outs that act on somebody.

    What only suggests waits where a person looks for it. A mail whose move was ever wanted is not wanted again.
    """
    acting = (each for each in events if each["trust"] is Trust.ACTS and each["kind"] in _TARGETS)
    targets = {each["message_id"]: _TARGETS[each["kind"]] for each in acting}
    if not targets:
        return
    mailboxes = {row.id: row for row in session.execute(_MOVING, {"team_id": team_id})}
    if not mailboxes:
        return
    rows = [
        {
            "message_id": row.id,
            "mailbox_id": row.mailbox_id,
            "to_folder": to_folder,
            "state": MoveState.WANTED,
            "changed_at": now,
        }
        for chunk in chunks(targets)
        # Mail that was read from a file lies in no folder; its UIDVALIDITY is 0.
        for row in session.scalars(
            select(InboundMessage).where(
                InboundMessage.id.in_(chunk), InboundMessage.mailbox_id.in_(mailboxes), InboundMessage.uidvalidity > 0
            )
        )
        if (to_folder := getattr(mailboxes[row.mailbox_id], targets[row.id])) and to_folder != row.folder
    ]
    insert_new(session, MessageMove, rows)


def note_returned(session: Session, copies: Sequence[tuple[Known, Judged]], now: datetime) -> set[int]:
    """Note which moved mails turned up again outside the folder they were moved to; return their row ids."""
    places: dict[int, set[str]] = {}
    for known, copy in copies:
        places.setdefault(known.row_id, set()).add(copy.folder)
    moved = [
        move
        for chunk in chunks(places)
        for move in session.scalars(
            select(MessageMove).where(MessageMove.message_id.in_(chunk), MessageMove.state == MoveState.MOVED)
        )
        if places[move.message_id] - {move.to_folder}
    ]
    for move in moved:
        move.state, move.changed_at = MoveState.RETURNED, now
    session.flush()
    return {move.message_id for move in moved}


def returns_of(session: Session, message_ids: Collection[int]) -> dict[int, Return]:
    """Return message id -> its return, of those messages that a person put back."""
    return {
        move.message_id: Return(move.changed_at, f"a person took the mail out of {move.to_folder!r}, where it was put")
        for chunk in chunks(message_ids)
        for move in session.scalars(
            select(MessageMove).where(MessageMove.message_id.in_(chunk), MessageMove.state == MoveState.RETURNED)
        )
    }


def wanted(session: Session, mailbox_id: int, most: int) -> list[Errand]:
    """Return at most so many messages of a mailbox that are to be moved, by folder, the oldest first."""
    query = (
        select(
            MessageMove.message_id,
            InboundMessage.folder,
            InboundMessage.uidvalidity,
            InboundMessage.uid,
            MessageMove.to_folder,
        )
        .join(InboundMessage, InboundMessage.id == MessageMove.message_id)
        .where(MessageMove.mailbox_id == mailbox_id, MessageMove.state == MoveState.WANTED)
        .order_by(InboundMessage.folder, InboundMessage.uidvalidity, MessageMove.to_folder, InboundMessage.uid)
        .limit(most)
    )
    return [Errand(*row) for row in session.execute(query)]


def note_fates(session: Session, fates: Mapping[int, Fate], now: datetime) -> None:
    """Note what became of messages, by their row ids; what another worker noted meanwhile stands, unless it came late.

    Who finds a message gone may only have come after the one who moved it.
    """
    for chunk in chunks(fates):
        open_ = select(MessageMove).where(
            MessageMove.message_id.in_(chunk), MessageMove.state.in_((MoveState.WANTED, MoveState.GONE))
        )
        for move in session.scalars(open_):
            fate = fates[move.message_id]
            move.state, move.uidvalidity, move.uid = fate.state, fate.uidvalidity, fate.uid
            move.error = storable(fate.error, 2_000)
            move.changed_at = now
    session.flush()


def refusals(session: Session, mailbox_id: int) -> set[str]:
    """Return why moves of this mailbox were refused so far."""
    query = select(MessageMove.error).where(MessageMove.mailbox_id == mailbox_id, MessageMove.error.is_not(None))
    return set(session.scalars(query.distinct()))
