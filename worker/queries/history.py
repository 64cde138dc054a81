"""The whole story of one address, in order: mail, verdict and evidence, event, status, who."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from classifier.decode import normal_address
from models.tables.mail import VERDICT_OF_MESSAGE, InboundMessage, VerdictRow
from models.tables.mailing import Campaign, Contact, Recipient, SecondAddress, SentMessage
from models.tables.outside import AutomationCommand, AutomationRule
from models.tables.standing import DneEntry, RecipientEvent, ReviewItem, StatusChange
from worker.errors import NotFoundError
from worker.queries.erasures import erasures
from worker.queries.story import Row, entry_row, is_campaign, list_reviews, standing_row
from worker.secrets.pseudonyms import is_pseudonym
from worker.writing.book import covering
from worker.writing.suppression import erased


def tell(session: Session, team_id: int, address: str, campaign: str | None = None) -> Row:
    """Return the whole story of an address: entries, and for each campaign what happened in order, and open reviews.

    Raises:
        InputError: nothing is known about the address, or it was erased on request.
    """
    address = normal_address(address)
    refuse_erased(session, team_id, address)
    contact = _contact(session, team_id, address)
    known_as = contact.address if contact else address
    entries = _entries(session, team_id, known_as)
    if contact is None and not entries:
        raise NotFoundError(f"nothing is known about {address}; inbox-worker recipients list --address PART searches")
    live = [entry for entry in entries if entry["lifted_at"] is None and entry["withdrawn_at"] is None]
    return {
        "contact_id": contact.id if contact else None,
        "address": known_as,
        "other_addresses": _others(session, contact) if contact else [],
        "contact": "Do Not Email" if live else "Active",
        "entries": entries,
        "recipients": _recipients(session, contact, campaign) if contact else [],
        "erased": erasures(session, team_id, [known_as]) if is_pseudonym(known_as) else [],
    }


def refuse_erased(session: Session, team_id: int, address: str) -> None:
    """See that whoever asks by an address finds nothing of what goes on without it, where it was erased.

    Raises:
        NotFoundError: it was; says when and by whom, and no more.
    """
    for gone, name in erased(session, team_id, [normal_address(address)]).items():
        when = [f", {each['at']:%Y-%m-%d} by {each['by']}" for each in erasures(session, team_id, [name])]
        raise NotFoundError(
            f"{gone} was erased on request{when[0] if when else ''}; all that is kept is that it may not be mailed"
        )


def _contact(session: Session, team_id: int, address: str) -> Contact | None:
    """Find a contact by its address, else by another address the person answered from."""
    team = select(Contact).where(Contact.team_id == team_id)
    by_other = team.join(SecondAddress, SecondAddress.contact_id == Contact.id).where(SecondAddress.address == address)
    return session.scalar(team.where(Contact.address == address)) or session.scalar(
        by_other.order_by(Contact.id).limit(1)
    )


def _entries(session: Session, team_id: int, address: str) -> list[Row]:
    query = select(DneEntry).where(DneEntry.team_id == team_id, DneEntry.target.in_(covering(address)))
    return [entry_row(entry) for entry in session.scalars(query.order_by(DneEntry.since, DneEntry.id))]


def _recipients(session: Session, contact: Contact, campaign: str | None) -> list[Row]:
    query = (
        select(Recipient, Campaign.key, Campaign.name)
        .join(Campaign, Campaign.id == Recipient.campaign_id)
        .where(Recipient.contact_id == contact.id)
        .order_by(Campaign.key)
    )
    if campaign:
        query = query.where(is_campaign(campaign))
    found = session.execute(query).all()
    ids = [recipient.id for recipient, _, _ in found]
    stories = _stories(session, ids)
    asked = _asked_about(session, ids)
    return [
        {
            "id": recipient.id,
            "campaign": key,
            "campaign_name": name,
            **standing_row(recipient),
            "story": stories[recipient.id],
            "reviews": list_reviews(session, contact.team_id, recipient_id=recipient.id)
            if recipient.id in asked
            else [],
        }
        for recipient, key, name in found
    ]


def _asked_about(session: Session, recipient_ids: Collection[int]) -> set[int]:
    """Return which recipients have an open question, which few have."""
    query = select(ReviewItem.recipient_id, ReviewItem.closed_at).where(ReviewItem.recipient_id.in_(recipient_ids))
    # Asked for by the database, SQLite would go through the open questions of everybody.
    return {item.recipient_id for item in session.execute(query) if item.closed_at is None}


def _others(session: Session, contact: Contact) -> list[Row]:
    query = select(SecondAddress).where(SecondAddress.contact_id == contact.id).order_by(SecondAddress.address)
    return [
        {"address": other.address, "by": other.actor, "why": other.why, "since": other.recorded_at}
        for other in session.scalars(query)
    ]


def _stories(session: Session, recipient_ids: Collection[int]) -> dict[int, list[Row]]:
    """Return the story of each recipient; all of them are read at once."""
    query = select(StatusChange).where(StatusChange.recipient_id.in_(recipient_ids)).order_by(StatusChange.id)
    changes: dict[int, list[StatusChange]] = defaultdict(list)
    for change in session.scalars(query):
        changes[change.recipient_id].append(change)
    sends = _sends(session, recipient_ids)
    events = _events(session, recipient_ids)
    commands = _commands(session, recipient_ids)
    return {each: _story(sends[each], events[each], commands[each], changes[each]) for each in recipient_ids}


def _story(sends: list[Row], events: list[Row], commands: list[Row], changes: Iterable[StatusChange]) -> list[Row]:
    """Return what happened to a recipient by the time it happened, each event with the changes it caused.

    A change that no stored event caused (time passed, a rule acted, Do Not Email arose elsewhere) stands at the time
    at which it was noticed.
    """
    by_key = {row["key"]: row for row in events}
    rows = [*sends, *events, *commands]
    for change in changes:
        row = _change(change)
        cause = by_key.get(change.event_key or "")
        # An event that gave the status long ago does not explain what changed later beside it, as a hold that fell.
        if cause is not None and (row["from"] != row["to"] or row["because"] == cause["because"]):
            cause["changes"].append(row)
        else:
            rows.append({"at": row["at"], "event": "changed", "because": [], "changes": [row]})
    return sorted(rows, key=lambda row: (row["at"], _SENT_FIRST.get(row["event"], 1)))


_SENT_FIRST = {"sent": 0, "changed": 2, "automation": 3}
"""What we sent comes before what came back within the same second, and what followed after it."""


def _sends(session: Session, recipient_ids: Collection[int]) -> dict[int, list[Row]]:
    query = select(SentMessage).where(SentMessage.recipient_id.in_(recipient_ids)).order_by(SentMessage.id)
    return _by_recipient((sent.recipient_id, _sent(sent)) for sent in session.scalars(query))


def _by_recipient(rows: Iterable[tuple[int, Row]]) -> dict[int, list[Row]]:
    found: dict[int, list[Row]] = defaultdict(list)
    for recipient_id, row in rows:
        found[recipient_id].append(row)
    return found


def _sent(sent: SentMessage) -> Row:
    return {
        "at": sent.sent_at,
        "event": "sent",
        "subject": sent.subject_key,
        "send_id": sent.send_id,
        "because": [],
        "changes": [],
    }


def _events(session: Session, recipient_ids: Collection[int]) -> dict[int, list[Row]]:
    query = (
        select(RecipientEvent, InboundMessage.subject, VerdictRow.kind)
        .outerjoin(InboundMessage, InboundMessage.id == RecipientEvent.message_id)
        .outerjoin(VerdictRow, VERDICT_OF_MESSAGE)
        .where(RecipientEvent.recipient_id.in_(recipient_ids))
        .order_by(RecipientEvent.id)
    )
    return _by_recipient((event.recipient_id, _event(event, *more)) for event, *more in session.execute(query))


def _event(event: RecipientEvent, subject: str | None, verdict: str | None) -> Row:
    return {
        "at": event.happened_at,
        "event": event.kind.value,
        "key": event.key,
        "verdict": verdict,
        "class": event.status.value if event.status else None,
        "bounce": event.bounce.value if event.bounce else None,
        "confidence": event.confidence,
        "sure": event.sure,
        "until": event.until,
        "acts": event.trust.value,
        "link": event.link,
        "about": event.about,
        "subject": subject,
        "message": event.message_id,
        "because": event.because,
        "by": event.actor,
        "retracted_at": event.retracted_at,
        "changes": [],
    }


def _commands(session: Session, recipient_ids: Collection[int]) -> dict[int, list[Row]]:
    query = (
        select(AutomationCommand, AutomationRule.name)
        .join(AutomationRule, AutomationRule.id == AutomationCommand.rule_id)
        .where(AutomationCommand.recipient_id.in_(recipient_ids))
        .order_by(AutomationCommand.id)
    )
    return _by_recipient((command.recipient_id, _command(command, rule)) for command, rule in session.execute(query))


def _command(command: AutomationCommand, rule: str) -> Row:
    return {
        "at": command.recorded_at,
        "event": "automation",
        "rule": rule,
        "did": command.action,
        "outcome": command.outcome,
        "because": [],
        "changes": [],
    }


def _change(change: StatusChange) -> Row:
    return {
        "at": change.recorded_at,
        "from": change.from_status.value if change.from_status else None,
        "to": change.to_status.value,
        "from_sequence": change.from_sequence.value if change.from_sequence else None,
        "to_sequence": change.to_sequence.value,
        "because": change.because,
        "by": change.actor,
    }
