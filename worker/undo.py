"""Takes back what a person said of a recipient: the act stays in the history and acts no more."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from sqlalchemy import delete, select
from sqlalchemy.orm import Session, aliased

from models.events import Event, EventKind
from models.learning import Label
from models.tables import DneEntry, InboundMessage, RecipientEvent
from models.timeline import PERSON
from worker.act import Act
from worker.do_not_email import withdraw
from worker.errors import InputError
from worker.person import recipient_of, stamp, write_act
from worker.refold import Change, lock, refold
from worker.tie import Rules, lock_team


def undo(session: Session, rules: Rules, recipient_id: int, act: Act) -> tuple[str, list[Change]]:
    """Take back the newest act of a person on a recipient that was not taken back; machines count again as before.

    With the act go the Do Not Email entries it made, also for another address of the same person, and what the
    classifier would have learnt from it; a review item that it settled is open again.

    Args:
        session: inside a write transaction.
        rules: the team and its settings.
        recipient_id: whom.
        act: who, when and why.

    Returns:
        What was taken back, in words, and what that changed.

    Raises:
        InputError: no such recipient, nothing to take back, or an opt-out to be taken back without a reason.
    """
    lock_team(session, rules.team_id, exclusive=True)
    _, contact, _ = recipient_of(session, rules.team_id, recipient_id)
    locked = lock(session, [contact.id])
    undone = newest_act(session, recipient_id)
    if undone is None:
        raise InputError(
            f"{contact.address}: no person's act is left to take back; what was taken back once is set anew"
            " (inbox-worker recipients set-status)"
        )
    said = take_back(session, rules.team_id, undone, act)
    return said, refold(session, locked, act.at)


def take_back(session: Session, team_id: int, undone: RecipientEvent, act: Act) -> str:
    """Take one act of a person back, with its entries and its label, and return what it was, in words.

    The caller holds the team's and the contact's lock, and folds afterwards.

    Raises:
        InputError: an opt-out is to be taken back without a reason.
    """
    recipient_id = undone.recipient_id
    withdraw(session, team_id, _entries(session, recipient_id, undone.key), act)
    said = "; ".join(undone.because)
    event = Event(
        kind=EventKind.UNDONE,
        happened_at=stamp(session, recipient_id, act.at),
        key=uuid.uuid4().hex,
        about=undone.key,
    )
    write_act(session, recipient_id, event, f"took back: {said}", act)
    _forget_label(session, team_id, recipient_id, undone)
    return said


def newest_act(session: Session, recipient_id: int) -> RecipientEvent | None:
    """Return the newest act of a person on a recipient that was not taken back."""
    taken_back = aliased(RecipientEvent)
    gone = select(taken_back.about).where(
        taken_back.recipient_id == recipient_id, taken_back.kind == EventKind.UNDONE, taken_back.about.is_not(None)
    )
    return session.scalar(
        select(RecipientEvent)
        .where(
            RecipientEvent.recipient_id == recipient_id,
            RecipientEvent.kind.in_(PERSON),
            RecipientEvent.key.not_in(gone),
        )
        .order_by(RecipientEvent.happened_at.desc(), RecipientEvent.id.desc())
        .limit(1)
    )


def _entries(session: Session, recipient_id: int, key: str) -> Sequence[DneEntry]:
    """Return the entries that an act made, also for other addresses of the person."""
    return session.scalars(select(DneEntry).where(DneEntry.recipient_id == recipient_id, DneEntry.source == key)).all()


def _forget_label(session: Session, team_id: int, recipient_id: int, act: RecipientEvent) -> None:
    """Forget the label that the act gave to the mail it speaks of, unless somebody has spoken of that mail since."""
    mail = (
        select(InboundMessage.content_hash)
        .join(RecipientEvent, RecipientEvent.message_id == InboundMessage.id)
        .where(RecipientEvent.recipient_id == recipient_id, RecipientEvent.key == act.about)
    )
    session.execute(
        delete(Label).where(
            Label.team_id == team_id,
            Label.key.in_(mail),
            Label.actor == act.actor,
            Label.recorded_at == act.recorded_at,
        ),
        execution_options={"synchronize_session": False},
    )
