"""What a person may do: set a status, resolve a review, add and lift Do Not Email entries; for every front end."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import Session

from classifier.decode import normal_address, normal_domain
from models.events import ONLY_ASKED, DneReason, Event, EventKind, Status
from models.learning import LabelSource
from models.session import insert_new
from models.tables import (
    AutoResponsePolicy,
    Campaign,
    Contact,
    DneEntry,
    Recipient,
    RecipientEvent,
    ReviewItem,
    SentMessage,
)
from worker.act import Act
from worker.book import covering
from worker.chunks import chunks
from worker.decide import working_days_after
from worker.errors import InputError
from worker.labels import note_label
from worker.providers import PUBLIC_PROVIDERS
from worker.refold import Change, contacts_covered, lock, refold
from worker.sends import ADDRESS
from worker.stored import storable
from worker.tie import Rules, event_columns, lock_team

OPTED_OUT = frozenset({DneReason.UNSUBSCRIBE_REPLY, DneReason.UNSUBSCRIBE_LINK, DneReason.COMPLAINT})
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
        until: for Out of Office the day the person is back; default: the settings' days.
        by_mail: the newest mail says so, and the classifier may learn that from it; otherwise something else does.

    Raises:
        InputError: no such recipient, or Active for an address under Do Not Email.
    """
    recipient, contact, campaign = _recipient(session, rules.team_id, recipient_id)
    locked = lock(session, [contact.id])
    if status is Status.ACTIVE:
        _refuse_if_banned(session, contact)
    newest = _newest_mail(session, recipient.id)
    event = Event(
        kind=EventKind.MANUAL,
        happened_at=_stamp(session, recipient.id, act.at),
        key=uuid.uuid4().hex,
        status=status,
        about=newest.key if newest else None,
        **_policy(rules, campaign, status, act.at, until),
    )
    _insert(session, recipient.id, event, f"chose {status.value}", act)
    if newest and by_mail:
        note_label(session, rules.team_id, newest, status, act, LabelSource.STATUS)
    return refold(session, locked, act.at)


def resolve_review(session: Session, rules: Rules, item_id: int, status: Status | None, act: Act) -> list[Change]:
    """Settle a review item: the mail belongs to this class (or Bounced), or None: there is nothing in it.

    The classifier may learn the class. Where the question was only whether the machine is right, and it is, nothing
    else follows: the status stays the machine's, and newer mail may change it.

    Raises:
        InputError: no such open item.
    """
    item = session.get(ReviewItem, item_id)
    if item is None or item.closed_at is not None:
        raise InputError(f"no open review item {item_id}; inbox-worker review list shows them")
    recipient, contact, campaign = _recipient(session, rules.team_id, item.recipient_id)
    locked = lock(session, [contact.id])
    mail = session.scalar(
        select(RecipientEvent).where(RecipientEvent.recipient_id == recipient.id, RecipientEvent.key == item.event_key)
    )
    confirmed = status is not None and mail is not None and item.kind in ONLY_ASKED and _said(mail) is status
    event = Event(
        kind=EventKind.REVIEW_RESOLVED,
        happened_at=_stamp(session, recipient.id, act.at),
        key=uuid.uuid4().hex,
        status=None if confirmed else status,
        about=item.event_key,
        other_address=mail.other_address if mail else None,
        **_policy(rules, campaign, status, act.at, None),
    )
    said = status.value if status else "nothing in it"
    _insert(session, recipient.id, event, f"{'confirmed' if confirmed else 'chose'} {said}", act)
    if status and mail:
        note_label(session, rules.team_id, mail, status, act, LabelSource.REVIEW)
    return refold(session, locked, act.at)


_MEANS = {
    EventKind.AUTO_REPLY: Status.AUTO_RESPONSE,
    EventKind.ABSENCE: Status.OUT_OF_OFFICE,
    EventKind.OPT_OUT: Status.UNSUBSCRIBED,
}


def _said(mail: RecipientEvent) -> Status | None:
    """Return the class that the machine gave a mail."""
    return mail.status if mail.kind is EventKind.REPLY else _MEANS.get(mail.kind)


def add_dne(
    session: Session,
    team_id: int,
    targets: Mapping[str, str | None],
    reason: DneReason,
    act: Act,
    *,
    force: bool = False,
) -> list[Change]:
    """Add addresses and domains to Do Not Email; a domain covers its subdomains.

    What a person or an import added before is left as it is; an entry that a bounce made is no such reason.

    Args:
        session: inside a write transaction.
        team_id: whose list.
        targets: each address or domain with a note of its own; None: the reason of the act.
        reason: of the addresses; an entry of a domain says that it is one.
        act: who, when and why.
        force: take public mail providers too.

    Raises:
        InputError: a target is neither an address nor a domain, or a public mail provider and `force` is not given.
    """
    notes = {dne_target(target, force=force): note for target, note in targets.items()}
    wanted = sorted(notes)
    # A contact that an import brings at this moment would not be seen, and so not be folded.
    lock_team(session, team_id, exclusive=True)
    live = {
        target
        for chunk in chunks(wanted)
        for target in session.scalars(_live(team_id).where(DneEntry.target.in_(chunk), DneEntry.recipient_id.is_(None)))
    }
    new = [target for target in wanted if target not in live]
    contacts = {contact_id for target in new for contact_id in contacts_covered(session, team_id, target)}
    locked = lock(session, contacts)
    insert_new(
        session,
        DneEntry,
        [
            {
                "team_id": team_id,
                "target": target,
                "reason": reason if "@" in target else DneReason.DOMAIN,
                "source": uuid.uuid4().hex,
                "since": act.at,
                "actor": act.by,
                "note": storable(notes[target] or act.why),
                "recorded_at": act.at,
            }
            for target in new
        ],
    )
    return refold(session, locked, act.at)


def lift_dne(session: Session, team_id: int, target: str, act: Act) -> int:
    """Lift every live entry of exactly this address or domain; return how many. Recipients stay as they are.

    Raises:
        InputError: nothing to lift, or the contact opted out and no reason is given.
    """
    target = _plain(target)
    lock_team(session, team_id, exclusive=True)
    entries = list(
        session.scalars(
            select(DneEntry).where(
                DneEntry.team_id == team_id,
                DneEntry.target == target,
                DneEntry.lifted_at.is_(None),
                DneEntry.withdrawn_at.is_(None),
            )
        )
    )
    if not entries:
        raise InputError(f"{target} has no live Do Not Email entry; inbox-worker dne list shows all")
    if not act.why and any(entry.reason in OPTED_OUT for entry in entries):
        raise InputError(f"{target} opted out; lifting that needs a reason (--why)")
    locked = lock(session, contacts_covered(session, team_id, target))
    session.execute(
        update(DneEntry)
        .where(DneEntry.id.in_([entry.id for entry in entries]), DneEntry.lifted_at.is_(None))
        .values(lifted_at=act.at, lifted_by=act.by, lifted_why=storable(act.why))
    )
    refold(session, locked, act.at)
    return len(entries)


def dne_target(text: str, *, force: bool = False) -> str:
    """Return an address or domain as Do Not Email entries name it.

    Raises:
        InputError: it is neither, or a public mail provider and `force` is not given.
    """
    target = _plain(text)
    if "@" in target:
        if not ADDRESS.fullmatch(target):
            raise InputError(f"{text!r} is no address")
    elif "." not in target or not all(label.replace("-", "").isalnum() for label in target.split(".")):
        raise InputError(f"{text!r} is neither an address nor a domain")
    elif target in PUBLIC_PROVIDERS and not force:
        raise InputError(f"{target} is a public mail provider: everybody there would be banned; --force does it anyway")
    return target


def _plain(text: str) -> str:
    bare = text.strip().removeprefix("@").rstrip(".")
    return normal_address(bare) if "@" in bare else normal_domain(bare) or bare.lower()


def _live(team_id: int) -> Any:
    return select(DneEntry.target).where(
        DneEntry.team_id == team_id, DneEntry.lifted_at.is_(None), DneEntry.withdrawn_at.is_(None)
    )


def _refuse_if_banned(session: Session, contact: Contact) -> None:
    banned = session.scalar(_live(contact.team_id).where(DneEntry.target.in_(covering(contact.address))).limit(1))
    if banned:
        raise InputError(
            f"{contact.address} is under Do Not Email ({banned}); lift that first (inbox-worker dne remove)"
        )


def _recipient(session: Session, team_id: int, recipient_id: int) -> tuple[Recipient, Contact, Campaign]:
    row = session.execute(
        select(Recipient, Contact, Campaign)
        .join(Contact, Contact.id == Recipient.contact_id)
        .join(Campaign, Campaign.id == Recipient.campaign_id)
        .where(Recipient.id == recipient_id, Contact.team_id == team_id)
    ).one_or_none()
    if row is None:
        raise InputError(f"no recipient {recipient_id} in this team; inbox-worker recipients list shows them")
    return row[0], row[1], row[2]


def _newest_mail(session: Session, recipient_id: int) -> RecipientEvent | None:
    return session.scalar(
        select(RecipientEvent)
        .where(
            RecipientEvent.recipient_id == recipient_id,
            RecipientEvent.message_id.is_not(None),
            RecipientEvent.retracted_at.is_(None),
        )
        .order_by(RecipientEvent.happened_at.desc(), RecipientEvent.id.desc())
        .limit(1)
    )


def _stamp(session: Session, recipient_id: int, now: datetime) -> datetime:
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


def _policy(
    rules: Rules, campaign: Campaign, status: Status | None, now: datetime, until: date | None
) -> dict[str, Any]:
    if status is Status.OUT_OF_OFFICE:
        if until:
            back = datetime.combine(working_days_after(until, rules.absence_extra_days), time(), UTC)
            return {"until": back, "dated": True}
        return {"until": now + timedelta(days=rules.absence_days)}
    if status is Status.AUTO_RESPONSE:
        pauses = campaign.auto_response is AutoResponsePolicy.PAUSE
        return {
            "ends": campaign.auto_response is AutoResponsePolicy.END,
            "until": now + timedelta(days=campaign.auto_response_days) if pauses else None,
        }
    return {"ends": campaign.stop_on_reply}


def _insert(session: Session, recipient_id: int, event: Event, said: str, act: Act) -> None:
    because = [storable(f"{act.by} {said}" + (f": {act.why}" if act.why else ""))]
    row = event_columns(event) | {
        "recipient_id": recipient_id,
        "because": because,
        "actor": act.by,
        "recorded_at": act.at,
    }
    insert_new(session, RecipientEvent, [row])


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
