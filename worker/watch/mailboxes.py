"""Signs that mail is not read, or not understood: mailboxes that fail, that nobody reads, that are not let in."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy import and_, exists, func, or_, select
from sqlalchemy.orm import Session

from models.tables.handling import OAuthGrant
from models.tables.mail import InboundMessage, MessageState
from models.tables.mailboxes import Mailbox
from models.tables.outside import AlarmKind
from worker.watch.health import FAILING, how_to_go_on, why_stopped
from worker.watch.sign import MAILBOX, Limits, Sign, named, sign_of

FAILING_FOR = timedelta(minutes=10)
"""Time without success from which on a mailbox that fails is worth a look."""
STALE_POLLS = 10
"""Polls that a mailbox may miss; never less than `STALE`."""
STALE = timedelta(minutes=30)
UNMATCHED = 20
"""Mails of a day that match nobody, from which on somebody should look where they are more than the others."""
UNMATCHED_WITHIN = timedelta(hours=24)
LONGEST_ERROR = 300


def unread(session: Session, limits: Limits, now: datetime) -> Iterator[Sign]:
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
        yield sign_of(mailbox.team_id, AlarmKind.MAILBOX_FAILING, MAILBOX, mailbox.name, says)
    # One that fails has its own alarm.
    for mailbox in session.scalars(query.where(stale, Mailbox.failures < FAILING)):
        newest = f"since {mailbox.last_success_at:%Y-%m-%d %H:%MZ}" if mailbox.last_success_at else "yet"
        says = f"not read {newest}; {_why_stale(mailbox, limits, now)}"
        yield sign_of(mailbox.team_id, AlarmKind.MAILBOX_STALE, MAILBOX, mailbox.name, says)


def _why_stale(mailbox: Mailbox, limits: Limits, now: datetime) -> str:
    tried = f"the last attempt: {mailbox.last_error[:LONGEST_ERROR]}" if mailbox.last_error else ""
    # Whoever puts a poll off is up; a poll that nobody makes stays due, whatever became of the one before.
    if mailbox.next_poll_at is None or mailbox.next_poll_at <= now - timedelta(seconds=limits.poll_seconds):
        return "; ".join(filter(None, ("advice: see that inbox-worker run is up, and its log", tried)))
    return tried or (
        f"it waits for its turn at {mailbox.host}; advice: allow more connections (INBOX_HOST_CONNECTIONS,"
        " INBOX_HOST_CONNECTS_A_SECOND), or see in the log of inbox-worker run whether the server answers"
    )


def stopped(session: Session) -> Iterator[Sign]:
    """Find mailboxes that are left alone because they are not let in; whose tokens are refused is told elsewhere."""
    refused = exists().where(OAuthGrant.mailbox_id == Mailbox.id, OAuthGrant.error.is_not(None))
    query = select(Mailbox).where(Mailbox.stopped_at.is_not(None), Mailbox.paused_at.is_(None), ~refused)
    for mailbox in session.scalars(query.order_by(Mailbox.id)):
        says = f"{why_stopped(mailbox, LONGEST_ERROR)}; advice: {how_to_go_on(mailbox)}"
        yield sign_of(mailbox.team_id, AlarmKind.SIGN_IN, MAILBOX, mailbox.name, says)


def unmatched(session: Session, now: datetime) -> Iterator[Sign]:
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
    yield from named(session, AlarmKind.UNMATCHED, MAILBOX, says)


def without_token(session: Session) -> Iterator[Sign]:
    """Find mailboxes whose provider refuses to give an access token, in its own words."""
    query = select(Mailbox, OAuthGrant.error).join(OAuthGrant, OAuthGrant.mailbox_id == Mailbox.id)
    query = query.where(OAuthGrant.error.is_not(None), Mailbox.paused_at.is_(None)).order_by(Mailbox.id)
    for mailbox, error in session.execute(query):
        told = f"{mailbox.sign_in.value.capitalize()} gives no access token: {error}"[:LONGEST_ERROR]
        says = f"{told}; advice: {_how_to_get_tokens(mailbox, error)}"
        yield sign_of(mailbox.team_id, AlarmKind.TOKEN, MAILBOX, mailbox.name, says)


def _how_to_get_tokens(mailbox: Mailbox, error: str | None) -> str:
    # The provider does not know us, or not any more (RFC 6749 5.2): no person's consent mends that.
    if (error or "").partition(":")[0] in {"invalid_client", "unauthorized_client"}:
        setting = f"INBOX_{mailbox.sign_in.value.upper()}_CLIENT"
        return f"see that {setting}_ID and {setting}_SECRET are those of the registration, and not expired"
    return f"inbox-worker mailboxes sign-in {mailbox.name}"
