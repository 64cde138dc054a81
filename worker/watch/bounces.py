"""Signs that mails are not taken: of a mailbox or campaign too many bounce, or are refused for what they are."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, and_, func, literal, select
from sqlalchemy.orm import Session

from models.events import Bounced, Trust
from models.tables.mail import VERDICT_OF_MESSAGE, InboundMessage, VerdictRow
from models.tables.mailing import Recipient, SentMessage
from models.tables.outside import AlarmKind
from models.tables.standing import RecipientEvent
from worker.watch.sign import CAMPAIGN, MAILBOX, Limits, Sign, named

POLICY_BOUNCES = 3
"""Refusals for what we are or write, in `POLICY_DAYS`, from which on somebody should look."""
POLICY_DAYS = 7
REFUSED = "refused while it was sent"
Reports = dict[int, dict[tuple[str, int], str]]
"""Of mailboxes or campaigns: what each report says."""
_ADVICE = {MAILBOX: "pause sending from it", CAMPAIGN: "pause it"}


def bounce_rates(session: Session, limits: Limits, now: datetime) -> Iterator[Sign]:
    """Compare the sends that failed for good with all, of those that are recent enough."""
    since = now - timedelta(days=limits.bounce_days)
    for what, failed in _failed(session, since).items():
        sends = {each: _sends_of(what, each, since) for each in failed}
        says = {
            each: f"{count} of {sent} mails sent in the last {limits.bounce_days} days bounced for good"
            f" ({count / sent:.1%}); advice: {_ADVICE[what]} until the addresses are checked"
            for each, (count, sent) in _rates(session, limits, failed, sends).items()
        }
        yield from named(session, AlarmKind.BOUNCE_RATE, what, says)


def policy_bounces(session: Session, now: datetime) -> Iterator[Sign]:
    """Find mailboxes and campaigns that are refused for what they are or write, with the most frequent reason."""
    for what, reports in _refused(session, now - timedelta(days=POLICY_DAYS)).items():
        says = {
            each: f"{len(whys)} mails were refused for policy or content in the last {POLICY_DAYS} days, most often:"
            f" {Counter(sorted(whys.values())).most_common(1)[0][0].replace('_', ' ')}; advice: see"
            " inbox-worker messages list, and pause sending until the reason is mended"
            for each, whys in reports.items()
            if len(whys) >= POLICY_BOUNCES
        }
        yield from named(session, AlarmKind.POLICY_BOUNCES, what, says)


def _failed(session: Session, since: datetime) -> dict[str, Counter[int]]:
    """Count the sends that failed for good, by mailbox and by campaign."""
    failed = (
        select(SentMessage.id, SentMessage.mailbox_id, Recipient.campaign_id)
        .join(RecipientEvent, RecipientEvent.recipient_id == SentMessage.recipient_id)
        .join(Recipient, Recipient.id == RecipientEvent.recipient_id)
        .where(*_bounced(Bounced.HARD, since), RecipientEvent.send_id == SentMessage.send_id)
        .where(SentMessage.sent_at >= since)
        .distinct()
    )
    counts: dict[str, Counter[int]] = {MAILBOX: Counter(), CAMPAIGN: Counter()}
    for _, mailbox_id, campaign_id in session.execute(failed):
        counts[CAMPAIGN][campaign_id] += 1
        if mailbox_id is not None:
            counts[MAILBOX][mailbox_id] += 1
    return counts


def _sends_of(what: str, row_id: int, since: datetime) -> Select[Any]:
    recent = SentMessage.sent_at >= since
    if what == MAILBOX:
        return select(literal(1)).where(SentMessage.mailbox_id == row_id, recent)
    of_recipient = select(literal(1)).join_from(SentMessage, Recipient, Recipient.id == SentMessage.recipient_id)
    return of_recipient.where(Recipient.campaign_id == row_id, recent)


def _rates(
    session: Session, limits: Limits, failed: Mapping[int, int], sends: Mapping[int, Select[Any]]
) -> dict[int, tuple[int, int]]:
    """Return (failed, sends) of those that fail too often; sends are counted only as far as they matter."""
    found = {}
    for each, count in failed.items():
        most = int(count / limits.bounce_share)
        if most < limits.bounce_sends:
            continue
        sent = session.scalar(select(func.count()).select_from(sends[each].limit(most + 1).subquery())) or 0
        if limits.bounce_sends <= sent <= most:
            found[each] = (count, sent)
    return found


def _refused(session: Session, since: datetime) -> dict[str, Reports]:
    """Return why mails were refused for what they are, by mailbox and by campaign."""
    reason = VerdictRow.details["reason"].as_string()
    mailbox = func.coalesce(InboundMessage.mailbox_id, SentMessage.mailbox_id)
    query = (
        select(RecipientEvent.id, RecipientEvent.message_id, mailbox, Recipient.campaign_id, reason)
        .join(Recipient, Recipient.id == RecipientEvent.recipient_id)
        # What the sending side was told while it sent is no message, and may say which mailbox it sent from.
        .outerjoin(InboundMessage, InboundMessage.id == RecipientEvent.message_id)
        .outerjoin(VerdictRow, VERDICT_OF_MESSAGE)
        .outerjoin(
            SentMessage,
            and_(
                SentMessage.recipient_id == RecipientEvent.recipient_id, SentMessage.send_id == RecipientEvent.send_id
            ),
        )
        .where(*_bounced(Bounced.POLICY, since))
    )
    reports: dict[str, Reports] = {MAILBOX: defaultdict(dict), CAMPAIGN: defaultdict(dict)}
    for event_id, message_id, mailbox_id, campaign_id, why in session.execute(query):
        # One report may be about several people.
        report = ("message", message_id) if message_id else ("event", event_id)
        reports[CAMPAIGN][campaign_id][report] = why or REFUSED
        if mailbox_id is not None:
            reports[MAILBOX][mailbox_id][report] = why or REFUSED
    return reports


def _bounced(kind: Bounced, since: datetime) -> tuple[Any, ...]:
    return (
        RecipientEvent.bounce == kind,
        RecipientEvent.happened_at >= since,
        RecipientEvent.retracted_at.is_(None),
        RecipientEvent.trust == Trust.ACTS,
    )
