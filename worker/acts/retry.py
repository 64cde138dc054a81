"""Another try for mail that was set aside: judges and writes its kept octets anew, the way a poll would."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from models.session import reading, transaction
from models.tables.handling import AsideMessage
from models.tables.mail import InboundMessage, MessageState
from models.tables.mailboxes import Mailbox
from worker.desk import Desk
from worker.errors import InputError, NotFoundError
from worker.imap.fetched import FetchedMessage
from worker.process import process
from worker.writing.refold import Change


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of one more attempt: `row` holds the message now, and is a new one where it fared well."""

    message_id: int
    row: InboundMessage
    changes: Sequence[Change] = ()

    @property
    def fared_well(self) -> bool:
        """Say whether it is set aside no longer."""
        return self.row.state is not MessageState.SET_ASIDE


def retry(engine: Engine, message_ids: Sequence[int], desk_of: Callable[[int], Desk], now: datetime) -> Iterator[Tried]:
    """Judge and write messages anew, each in a transaction of its own; one that fails again stays, and is counted.

    Args:
        engine: the database.
        message_ids: which; none: every one whose octets were kept.
        desk_of: gives what mail of a mailbox (by its id) is worked on with.
        now: aware UTC.

    Raises:
        InputError: one of the messages is not set aside, or the server never handed it over.
    """
    with reading(engine) as session:
        for each in message_ids:
            _kept(session, each)
        kept = select(AsideMessage.message_id).where(AsideMessage.raw.is_not(None)).order_by(AsideMessage.message_id)
        ids = list(message_ids) or list(session.scalars(kept))
    for each in ids:
        with reading(engine) as session:
            mailbox_id, fetched = _kept(session, each)
        applied = process(desk_of(mailbox_id), [fetched], partial(transaction, engine), now)
        with reading(engine) as session:
            yield Tried(each, _row_at(session, mailbox_id, fetched), applied.changes)


def retry_one(engine: Engine, team_id: int, message_id: int, desk_of: Callable[[int], Desk], now: datetime) -> Tried:
    """Judge and write one message of a team anew.

    Raises:
        InputError: the team has none of this id, it is not set aside, or the server never handed it over.
    """
    with reading(engine) as session:
        query = select(InboundMessage.id).join(Mailbox, Mailbox.id == InboundMessage.mailbox_id)
        if session.scalar(query.where(InboundMessage.id == message_id, Mailbox.team_id == team_id)) is None:
            raise NotFoundError(f"no message {message_id}; it may have been removed with its mailbox")
    return next(retry(engine, [message_id], desk_of, now))


def _kept(session: Session, message_id: int) -> tuple[int, FetchedMessage]:
    """Return the mailbox's id and the message as it was fetched."""
    query = (
        select(InboundMessage, Mailbox.name)
        .join(Mailbox, Mailbox.id == InboundMessage.mailbox_id)
        .where(InboundMessage.id == message_id, InboundMessage.state == MessageState.SET_ASIDE)
    )
    found = session.execute(query).one_or_none()
    if found is None:
        raise InputError(f"no message {message_id} is set aside; inbox-worker review list --aside shows what is")
    (row, mailbox), kept = found, session.get(AsideMessage, message_id)
    if kept is None or kept.raw is None:
        raise InputError(
            f"of message {message_id} nothing was kept, since its server did not hand it over; it is asked for it"
            f" again by: inbox-worker backfill {mailbox}"
        )
    return row.mailbox_id, FetchedMessage(
        mailbox=mailbox,
        folder=row.folder,
        uidvalidity=row.uidvalidity,
        uid=row.uid,
        arrived_at=row.arrived_at,
        raw=kept.raw,
        size=row.size,
        omitted=tuple(kept.omitted),
        junk=bool(row.clues.get("junk")),
    )


def _row_at(session: Session, mailbox_id: int, fetched: FetchedMessage) -> InboundMessage:
    place = {"folder": fetched.folder, "uidvalidity": fetched.uidvalidity, "uid": fetched.uid}
    return session.scalars(select(InboundMessage).filter_by(mailbox_id=mailbox_id, **place)).one()
