"""One recipient for every front end: how it stands, and what a person corrects there."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.events import EventKind, Status
from models.tables.learning import LabelSource
from models.tables.mailing import Campaign, Recipient
from models.tables.standing import DneEntry, RecipientEvent
from worker.act import Act
from worker.acts.person import Choice, because_of, chose, event_of, newest_mail_of, recipient_of, set_status
from worker.acts.undo import undo
from worker.acts.unread import refuse_if_mail_came, with_seen
from worker.errors import InputError
from worker.learning.labels import note_label
from worker.queries.pages import row_of
from worker.queries.story import Row, live_targets
from worker.rules import Rules
from worker.writing.locks import lock


def recipient_row(session: Session, team_id: int, recipient_id: int) -> Row:
    """Return one recipient as `worker.queries.pages.recipients_page` returns many, with the newest mail there is.

    Raises:
        InputError: the team has no such recipient.
    """
    recipient, contact, campaign = recipient_of(session, team_id, recipient_id)
    banned = live_targets(session, team_id, [contact.address]).get(contact.address, [])
    (row,) = with_seen(session, [row_of(recipient, contact.address, campaign.key, campaign.name, banned)])
    return row


def correct(
    session: Session, rules: Rules, recipient_id: int, choice: Choice, act: Act, seen: int | None = None
) -> Row:
    """Set a recipient's status by hand, inside a write transaction; return how it stands now.

    Args:
        session: inside a write transaction.
        rules: the team and its settings.
        recipient_id: whom.
        choice: the status; given twice with nothing in between, as a second click does, it is kept once.
        act: who, when and why.
        seen: the newest mail that was shown, as `recipient_row` gives it; None: what is there now counts as shown.

    Raises:
        InputError: no such recipient, a day of return that cannot be one, or Active for an address under Do Not Email;
            or (UnreadError) a mail that nobody has read.
    """
    if choice.until and choice.status is not Status.OUT_OF_OFFICE:
        raise InputError(f"a day of return goes with {Status.OUT_OF_OFFICE.value}, not with {choice.status.value}")
    recipient, contact, campaign = recipient_of(session, rules.team_id, recipient_id)
    lock(session, [contact.id])
    refuse_if_mail_came(session, recipient_id, contact.address, seen)
    given = _given_already(session, rules, (recipient, campaign), choice, act)
    if given is None:
        set_status(session, rules, recipient_id, choice.status, act, choice.until, by_mail=choice.by_mail)
    elif choice.by_mail and (mail := newest_mail_of(session, recipient_id)):
        # The first time something else may have been why. It is learnt as of then, so that Undo forgets it as well.
        given.sure = True
        note_label(session, rules.team_id, mail, choice.status, replace(act, at=given.recorded_at), LabelSource.STATUS)
    return recipient_row(session, rules.team_id, recipient_id)


def _given_already(
    session: Session, rules: Rules, whom: tuple[Recipient, Campaign], choice: Choice, act: Act
) -> RecipientEvent | None:
    """Return the same person's same act where nothing has happened since, and what it did still stands."""
    recipient_id = whom[0].id
    newest = session.scalar(
        select(RecipientEvent)
        .where(RecipientEvent.recipient_id == recipient_id, RecipientEvent.retracted_at.is_(None))
        .order_by(RecipientEvent.happened_at.desc(), RecipientEvent.id.desc())
        .limit(1)
    )
    if newest is None or newest.kind is not EventKind.MANUAL or newest.because != because_of(chose(choice.status), act):
        return None
    event = event_of(session, rules, whom, choice, act)
    days = [until.date() if until else None for until in (event.until, newest.until)]
    stands = session.scalar(select(Recipient.status).where(Recipient.id == recipient_id)) is choice.status
    same = event.dated == newest.dated and days[0] == days[1]
    return newest if stands and same and not _was_lifted(session, newest) else None


def _was_lifted(session: Session, given: RecipientEvent) -> bool:
    """Say whether somebody lifted a Do Not Email entry that an act made: given again it bans again."""
    query = select(DneEntry.lifted_at).where(
        DneEntry.recipient_id == given.recipient_id, DneEntry.source == given.key, DneEntry.lifted_at.is_not(None)
    )
    return session.scalar(query.limit(1)) is not None


def take_back(session: Session, rules: Rules, recipient_id: int, act: Act, key: str | None = None) -> Row:
    """Take back the newest act of a person on a recipient, see `worker.acts.undo.undo`; return how it stands now.

    Raises:
        InputError: no such recipient, nothing to take back, the newest act has another key, or an opt-out is to be
            taken back without a reason.
    """
    undo(session, rules, recipient_id, act, key)
    return recipient_row(session, rules.team_id, recipient_id)
