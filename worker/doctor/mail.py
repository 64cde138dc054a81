"""Findings about mailboxes and what came of their mail."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from config.settings import is_here
from models.tables.mail import InboundMessage, MessageState
from models.tables.mailboxes import Mailbox
from models.tables.mailing import SentMessage
from models.tables.people import Team
from models.tables.standing import ReviewItem
from worker.watch.health import Finding, notable, wrong

MOST = 1_000
"""So many are counted at most: a diagnosis has to be quick."""
NAMED = 5
OLD = timedelta(days=3)
"""For so long a sequence may be held by an open question before it is told."""


def insecure(session: Session) -> Iterator[Finding]:
    """Find mailboxes whose passwords everybody on the way can read."""
    query = select(Mailbox.name, Mailbox.host).where(Mailbox.security == "plain").order_by(Mailbox.name)
    names = [name for name, host in session.execute(query) if not is_here(host)]
    if names:
        says = f"passwords and mail go unencrypted over the network: {_some(names)}"
        yield notable("plain mailboxes", says, f"run: inbox-worker mailboxes set {names[0]} --security tls")


def authorities(session: Session) -> Iterator[Finding]:
    """Find certificate authorities of private servers that cannot be used."""
    query = (
        select(Mailbox.ca_file, func.min(Mailbox.name)).where(Mailbox.ca_file.is_not(None)).group_by(Mailbox.ca_file)
    )
    for path, name in session.execute(query.order_by(Mailbox.ca_file)):
        try:
            ssl.create_default_context(cafile=path)
        except OSError as error:
            step = f"run: inbox-worker mailboxes set {name} --ca-file FILE"
            yield wrong(f"ca file {path}", f"cannot be used: {error.strerror or error}", step)


def known_sends(session: Session) -> Iterator[Finding]:
    """Find teams that told nothing of what they sent, so that no mail can be about anybody."""
    read = exists().where(Mailbox.team_id == Team.id, Mailbox.last_success_at.is_not(None))
    sent = exists().where(SentMessage.team_id == Team.id)
    for name in session.scalars(select(Team.name).where(read, ~sent).order_by(Team.name)):
        yield notable(
            f"sends of team {name}",
            "nothing is known of what was sent, so no mail can be about anybody",
            "run: inbox-worker sends import FILE; or let the Sent folder be read (mailboxes set NAME --learn-sends)",
        )


def set_aside(session: Session) -> Iterator[Finding]:
    """Find mail that could not be judged or written."""
    some = select(InboundMessage.id).where(InboundMessage.state == MessageState.SET_ASIDE).limit(MOST)
    count = session.scalar(select(func.count()).select_from(some.subquery())) or 0
    if count:
        says = f"mail that could not be judged or written: {_counted(count)}"
        yield notable("set aside", says, "see inbox-worker review list --aside; then run: inbox-worker review retry")


def held(session: Session, now: datetime) -> Iterator[Finding]:
    """Find questions to people for which sequences have waited long."""
    waiting = (ReviewItem.closed_at.is_(None), ReviewItem.holds.is_(True), ReviewItem.opened_at < now - OLD)
    some = select(ReviewItem.id).where(*waiting).limit(MOST)
    count = session.scalar(select(func.count()).select_from(some.subquery())) or 0
    if count:
        says = f"sequences that wait for an answer for more than {OLD.days} days: {_counted(count)}"
        yield notable("review", says, "answer them in the console, or see inbox-worker review list")


def _counted(count: int) -> str:
    return str(count) if count < MOST else f"{MOST:,} or more"


def _some(names: list[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
