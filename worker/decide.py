"""Step 5: from a verdict and its match to events. The only place that knows both vocabularies."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial

from classifier.verdict import (
    Absence,
    AutoResponse,
    Bounce,
    Complaint,
    OptOut,
    Receipt,
    ReceiptKind,
    Reply,
    ReplyClass,
    Verdict,
)
from models.events import Bounced, Event, EventKind, ReviewKind, Status, Trust
from models.tables.mailing import AutoResponsePolicy
from worker.match import Match, Strength
from worker.working_days import EVERYWHERE, Calendar

# Feedback types (RFC 5965, RFC 6591) by which nobody asks for an end of the mail.
NO_COMPLAINT = frozenset({"not-spam", "auth-failure", "virus"})


@dataclass(frozen=True, slots=True)
class Policy:
    """What a campaign does on a reply, the pauses of the whole installation (days), and the team's working days."""

    campaign_key: str
    stop_on_reply: bool = True
    auto_response: AutoResponsePolicy = AutoResponsePolicy.CONTINUE
    auto_response_days: int = 3
    version: int = 1
    absence_days: int = 7
    absence_extra_days: int = 1
    review_share: float = 0.0
    """The share of mail, whatever the machine thinks of it, that is drawn at random for a person to look at."""
    calendar: Calendar = EVERYWHERE
    """The days on which the team works."""


@dataclass(frozen=True, slots=True)
class Mail:
    """What an event keeps of the mail behind it: its lasting key and arrival, and what speaks against believing it."""

    key: str
    arrived_at: datetime
    authentic: bool = True
    junk: bool = False


def decide(verdict: Verdict, mail: Mail, match: Match, address: str, policy: Policy) -> Event | None:
    """Return the event a message causes on the matched recipient, or None where it causes none.

    Args:
        verdict: what we think the message is.
        mail: its key, its arrival, and how far it is believed.
        match: the send it belongs to.
        address: the recipient's address, which with the campaign identifies the recipient in the event's key.
        policy: what the campaign does, as of now; the event stores the outcome.
    """
    event = _event(verdict, mail, policy)
    if event is None:
        return None
    kind = event.keywords["kind"]
    return event(
        key=event_key(mail.key, kind, policy.campaign_key, address),
        trust=Trust.SUGGESTS if _is_about_another(verdict, match) else _trust(kind, match, mail),
        send_id=match.send.send_id if match.strength is Strength.STRONG else None,
        sampled=kind in _CLASSIFIED and is_drawn(mail.key, policy.review_share),
        other_address=match.other_address,
    )


def moved_back(mail_key: str, at: datetime, address: str, policy: Policy) -> Event:
    """Return the event that a person put back a mail which we had moved, on a recipient it is about."""
    key = event_key(mail_key, EventKind.MOVED_BACK, policy.campaign_key, address)
    return Event(kind=EventKind.MOVED_BACK, happened_at=at, key=key)


_CLASSIFIED = frozenset({EventKind.REPLY, EventKind.AUTO_REPLY, EventKind.ABSENCE, EventKind.OPT_OUT})
_ALL = 2**32


def is_drawn(mail_key: str, share: float) -> bool:
    """Say whether a mail is one of those drawn at random; by its key, so that whoever asks gets the same answer."""
    if not share:
        return False
    return int.from_bytes(hashlib.sha256(f"draw\0{mail_key}".encode()).digest()[:4], "big") < share * _ALL


def event_key(mail_key: str, kind: EventKind, campaign_key: str, address: str) -> str:
    """Return the lasting key of an event: the mail, the kind and the recipient, hashed; never a row id."""
    return hashlib.sha256(f"{mail_key}\0{kind}\0{campaign_key}\0{address}".encode()).hexdigest()[:40]


_OF_REPORTS = frozenset({EventKind.BOUNCE, EventKind.COMPLAINT, EventKind.DELIVERED})


def _trust(kind: EventKind, match: Match, mail: Mail) -> Trust:
    if match.strength is Strength.STRONG:
        # Of several readers of one mail a forger could pick any.
        return Trust.SUGGESTS if match.shared and not mail.authentic else Trust.ACTS
    if mail.junk or match.strength is Strength.FROM_ALONE or kind in _OF_REPORTS:
        return Trust.SUGGESTS
    return Trust.ACTS if mail.authentic or kind is not EventKind.OPT_OUT else Trust.SUGGESTS


def _is_about_another(verdict: Verdict, match: Match) -> bool:
    """Say whether a bounce names other addresses only: a Cc of our mail, or what the recipient forwards it to."""
    if not isinstance(verdict, Bounce) or match.by_token:
        return False
    return bool(verdict.recipients) and match.send.address not in verdict.recipients


def _event(verdict: Verdict, mail: Mail, policy: Policy) -> partial[Event] | None:  # noqa: PLR0911 - one case a verdict
    at = mail.arrived_at
    match verdict:
        case Bounce():
            return partial(Event, kind=EventKind.BOUNCE, happened_at=at, bounce=Bounced(verdict.kind.value))
        case Complaint() if verdict.feedback_type not in NO_COMPLAINT:
            return partial(Event, kind=EventKind.COMPLAINT, happened_at=at)
        case Receipt(kind=ReceiptKind.DELIVERED):
            return partial(Event, kind=EventKind.DELIVERED, happened_at=at)
        case OptOut():
            review = ReviewKind.MACHINE_OPT_OUT if verdict.by_machine else None
            return partial(Event, kind=EventKind.OPT_OUT, happened_at=at, review=review)
        case Absence():
            return _absence(at, verdict.return_date, policy)
        case AutoResponse():
            return _auto_reply(at, policy)
        case Reply():
            return _reply(at, verdict, policy)
        case _:
            return None


def _reply(at: datetime, reply: Reply, policy: Policy) -> partial[Event]:
    if reply.sure and reply.reply_class is ReplyClass.UNSUBSCRIBED:
        return partial(Event, kind=EventKind.OPT_OUT, happened_at=at, confidence=reply.confidence)
    if reply.sure and reply.reply_class is ReplyClass.OUT_OF_OFFICE:
        return partial(_absence(at, None, policy), confidence=reply.confidence)
    if reply.sure and reply.reply_class is ReplyClass.AUTO_RESPONSE:
        return partial(_auto_reply(at, policy), confidence=reply.confidence)
    # A likely opt-out that is not sure is held, whatever other class came first.
    reply_class = ReplyClass.UNSUBSCRIBED if reply.hold else reply.reply_class
    return partial(
        Event,
        kind=EventKind.REPLY,
        happened_at=at,
        status=Status(reply_class.value),
        sure=reply.sure and not reply.hold,
        confidence=reply.confidence,
        ends=policy.stop_on_reply,
        review=ReviewKind.NEAR_OPT_OUT if reply.near_opt_out and reply.sure else None,
    )


def _absence(at: datetime, return_date: date | None, policy: Policy) -> partial[Event]:
    until = at + timedelta(days=policy.absence_days)
    if return_date:
        until = policy.calendar.midnight(policy.calendar.after(return_date, policy.absence_extra_days))
    return partial(Event, kind=EventKind.ABSENCE, happened_at=at, until=until, dated=return_date is not None)


def _auto_reply(at: datetime, policy: Policy) -> partial[Event]:
    pauses = policy.auto_response is AutoResponsePolicy.PAUSE
    return partial(
        Event,
        kind=EventKind.AUTO_REPLY,
        happened_at=at,
        ends=policy.auto_response is AutoResponsePolicy.END,
        until=at + timedelta(days=policy.auto_response_days) if pauses else None,
    )
