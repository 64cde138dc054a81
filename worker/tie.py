"""Ties messages to recipients: match, decide, write the events, fold. Asked again when more sends are known."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, or_, select, update
from sqlalchemy.orm import Session

from classifier.verdict import Outgoing, Reply, Verdict, name_of
from models.events import Event
from models.session import insert_new
from models.tables import (
    Campaign,
    InboundMessage,
    Mailbox,
    MessageClue,
    MessageState,
    Recipient,
    RecipientEvent,
    SecondAddress,
    Team,
    VerdictRow,
)
from worker.chunks import chunks
from worker.decide import Mail, Policy, decide
from worker.lookup import find_sends
from worker.match import Clues, Family, Match, match
from worker.refold import Change, lock, refold
from worker.stored import event_columns, load_clues, load_verdict, storable
from worker.teams import calendar_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The team whose sends count, and the settings events follow (days)."""

    team_id: int
    absence_days: int = 7
    absence_extra_days: int = 1
    weak_match_days: int = 90
    review_share: float = 0.0
    all_campaigns: bool = False
    """A reply changes every campaign of the contact, not only the one it answers."""
    link_keys: tuple[str, ...] = field(default=(), repr=False)
    """Keys of the links in our mail, which an opt-out by mail may carry."""


@dataclass(frozen=True, slots=True)
class Tied:
    """A recorded message that may be tied to recipients."""

    message_id: int
    verdict: Verdict
    clues: Clues
    arrived_at: datetime
    mail_key: str


@dataclass(slots=True)
class Outcome:
    """Changes of recipients, and which messages belong to nobody we mailed."""

    changes: list[Change] = field(default_factory=list)
    unmatched: set[int] = field(default_factory=set)


def tie(
    session: Session,
    rules: Rules,
    messages: Sequence[Tied],
    now: datetime,
    earlier: Mapping[int, datetime] | None = None,
) -> Outcome:
    """Match messages, write the events they cause in place of those they caused before, and fold the recipients.

    Args:
        session: inside a write transaction.
        rules: the team and its settings.
        messages: recorded messages with their verdicts.
        now: aware UTC.
        earlier: recorded messages that a second copy shows to have arrived earlier, with that time.
    """
    lock_team(session, rules.team_id, exclusive=False)
    if earlier:
        messages = [*messages, *_moved_earlier(session, rules.team_id, earlier)]
    sends = find_sends(session, rules.team_id, [message.clues for message in messages], rules.link_keys)
    matches = {
        message.message_id: match(message.clues, message.arrived_at, sends, rules.weak_match_days)
        for message in messages
    }
    matches = _in_scope(session, rules, messages, matches)
    seconds = _learn_second_addresses(session, matches)
    contacts = {one.send.contact_id for found in matches.values() for one in found}
    ids = [message.message_id for message in messages]
    locked = lock(session, contacts | _contacts_of_events(session, ids))
    _write_events(session, ids, _event_rows(session, rules, messages, matches, now), now)
    unmatched = {message_id for message_id, found in matches.items() if not found}
    _note_states(session, messages, unmatched)
    outcome = Outcome(refold(session, locked, now), unmatched)
    if seconds:
        outcome.changes += rematch(session, rules, seconds, now)
    return outcome


def lock_team(session: Session, team_id: int, *, exclusive: bool) -> None:
    """Keep sends from arriving (exclusive: mail from being tied) until the end of the transaction.

    Otherwise a mail and the send that explains it, written at the same moment, would not see each other.
    """
    # Not FOR UPDATE: whoever writes a row that names the team would wait for it, and may hold the contact we want.
    query = select(Team.id).where(Team.id == team_id)
    session.execute(query.with_for_update(read=not exclusive, key_share=exclusive))


def rematch(session: Session, rules: Rules, values: Collection[str], now: datetime) -> list[Change]:
    """Match the team's recorded messages again that name one of these Message-IDs, tokens or addresses."""
    changes: list[Change] = []
    for chunk in chunks(sorted(set(values)), 2_000):
        named = select(MessageClue.message_id).where(MessageClue.value.in_(chunk))
        messages = list(_recorded(session, rules.team_id, InboundMessage.id.in_(named)))
        if messages:
            changes += tie(session, rules, messages, now).changes
    return changes


def _recorded(session: Session, team_id: int, which: ColumnElement[bool]) -> Iterator[Tied]:
    query = (
        select(InboundMessage, VerdictRow)
        .join(VerdictRow, VerdictRow.message_id == InboundMessage.id)
        .join(Mailbox, Mailbox.id == InboundMessage.mailbox_id)
        .where(
            Mailbox.team_id == team_id,
            which,
            VerdictRow.kind != name_of(Outgoing()),
            or_(InboundMessage.state == MessageState.JUDGED, InboundMessage.state == MessageState.UNMATCHED),
        )
    )
    for row, verdict in session.execute(query):
        yield Tied(
            row.id,
            load_verdict(verdict.kind, verdict.details),
            load_clues(row.clues),
            row.arrived_at,
            row.content_hash,
        )


def _moved_earlier(session: Session, team_id: int, earlier: Mapping[int, datetime]) -> list[Tied]:
    """Note the earlier arrivals and return the messages, which may belong to other sends now."""
    for message_id, arrived_at in earlier.items():
        session.execute(update(InboundMessage).where(InboundMessage.id == message_id).values(arrived_at=arrived_at))
    return [
        message for chunk in chunks(earlier) for message in _recorded(session, team_id, InboundMessage.id.in_(chunk))
    ]


def _in_scope(
    session: Session, rules: Rules, messages: Sequence[Tied], matches: dict[int, tuple[Match, ...]]
) -> dict[int, tuple[Match, ...]]:
    """Widen replies to every campaign of the contact, where the settings say so."""
    if not rules.all_campaigns:
        return matches
    replies = {message.message_id for message in messages if message.clues.family is Family.REPLY}
    contacts = {one.send.contact_id for message_id in replies for one in matches[message_id]}
    recipients: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for chunk in chunks(contacts):
        query = select(Recipient.contact_id, Recipient.id, Recipient.campaign_id)
        for contact_id, recipient_id, campaign_id in session.execute(query.where(Recipient.contact_id.in_(chunk))):
            recipients[contact_id].append((recipient_id, campaign_id))
    return matches | {
        message_id: tuple(
            one
            if one.send.recipient_id == recipient_id
            else replace(one, send=replace(one.send, recipient_id=recipient_id, campaign_id=campaign_id))
            for one in matches[message_id]
            for recipient_id, campaign_id in recipients[one.send.contact_id]
        )
        for message_id in replies
    }


def _learn_second_addresses(session: Session, matches: Mapping[int, Sequence[Match]]) -> set[str]:
    """Keep the other addresses people answered from; return those that were not known."""
    pairs = {
        (one.send.contact_id, one.other_address) for found in matches.values() for one in found if one.other_address
    }
    known = {
        (row.contact_id, row.address)
        for chunk in chunks({contact_id for contact_id, _ in pairs})
        for row in session.execute(
            select(SecondAddress.contact_id, SecondAddress.address).where(SecondAddress.contact_id.in_(chunk))
        )
    }
    new = sorted(pairs - known)
    insert_new(session, SecondAddress, [{"contact_id": contact_id, "address": address} for contact_id, address in new])
    return {address for _, address in new if address}


def _contacts_of_events(session: Session, message_ids: Collection[int]) -> set[int]:
    query = select(Recipient.contact_id).join(RecipientEvent, RecipientEvent.recipient_id == Recipient.id)
    return {
        contact_id
        for chunk in chunks(message_ids)
        for contact_id in session.scalars(query.where(RecipientEvent.message_id.in_(chunk)))
    }


def _event_rows(
    session: Session,
    rules: Rules,
    messages: Sequence[Tied],
    matches: Mapping[int, Sequence[Match]],
    now: datetime,
) -> dict[tuple[int, str], dict[str, Any]]:
    """Return (recipient, key) -> row for every event the messages cause."""
    policies = _policies(session, rules, {one.send.campaign_id for found in matches.values() for one in found})
    rows: dict[tuple[int, str], dict[str, Any]] = {}
    for message in messages:
        mail = Mail(message.mail_key, message.arrived_at, authentic=message.clues.authentic)
        for one in matches[message.message_id]:
            policy = policies[one.send.campaign_id]
            event = decide(message.verdict, mail, one, one.send.address, policy)
            if event is not None:
                row = _event_row(event, message, one, policy, now)
                rows[one.send.recipient_id, event.key] = row
    return rows


def _policies(session: Session, rules: Rules, campaign_ids: Collection[int]) -> dict[int, Policy]:
    calendar = calendar_of(session, rules.team_id)
    return {
        row.id: Policy(
            row.key,
            row.stop_on_reply,
            row.auto_response,
            row.auto_response_days,
            row.policy_version,
            rules.absence_days,
            rules.absence_extra_days,
            rules.review_share,
            calendar,
        )
        for chunk in chunks(campaign_ids)
        for row in session.scalars(select(Campaign).where(Campaign.id.in_(chunk)))
    }


def _event_row(event: Event, message: Tied, one: Match, policy: Policy, now: datetime) -> dict[str, Any]:
    evidence = [f"{each.detector}: {each.because}" for each in message.verdict.evidence]
    return event_columns(event) | {
        "recipient_id": one.send.recipient_id,
        "message_id": message.message_id,
        "because": storable([*evidence, f"matched by {', '.join(one.keys)}"], 1_000),
        "artifact": message.verdict.artifact if isinstance(message.verdict, Reply) else None,
        "policy_version": policy.version,
        "actor": None,
        "retracted_at": None,
        "recorded_at": now,
    }


# What a better match may change of a stored event; what was decided then stays.
_BY_MATCH = ("trust", "send_id", "other_address", "because", "retracted_at")


def _write_events(
    session: Session, message_ids: Sequence[int], rows: Mapping[tuple[int, str], dict[str, Any]], now: datetime
) -> None:
    """Put the events the messages cause in place of those they caused before.

    An event of another row of the same mail (a second mailbox of the team, a mailbox that was added again) is the
    same event: it keeps the earliest arrival.
    """
    keys = {key for _, key in rows}
    stored = {
        (row.recipient_id, row.key): row
        for column, values in ((RecipientEvent.message_id, message_ids), (RecipientEvent.key, keys))
        for chunk in chunks(values)
        for row in session.scalars(select(RecipientEvent).where(column.in_(chunk)))
    }
    insert_new(session, RecipientEvent, [row for key, row in rows.items() if key not in stored])
    for key, old in stored.items():
        new = rows.get(key)
        if new is None:
            if old.message_id in message_ids:
                old.retracted_at = old.retracted_at or now
            continue
        _arrived(old, new["happened_at"])
        for name in _BY_MATCH:
            if getattr(old, name) != new[name]:
                setattr(old, name, new[name])
    session.flush()


def _arrived(event: RecipientEvent, at: datetime) -> None:
    """Move an event to an earlier arrival of its mail, and with it a pause that counts from there."""
    if at < event.happened_at:
        if event.until is not None and not event.dated:
            event.until -= event.happened_at - at
        event.happened_at = at


def _note_states(session: Session, messages: Sequence[Tied], unmatched: Collection[int]) -> None:
    for state, ids in (
        (MessageState.UNMATCHED, [each.message_id for each in messages if each.message_id in unmatched]),
        (MessageState.JUDGED, [each.message_id for each in messages if each.message_id not in unmatched]),
    ):
        for chunk in chunks(ids):
            session.execute(
                update(InboundMessage)
                .where(InboundMessage.id.in_(chunk), InboundMessage.state != state)
                .values(state=state)
                .execution_options(synchronize_session=False)
            )
