"""Takes back what a person said of a recipient: the act stays in the history and acts no more."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session, aliased

from models.events import DneReason, Event, EventKind, Status
from models.tables.learning import Label, LabelSource
from models.tables.mail import InboundMessage
from models.tables.mailboxes import Mailbox
from models.tables.mailing import Contact, Recipient
from models.tables.standing import DneEntry, RecipientEvent
from models.timeline import PERSON
from worker.act import Act
from worker.acts.do_not_email import withdraw
from worker.acts.person import recipient_of, stamp, write_act
from worker.errors import InputError
from worker.learning.labels import note_label
from worker.rules import Rules
from worker.writing.locks import lock, lock_team
from worker.writing.refold import Change, refold
from worker.writing.suppression import LIVE


def undo(
    session: Session, rules: Rules, recipient_id: int, act: Act, key: str | None = None
) -> tuple[str, list[Change]]:
    """Take back the newest act of a person on a recipient that was not taken back; machines count again as before.

    With the act go the Do Not Email entries it made, also for another address of the same person, and what the
    classifier would have learnt from it; a review item that it settled is open again.

    Args:
        session: inside a write transaction.
        rules: the team and its settings.
        recipient_id: whom.
        act: who, when and why.
        key: of the act that the person was shown; None: whatever is the newest.

    Returns:
        What was taken back, in words, and what that changed.

    Raises:
        InputError: no such recipient, nothing to take back, the newest act is another one than was shown, or an opt-out
            is to be taken back without a reason.
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
    if key not in {None, undone.key}:
        raise _another(session, contact.address, undone, key)
    said = take_back(session, rules.team_id, undone, act)
    return said, refold(session, locked, act.at)


def _another(session: Session, address: str, newest: RecipientEvent, key: str | None) -> InputError:
    """Return why an act that a person was shown is not the one that would be taken back."""
    gone = select(RecipientEvent.id).where(
        RecipientEvent.recipient_id == newest.recipient_id,
        RecipientEvent.kind == EventKind.UNDONE,
        RecipientEvent.about == key,
    )
    page = "the page of the contact has it"
    if session.scalar(gone.limit(1)):
        return InputError(f"{address}: that was taken back already; {page}")
    said = f"set it to {newest.status.value}" if newest.status else "answered a review of it"
    return InputError(f"{address}: {newest.actor} has {said} since; {page}")


def take_back(session: Session, team_id: int, undone: RecipientEvent, act: Act) -> str:
    """Take one act of a person back, with its entries and its label, and return what it was, in words.

    The caller holds the team's and the contact's lock, and folds afterwards.

    Raises:
        InputError: an opt-out is to be taken back without a reason.
    """
    recipient_id = undone.recipient_id
    withdraw(session, team_id, entries_of(session, team_id, undone), act)
    said = "; ".join(undone.because)
    event = Event(
        kind=EventKind.UNDONE,
        happened_at=stamp(session, recipient_id, act.at),
        key=uuid.uuid4().hex,
        about=undone.key,
    )
    write_act(session, recipient_id, event, f"took back: {said}", act)
    _restore_label(session, team_id, undone)
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


def own_newest(session: Session, recipient_id: int, by: str) -> str | None:
    """Return the key of the newest act on a recipient that was not taken back, if it is this person's."""
    newest = newest_act(session, recipient_id)
    return newest.key if newest is not None and newest.actor == by else None


def entries_of(session: Session, team_id: int, act: RecipientEvent) -> Sequence[DneEntry]:
    """Return the entries that an act made, also for other addresses of the person, or that were added with it."""
    own = select(DneEntry).where(DneEntry.recipient_id == act.recipient_id, DneEntry.source == act.key)
    found = session.scalars(own).all()
    return found if act.kind is EventKind.MANUAL else [*found, *session.scalars(_added_with(team_id, act))]


def _added_with(team_id: int, answer: RecipientEvent) -> Select[DneEntry]:
    """Return the entry that was added together with the answer to a review: see `worker.acts.reviewing.settle`."""
    address = (
        select(Contact.address)
        .join(Recipient, Recipient.contact_id == Contact.id)
        .where(Recipient.id == answer.recipient_id)
        .scalar_subquery()
    )
    return select(DneEntry).where(
        DneEntry.team_id == team_id,
        DneEntry.target == address,
        DneEntry.reason == DneReason.MANUAL,
        DneEntry.recipient_id.is_(None),
        DneEntry.actor == answer.actor,
        DneEntry.recorded_at == answer.recorded_at,
        *LIVE,
    )


def _restore_label(session: Session, team_id: int, undone: RecipientEvent) -> None:
    """Let the label of a mail say again what it said before the act; where nobody had said anything, forget it.

    What somebody has said of the mail since is left as it is.
    """
    query = (
        select(Label)
        .join(InboundMessage, InboundMessage.content_hash == Label.key)
        .join(RecipientEvent, RecipientEvent.message_id == InboundMessage.id)
        .where(
            RecipientEvent.recipient_id == undone.recipient_id,
            RecipientEvent.key == undone.about,
            Label.team_id == team_id,
            Label.actor == undone.actor,
            Label.recorded_at == undone.recorded_at,
        )
    )
    label = session.scalar(query)
    if label is None:
        return
    label.note = ""
    if not any(_say_again(session, team_id, *each) for each in session.execute(_said_of(team_id, label.key))):
        session.delete(label)
    session.flush()


def _said_of(team_id: int, content_hash: str) -> Select[RecipientEvent, RecipientEvent]:
    """Return what persons said of a mail and did not take back, the newest first, each with the mail it was said of.

    One mail may concern several recipients, and have come to several mailboxes.
    """
    said, mail, taken_back = aliased(RecipientEvent), aliased(RecipientEvent), aliased(RecipientEvent)
    gone = select(taken_back.id).where(
        taken_back.recipient_id == said.recipient_id,
        taken_back.kind == EventKind.UNDONE,
        taken_back.about == said.key,
    )
    mailboxes = select(Mailbox.id).where(Mailbox.team_id == team_id)
    return (
        select(said, mail)
        .join(mail, (mail.recipient_id == said.recipient_id) & (mail.key == said.about))
        .join(InboundMessage, InboundMessage.id == mail.message_id)
        .where(
            InboundMessage.mailbox_id.in_(mailboxes),
            InboundMessage.content_hash == content_hash,
            # A status that had another cause than the mail says nothing of it.
            or_(said.kind == EventKind.REVIEW_RESOLVED, (said.kind == EventKind.MANUAL) & said.sure.is_(True)),
            ~gone.exists(),
        )
        .order_by(said.recorded_at.desc(), said.id.desc())
    )


def _say_again(session: Session, team_id: int, said: RecipientEvent, mail: RecipientEvent) -> bool:
    """Give a mail the label that an earlier act gave it; say whether it gave one."""
    status, why = _word(said)
    if status is None or said.actor is None:
        return False
    source = LabelSource.STATUS if said.kind is EventKind.MANUAL else LabelSource.REVIEW
    return note_label(session, team_id, mail, status, Act(said.actor, said.recorded_at, why), source)


def _word(said: RecipientEvent) -> tuple[Status | None, str | None]:
    """Return the class that an act gave its mail, and why.

    It is read from the words: who only confirmed what the machine thought has the class in nothing else.
    """
    _, _, words = "; ".join(said.because).removeprefix(f"{said.actor} ").partition(" ")
    name, _, why = words.partition(": ")
    return Status(name) if name in set(Status) else None, why or None
