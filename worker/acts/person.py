"""What a person may say of recipients: set a status, resolve a review; for every front end."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from classifier.decode import normal_address
from models.events import ONLY_ASKED, Event, EventKind, Status
from models.session import insert_new
from models.tables.learning import LabelSource
from models.tables.mailing import AutoResponsePolicy, Campaign, Contact, Recipient, SentMessage
from models.tables.standing import RecipientEvent, ReviewItem
from worker.act import Act
from worker.acts.unread import IS_MAIL, refuse_if_may_have_opted_out
from worker.errors import InputError, NotFoundError, SettledError
from worker.learning.labels import note_label
from worker.people.teams import calendar_of
from worker.rules import Rules
from worker.writing.locks import lock
from worker.writing.refold import Change, refold
from worker.writing.stored import event_columns, storable
from worker.writing.suppression import suppressed

TICK = timedelta(microseconds=1)


def set_status(  # noqa: PLR0913 - one argument a choice of the person
    session: Session,
    rules: Rules,
    recipient_id: int,
    status: Status,
    act: Act,
    until: date | None = None,
    *,
    by_mail: bool = True,
) -> list[Change]:
    """Set a recipient's status by hand; it stands against the same and older mail.

    Args:
        session: inside a write transaction.
        rules: the team and its settings.
        recipient_id: whom.
        status: any of the twelve; Active is refused while the address may not be mailed.
        act: who, when and why.
        until: for Out of Office the day the person is back, today or later; default: the settings' days.
        by_mail: the newest mail says so, and the classifier may learn that from it; otherwise something else does.

    Raises:
        InputError: no such recipient, a day of return that has passed, or Active for an address under Do Not Email; or
            (UnreadError) a possible opt-out that nobody has answered.
    """
    if until and until < _today(session, rules.team_id, act.at):
        raise InputError(f"{until} has passed; give the day the person is back")
    recipient, contact, campaign = recipient_of(session, rules.team_id, recipient_id)
    locked = lock(session, [contact.id])
    refuse_if_may_have_opted_out(session, recipient_id, contact.address, status)
    if status is Status.ACTIVE:
        _refuse_if_banned(session, contact)
    write_choice(session, rules, (recipient, campaign), Choice(status, until, by_mail=by_mail), act)
    return refold(session, locked, act.at)


def _today(session: Session, team_id: int, now: datetime) -> date:
    """Return which day it is where the team works, since its people mean their own days."""
    return now.astimezone(ZoneInfo(calendar_of(session, team_id).zone)).date()


@dataclass(frozen=True, slots=True)
class Choice:
    """A status that a person chose; see `set_status`."""

    status: Status
    until: date | None = None
    by_mail: bool = True


def write_choice(session: Session, rules: Rules, whom: tuple[Recipient, Campaign], choice: Choice, act: Act) -> None:
    """Write that a person chose a status, and what the classifier may learn from it.

    The caller holds the contact's lock, has seen that the status may be given (`worker.acts.unread`), and folds then.
    """
    recipient, _ = whom
    newest = newest_mail_of(session, recipient.id)
    event = event_of(session, rules, whom, choice, act)
    write_act(session, recipient.id, replace(event, about=newest.key if newest else None), chose(choice.status), act)
    if newest and choice.by_mail:
        note_label(session, rules.team_id, newest, choice.status, act, LabelSource.STATUS)


def event_of(session: Session, rules: Rules, whom: tuple[Recipient, Campaign], choice: Choice, act: Act) -> Event:
    """Return the event of a status that a person chooses; which mail it is about is not said yet."""
    recipient, campaign = whom
    event = Event(
        kind=EventKind.MANUAL,
        happened_at=stamp(session, recipient.id, act.at),
        key=uuid.uuid4().hex,
        status=choice.status,
        # The mail does not say so where something else is why: who takes a later act back learns nothing from this one.
        sure=choice.by_mail,
        **_policy(rules, campaign, choice.status, act.at),
    )
    if choice.until and choice.status is Status.OUT_OF_OFFICE:
        calendar = calendar_of(session, rules.team_id)
        back = calendar.midnight(calendar.after(choice.until, rules.absence_extra_days))
        event = replace(event, until=back, dated=True)
    return event


def resolve_review(session: Session, rules: Rules, item_id: int, status: Status | None, act: Act) -> list[Change]:
    """Settle a review item: its event means this class, Bounced or Appointment Booked; None: there is nothing in it.

    The classifier may learn the class. Where the question was only whether the machine is right, and it is, nothing
    else follows: the status stays the machine's, and newer mail may change it.

    Raises:
        InputError: no such item, or (SettledError) it is open no more.
    """
    item, locked = _open_item(session, rules.team_id, item_id)
    recipient, _, campaign = recipient_of(session, rules.team_id, item.recipient_id)
    mail = session.scalar(
        select(RecipientEvent).where(RecipientEvent.recipient_id == recipient.id, RecipientEvent.key == item.event_key)
    )
    confirmed = status is not None and mail is not None and item.kind in ONLY_ASKED and _said(mail) is status
    event = Event(
        kind=EventKind.REVIEW_RESOLVED,
        happened_at=stamp(session, recipient.id, act.at),
        key=uuid.uuid4().hex,
        status=None if confirmed else status,
        about=item.event_key,
        other_address=mail.other_address if mail else None,
        **_policy(rules, campaign, status, act.at),
    )
    said = status.value if status else "nothing in it"
    write_act(session, recipient.id, event, f"{'confirmed' if confirmed else 'chose'} {said}", act)
    if status and mail:
        note_label(session, rules.team_id, mail, status, act, LabelSource.REVIEW)
    return refold(session, locked, act.at)


def _open_item(session: Session, team_id: int, item_id: int) -> tuple[ReviewItem, list[int]]:
    """Lock the contact of an open review item; return the item and the locked contacts."""
    query = (
        select(ReviewItem, Recipient.contact_id)
        .join(Recipient, Recipient.id == ReviewItem.recipient_id)
        .join(Contact, Contact.id == Recipient.contact_id)
        .where(ReviewItem.id == item_id, Contact.team_id == team_id)
    )
    row = session.execute(query).one_or_none()
    locked = lock(session, [row.contact_id]) if row else []
    # Two people may settle the same item: the second finds it closed once the first lets go of the contact.
    open_ = session.scalar(select(ReviewItem.id).where(ReviewItem.id == item_id, ReviewItem.closed_at.is_(None)))
    if row is None:
        raise NotFoundError(f"no open review item {item_id}; inbox-worker review list shows them")
    if open_ is None:
        raise SettledError(f"no open review item {item_id}: somebody has settled it; review list shows others")
    return row[0], locked


_MEANS = {
    EventKind.AUTO_REPLY: Status.AUTO_RESPONSE,
    EventKind.ABSENCE: Status.OUT_OF_OFFICE,
    EventKind.OPT_OUT: Status.UNSUBSCRIBED,
}


def _said(mail: RecipientEvent) -> Status | None:
    """Return the class that the machine gave a mail."""
    return mail.status if mail.kind is EventKind.REPLY else _MEANS.get(mail.kind)


def _refuse_if_banned(session: Session, contact: Contact) -> None:
    covers = suppressed(session, contact.team_id, [contact.address]).get(contact.address)
    if covers:
        raise InputError(
            f"{contact.address} is under Do Not Email ({covers[0].target}); lift that first (inbox-worker dne remove)"
        )


def recipient_of(session: Session, team_id: int, recipient_id: int) -> tuple[Recipient, Contact, Campaign]:
    """Return a recipient of this team with its contact and campaign.

    Raises:
        InputError: the team has no such recipient.
    """
    row = session.execute(
        select(Recipient, Contact, Campaign)
        .join(Contact, Contact.id == Recipient.contact_id)
        .join(Campaign, Campaign.id == Recipient.campaign_id)
        .where(Recipient.id == recipient_id, Contact.team_id == team_id)
    ).one_or_none()
    if row is None:
        raise NotFoundError(f"no recipient {recipient_id} in this team; inbox-worker recipients list shows them")
    return row[0], row[1], row[2]


def newest_mail_of(session: Session, recipient_id: int) -> RecipientEvent | None:
    """Return the event of the newest mail of a recipient: what a person's word is about."""
    return session.scalar(
        select(RecipientEvent)
        .where(RecipientEvent.recipient_id == recipient_id, *IS_MAIL)
        .order_by(RecipientEvent.happened_at.desc(), RecipientEvent.id.desc())
        .limit(1)
    )


def stamp(session: Session, recipient_id: int, now: datetime) -> datetime:
    """Return a time after everything the person could have seen, even where clocks disagree."""
    newest = [
        session.scalar(
            select(func.max(RecipientEvent.happened_at)).where(
                RecipientEvent.recipient_id == recipient_id, RecipientEvent.retracted_at.is_(None)
            )
        ),
        session.scalar(select(func.max(SentMessage.sent_at)).where(SentMessage.recipient_id == recipient_id)),
    ]
    return max([now, *(each + TICK for each in newest if each)])


def _policy(rules: Rules, campaign: Campaign, status: Status | None, now: datetime) -> dict[str, Any]:
    if status is Status.OUT_OF_OFFICE:
        return {"until": now + timedelta(days=rules.absence_days)}
    if status is Status.AUTO_RESPONSE:
        pauses = campaign.auto_response is AutoResponsePolicy.PAUSE
        return {
            "ends": campaign.auto_response is AutoResponsePolicy.END,
            "until": now + timedelta(days=campaign.auto_response_days) if pauses else None,
        }
    return {"ends": campaign.stop_on_reply}


def write_act(session: Session, recipient_id: int, event: Event, said: str, act: Act) -> None:
    """Write the event of a person's act, with who said what and why."""
    row = event_columns(event) | {
        "recipient_id": recipient_id,
        "because": because_of(said, act),
        "actor": act.by,
        "recorded_at": act.at,
    }
    insert_new(session, RecipientEvent, [row])


def chose(status: Status) -> str:
    """Say that a person chose a status."""
    return f"chose {status.value}"


def because_of(said: str, act: Act) -> list[str]:
    """Return how the history tells an act of a person."""
    return [storable(f"{act.by} {said}" + (f": {act.why}" if act.why else ""))]


def find_recipients(session: Session, team_id: int, address: str, campaign: str | None = None) -> Sequence[int]:
    """Return the ids of an address's recipients, of one campaign where it is named."""
    query = (
        select(Recipient.id)
        .join(Contact, Contact.id == Recipient.contact_id)
        .join(Campaign, Campaign.id == Recipient.campaign_id)
        .where(Contact.team_id == team_id, Contact.address == normal_address(address))
    )
    if campaign:
        query = query.where(or_(Campaign.key == campaign, Campaign.name == campaign))
    return session.scalars(query.order_by(Recipient.id)).all()
