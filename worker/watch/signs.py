"""What is wrong now with mailboxes and campaigns, read from the database."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, and_, exists, func, literal, or_, select
from sqlalchemy.orm import Session

from config.settings import Settings
from models.events import Bounced, Trust
from models.tables.handling import OAuthGrant
from models.tables.mail import VERDICT_OF_MESSAGE, InboundMessage, MessageState, VerdictRow
from models.tables.mailboxes import Mailbox
from models.tables.mailing import Campaign, Recipient, SentMessage
from models.tables.outside import AlarmKind
from models.tables.standing import RecipientEvent
from worker.watch.health import FAILING, how_to_go_on, why_stopped

POLICY_BOUNCES = 3
"""Refusals for what we are or write, in `POLICY_DAYS`, from which on somebody should look."""
POLICY_DAYS = 7
FAILING_FOR = timedelta(minutes=10)
"""Time without success from which on a mailbox that fails is worth a look."""
STALE_POLLS = 10
"""Polls that a mailbox may miss; never less than `STALE`."""
STALE = timedelta(minutes=30)
UNMATCHED = 20
"""Mails of a day that match nobody, from which on somebody should look where they are more than the others."""
UNMATCHED_WITHIN = timedelta(hours=24)

MAILBOX, CAMPAIGN = "mailbox", "campaign"
LONGEST_SUBJECT = 320
LONGEST_ERROR = 300


@dataclass(frozen=True, slots=True)
class Limits:
    """From where on bounces are an alarm: their share of the sends of so many days, and the least sends that tell."""

    bounce_share: float = 0.02
    bounce_days: int = 28
    bounce_sends: int = 20
    poll_seconds: int = 60


@dataclass(frozen=True, slots=True)
class Sign:
    """One thing that is wrong, and what it says to a person."""

    team_id: int
    kind: AlarmKind
    subject: str
    """"mailbox NAME" or "campaign KEY"."""
    says: str


def limits_of(settings: Settings) -> Limits:
    """Return the limits that the settings ask for."""
    return Limits(
        bounce_share=settings.alarm_bounce_share,
        bounce_days=settings.alarm_bounce_days,
        bounce_sends=settings.alarm_bounce_sends,
        poll_seconds=settings.poll_seconds,
    )


def signs(session: Session, limits: Limits, now: datetime) -> Iterator[Sign]:
    """Find everything that is wrong now, in every team."""
    yield from _bounce_rates(session, limits, now)
    yield from _policy_bounces(session, now)
    yield from _mailboxes(session, limits, now)
    yield from _stopped(session)
    yield from _unmatched(session, now)
    yield from _tokens(session)


def _bounce_rates(session: Session, limits: Limits, now: datetime) -> Iterator[Sign]:
    """Compare the sends that failed for good with all, of those that are recent enough."""
    since = now - timedelta(days=limits.bounce_days)
    failed = (
        select(SentMessage.id, SentMessage.mailbox_id, Recipient.campaign_id)
        .join(RecipientEvent, RecipientEvent.recipient_id == SentMessage.recipient_id)
        .join(Recipient, Recipient.id == RecipientEvent.recipient_id)
        .where(*_bounced(Bounced.HARD, since), RecipientEvent.send_id == SentMessage.send_id)
        .where(SentMessage.sent_at >= since)
        .distinct()
    )
    by_mailbox: Counter[int] = Counter()
    by_campaign: Counter[int] = Counter()
    for _, mailbox_id, campaign_id in session.execute(failed):
        by_campaign[campaign_id] += 1
        if mailbox_id is not None:
            by_mailbox[mailbox_id] += 1
    of_mailbox = {
        each: select(literal(1)).where(SentMessage.mailbox_id == each, SentMessage.sent_at >= since)
        for each in by_mailbox
    }
    of_campaign = {
        each: select(literal(1))
        .join_from(SentMessage, Recipient, Recipient.id == SentMessage.recipient_id)
        .where(Recipient.campaign_id == each, SentMessage.sent_at >= since)
        for each in by_campaign
    }
    rates = {
        MAILBOX: _rates(session, limits, by_mailbox, of_mailbox),
        CAMPAIGN: _rates(session, limits, by_campaign, of_campaign),
    }
    advice = {MAILBOX: "pause sending from it", CAMPAIGN: "pause it"}
    for what, found in rates.items():
        says = {
            each: f"{count} of {sends} mails sent in the last {limits.bounce_days} days bounced for good"
            f" ({count / sends:.1%}); advice: {advice[what]} until the addresses are checked"
            for each, (count, sends) in found.items()
        }
        yield from _named(session, AlarmKind.BOUNCE_RATE, what, says)


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


REFUSED = "refused while it was sent"


def _policy_bounces(session: Session, now: datetime) -> Iterator[Sign]:
    """Find mailboxes and campaigns that are refused for what they are or write, with the most frequent reason."""
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
        .where(*_bounced(Bounced.POLICY, now - timedelta(days=POLICY_DAYS)))
    )
    reports: dict[tuple[str, int], dict[tuple[str, int], str]] = defaultdict(dict)
    for event_id, message_id, mailbox_id, campaign_id, why in session.execute(query):
        # One report may be about several people.
        report = ("message", message_id) if message_id else ("event", event_id)
        reports[CAMPAIGN, campaign_id][report] = why or REFUSED
        if mailbox_id is not None:
            reports[MAILBOX, mailbox_id][report] = why or REFUSED
    for what in (MAILBOX, CAMPAIGN):
        says = {
            each: f"{len(whys)} mails were refused for policy or content in the last {POLICY_DAYS} days, most often:"
            f" {Counter(sorted(whys.values())).most_common(1)[0][0].replace('_', ' ')}; advice: see"
            " inbox-worker messages list, and pause sending until the reason is mended"
            for (kind, each), whys in reports.items()
            if kind == what and len(whys) >= POLICY_BOUNCES
        }
        yield from _named(session, AlarmKind.POLICY_BOUNCES, what, says)


def _bounced(kind: Bounced, since: datetime) -> tuple[Any, ...]:
    return (
        RecipientEvent.bounce == kind,
        RecipientEvent.happened_at >= since,
        RecipientEvent.retracted_at.is_(None),
        RecipientEvent.trust == Trust.ACTS,
    )


def _mailboxes(session: Session, limits: Limits, now: datetime) -> Iterator[Sign]:
    """Find mailboxes that fail again and again, and those that nobody reads any more."""
    allowed = max(STALE, timedelta(seconds=STALE_POLLS * limits.poll_seconds))
    never = and_(Mailbox.last_success_at.is_(None), Mailbox.next_poll_at < now - allowed)
    stale = or_(Mailbox.last_success_at < now - allowed, never)
    query = select(Mailbox).where(Mailbox.paused_at.is_(None), Mailbox.stopped_at.is_(None)).order_by(Mailbox.id)
    # By time too: a server that restarts may be met several times in a row by a mailbox that is polled often.
    failing = or_(Mailbox.last_success_at < now - FAILING_FOR, Mailbox.last_success_at.is_(None))
    for mailbox in session.scalars(query.where(Mailbox.failures >= FAILING, failing)):
        error = (mailbox.last_error or "unknown")[:LONGEST_ERROR]
        says = f"at least {FAILING} polls in a row failed; the last: {error}"
        yield _sign(mailbox.team_id, AlarmKind.MAILBOX_FAILING, MAILBOX, mailbox.name, says)
    # One that fails has its own alarm.
    for mailbox in session.scalars(query.where(stale, Mailbox.failures < FAILING)):
        newest = f"since {mailbox.last_success_at:%Y-%m-%d %H:%MZ}" if mailbox.last_success_at else "yet"
        says = f"not read {newest}; {_why_stale(mailbox, limits, now)}"
        yield _sign(mailbox.team_id, AlarmKind.MAILBOX_STALE, MAILBOX, mailbox.name, says)


def _why_stale(mailbox: Mailbox, limits: Limits, now: datetime) -> str:
    tried = f"the last attempt: {mailbox.last_error[:LONGEST_ERROR]}" if mailbox.last_error else ""
    # Whoever puts a poll off is up; a poll that nobody makes stays due, whatever became of the one before.
    if mailbox.next_poll_at is None or mailbox.next_poll_at <= now - timedelta(seconds=limits.poll_seconds):
        return "; ".join(filter(None, ("advice: see that inbox-worker run is up, and its log", tried)))
    return tried or (
        f"it waits for its turn at {mailbox.host}; advice: allow more connections (INBOX_HOST_CONNECTIONS,"
        " INBOX_HOST_CONNECTS_A_SECOND), or see in the log of inbox-worker run whether the server answers"
    )


def _stopped(session: Session) -> Iterator[Sign]:
    """Find mailboxes that are left alone because they are not let in; whose tokens are refused is told elsewhere."""
    refused = exists().where(OAuthGrant.mailbox_id == Mailbox.id, OAuthGrant.error.is_not(None))
    query = select(Mailbox).where(Mailbox.stopped_at.is_not(None), Mailbox.paused_at.is_(None), ~refused)
    for mailbox in session.scalars(query.order_by(Mailbox.id)):
        says = f"{why_stopped(mailbox, LONGEST_ERROR)}; advice: {how_to_go_on(mailbox)}"
        yield _sign(mailbox.team_id, AlarmKind.SIGN_IN, MAILBOX, mailbox.name, says)


def _unmatched(session: Session, now: datetime) -> Iterator[Sign]:
    """Find mailboxes of whose new mail most matches nobody we mailed: sends are probably not told any more."""
    query = (
        select(InboundMessage.mailbox_id, InboundMessage.state, func.count())
        .where(
            InboundMessage.state.in_((MessageState.JUDGED, MessageState.UNMATCHED)),
            InboundMessage.arrived_at >= now - UNMATCHED_WITHIN,
            # Most of what lies in junk folders matches nobody, and should not.
            InboundMessage.clues["junk"].as_boolean().is_not(True),
        )
        .group_by(InboundMessage.mailbox_id, InboundMessage.state)
    )
    counts: dict[int, Counter[MessageState]] = defaultdict(Counter)
    for mailbox_id, state, count in session.execute(query):
        counts[mailbox_id][state] = count
    says = {
        each: f"{found[MessageState.UNMATCHED]} of {found.total()} mails of the last 24 hours match nobody we mailed;"
        " advice: see that sends are imported or learnt (inbox-worker messages list --unmatched)"
        for each, found in counts.items()
        if found[MessageState.UNMATCHED] >= UNMATCHED and found[MessageState.UNMATCHED] * 2 > found.total()
    }
    yield from _named(session, AlarmKind.UNMATCHED, MAILBOX, says)


def _tokens(session: Session) -> Iterator[Sign]:
    """Find mailboxes whose provider refuses to give an access token, in its own words."""
    query = select(Mailbox, OAuthGrant.error).join(OAuthGrant, OAuthGrant.mailbox_id == Mailbox.id)
    query = query.where(OAuthGrant.error.is_not(None), Mailbox.paused_at.is_(None)).order_by(Mailbox.id)
    for mailbox, error in session.execute(query):
        told = f"{mailbox.sign_in.value.capitalize()} gives no access token: {error}"[:LONGEST_ERROR]
        says = f"{told}; advice: {_how_to_get_tokens(mailbox, error)}"
        yield _sign(mailbox.team_id, AlarmKind.TOKEN, MAILBOX, mailbox.name, says)


def _how_to_get_tokens(mailbox: Mailbox, error: str | None) -> str:
    # The provider does not know us, or not any more (RFC 6749 5.2): no person's consent mends that.
    if (error or "").partition(":")[0] in {"invalid_client", "unauthorized_client"}:
        setting = f"INBOX_{mailbox.sign_in.value.upper()}_CLIENT"
        return f"see that {setting}_ID and {setting}_SECRET are those of the registration, and not expired"
    return f"inbox-worker mailboxes sign-in {mailbox.name}"


def _named(session: Session, kind: AlarmKind, what: str, says: Mapping[int, str]) -> Iterator[Sign]:
    table: Any = Mailbox if what == MAILBOX else Campaign
    name = Mailbox.name if what == MAILBOX else Campaign.key
    rows: Iterable[Any] = (
        session.execute(select(table.id, table.team_id, name).where(table.id.in_(says))) if says else ()
    )
    for row_id, team_id, called in rows:
        yield _sign(team_id, kind, what, called, says[row_id])


def _sign(team_id: int, kind: AlarmKind, what: str, name: str, says: str) -> Sign:
    return Sign(team_id, kind, f"{what} {name}"[:LONGEST_SUBJECT], says)
