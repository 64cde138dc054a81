"""Ties messages to recipients: match, decide, write the events, fold. Asked again when more sends are known."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from classifier.verdict import Outgoing, Reply, Verdict, name_of
from models.among import among
from models.events import Event
from models.tables.mail import VERDICT_OF_MESSAGE, InboundMessage, MessageClue, MessageState, VerdictRow
from models.tables.mailboxes import Mailbox
from models.tables.mailing import Campaign, Recipient
from models.tables.standing import RecipientEvent
from worker.chunks import chunks
from worker.decide import Mail, Policy, decide, moved_back
from worker.match import Clues, Family, Match, match
from worker.matching.lookup import find_sends
from worker.rules import Rules
from worker.tracing import step
from worker.working_days import Calendar
from worker.writing.caused import write_events
from worker.writing.locks import lock, lock_team
from worker.writing.moves import Return, returns_of, want_moves
from worker.writing.record import note_states
from worker.writing.refold import Change, refold
from worker.writing.second_addresses import learn, unlearn
from worker.writing.stored import event_columns, load_clues, load_verdict, storable


@dataclass(frozen=True, slots=True)
class Tied:
    """A recorded message that may be tied to recipients."""

    message_id: int
    verdict: Verdict
    clues: Clues
    arrived_at: datetime
    mail_key: str
    fresh: bool = False
    """Recorded in this very transaction, so that nothing in the database speaks of it yet."""


@dataclass(frozen=True, slots=True)
class Anew:
    """Recorded messages to look at again, by row id, for what further copies of them tell.

    `earlier`: they arrived earlier, at that time; `out_of_junk`: nobody need doubt them for lying in junk;
    `returned`: a person put them back where we had moved them from.
    """

    earlier: Mapping[int, datetime] = field(default_factory=dict)
    out_of_junk: Collection[int] = ()
    returned: Collection[int] = ()


NOTHING_NEW = Anew()


@dataclass(slots=True)
class Outcome:
    """Changes of recipients, and which messages belong to nobody we mailed."""

    changes: list[Change] = field(default_factory=list)
    unmatched: set[int] = field(default_factory=set)


def tie(session: Session, rules: Rules, messages: Sequence[Tied], now: datetime, anew: Anew = NOTHING_NEW) -> Outcome:
    """Match messages, write the events they cause in place of those they caused before, and fold the recipients.

    Args:
        session: inside a write transaction.
        rules: the team and its settings.
        messages: recorded messages with their verdicts.
        now: aware UTC.
        anew: recorded messages to look at again.
    """
    calendar = lock_team(session, rules.team_id, exclusive=False)
    messages = [*messages, *_seen_anew(session, rules.team_id, anew)]
    matches = _matches(session, rules, messages)
    seconds = learn(session, matches)
    contacts = {one.send.contact_id for found in matches.values() for one in found}
    seen = [message.message_id for message in messages if not message.fresh]  # What events may speak of already.
    locked = lock(session, contacts | _contacts_of_events(session, seen))
    returns = returns_of(session, seen)
    campaigns = {one.send.campaign_id for found in matches.values() for one in found}
    policies = _policies(session, rules, campaigns, calendar)
    rows = _event_rows(messages, matches, policies, returns, now)
    write_events(session, seen, rows, now)
    want_moves(session, rules.team_id, rows.values(), now)
    unmatched = {message_id for message_id, found in matches.items() if not found}
    note_states(session, unmatched, set(seen) - unmatched)
    outcome = Outcome(refold(session, locked, now), unmatched)
    if seconds:
        outcome.changes += rematch(session, rules, seconds, now)
    return outcome


@step("match")
def _matches(session: Session, rules: Rules, messages: Sequence[Tied]) -> dict[int, tuple[Match, ...]]:
    """Return the sends that each message answers."""
    clues = [message.clues for message in messages]
    sends = find_sends(session, rules.team_id, clues, rules.link_keys)
    mailed = {each.from_address for each in clues if sends.is_mailed(each.from_address)}
    if not mailed.isdisjoint(sends.learnt) and unlearn(session, rules.team_id, mailed):
        sends = find_sends(session, rules.team_id, clues, rules.link_keys)
    matches = {each.message_id: match(each.clues, each.arrived_at, sends, rules.weak_match_days) for each in messages}
    return _in_scope(session, rules, messages, matches)


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
        .join(VerdictRow, VERDICT_OF_MESSAGE)
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


def _seen_anew(session: Session, team_id: int, anew: Anew) -> list[Tied]:
    """Note what is new about the messages and return them, which may belong to other sends now, or act."""
    ids = {*anew.earlier, *anew.out_of_junk, *anew.returned}
    found: list[Tied] = []
    for chunk in chunks(ids):
        these = InboundMessage.id.in_(chunk)
        for row in session.scalars(select(InboundMessage).where(these)):
            row.arrived_at = anew.earlier.get(row.id, row.arrived_at)
            if row.id in anew.out_of_junk:
                row.clues = row.clues | {"junk": False}
        found += _recorded(session, team_id, these)
    return found


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


def _contacts_of_events(session: Session, message_ids: Collection[int]) -> set[int]:
    return set(session.scalars(_CONTACTS_OF_EVENTS, {"messages": message_ids})) if message_ids else set()


_RECIPIENT, _EVENT, _CAMPAIGN = (model.__table__.c for model in (Recipient, RecipientEvent, Campaign))
_CONTACTS_OF_EVENTS = (
    select(_RECIPIENT.contact_id)
    .select_from(Recipient.__table__.join(RecipientEvent.__table__, _EVENT.recipient_id == _RECIPIENT.id))
    .where(among(_EVENT.message_id, "messages"))
)


@step("decide")
def _event_rows(
    messages: Sequence[Tied],
    matches: Mapping[int, Sequence[Match]],
    policies: Mapping[int, Policy],
    returns: Mapping[int, Return],
    now: datetime,
) -> dict[tuple[int, str], dict[str, Any]]:
    """Return (recipient, key) -> row for every event the messages cause."""
    rows: dict[tuple[int, str], dict[str, Any]] = {}
    for message in messages:
        clues, back = message.clues, returns.get(message.message_id)
        mail = Mail(message.mail_key, message.arrived_at, authentic=clues.authentic, junk=clues.junk)
        for one in matches[message.message_id]:
            policy, address = policies[one.send.campaign_id], one.send.address
            event = decide(message.verdict, mail, one, address, policy)
            if event is not None:
                rows[one.send.recipient_id, event.key] = _event_row(event, message, one, policy, now)
            if back is not None:
                event = moved_back(mail.key, back.at, address, policy)
                row = _event_row(event, message, one, policy, now)
                rows[one.send.recipient_id, event.key] = row | {"because": [back.because], "artifact": None}
    return rows


_POLICIES = select(
    _CAMPAIGN.id,
    _CAMPAIGN.key,
    _CAMPAIGN.stop_on_reply,
    _CAMPAIGN.auto_response,
    _CAMPAIGN.auto_response_days,
    _CAMPAIGN.policy_version,
).where(among(_CAMPAIGN.id, "campaigns"))


def _policies(session: Session, rules: Rules, campaign_ids: set[int], calendar: Calendar) -> dict[int, Policy]:
    ours = (rules.absence_days, rules.absence_extra_days, rules.review_share, calendar)
    found = session.execute(_POLICIES, {"campaigns": campaign_ids}) if campaign_ids else ()
    return {
        row.id: Policy(row.key, row.stop_on_reply, row.auto_response, row.auto_response_days, row.policy_version, *ours)
        for row in found
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
