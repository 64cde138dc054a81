"""What is wrong now with mailboxes and campaigns, read from the database."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy.orm import Session

from worker.watch.bounces import bounce_rates, policy_bounces
from worker.watch.mailboxes import stopped, unmatched, unread, without_token
from worker.watch.sign import Limits, Sign


def signs(session: Session, limits: Limits, now: datetime) -> Iterator[Sign]:
    """Find everything that is wrong now, in every team."""
    yield from bounce_rates(session, limits, now)
    yield from policy_bounces(session, now)
    yield from unread(session, limits, now)
    yield from stopped(session)
    yield from unmatched(session, now)
    yield from without_token(session)
