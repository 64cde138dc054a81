"""Counts what waits for somebody: open questions, mail that nobody could place or judge, and deliveries given up."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, literal, select
from sqlalchemy.orm import Session

from models.events import ReviewKind
from models.tables.mail import InboundMessage, MessageState
from models.tables.mailboxes import Mailbox
from models.tables.outside import Delivery, DeliveryState, WebhookEndpoint
from models.tables.standing import ReviewItem
from worker.queries.tallies import Tally, tally

MOST = 5_000
"""From here on counting takes longer than the number is worth."""


@dataclass(frozen=True, slots=True)
class KindTally:
    """How many open questions there are of one kind."""

    kind: ReviewKind
    tally: Tally


@dataclass(frozen=True, slots=True)
class Reviews:
    """The open questions; where there are too many to count, what is said of them is said of the most urgent."""

    open: Tally
    holding: Tally
    """Those for which a sequence waits."""
    kinds: list[KindTally]
    oldest: datetime | None


def open_reviews(session: Session, team_id: int) -> Reviews:
    """Count the open questions of a team."""
    some = (
        select(ReviewItem.kind, ReviewItem.holds, ReviewItem.opened_at)
        .where(ReviewItem.team_id == team_id, ReviewItem.closed_at.is_(None))
        # In the order of an index, which has those for which a sequence waits first.
        .order_by(ReviewItem.urgency)
        .limit(MOST + 1)
        .subquery()
    )
    query = select(some.c.kind, some.c.holds, func.count(), func.min(some.c.opened_at)).group_by(
        some.c.kind, some.c.holds
    )
    kinds: Counter[ReviewKind] = Counter()
    holding, opened = 0, []
    for kind, holds, number, oldest in session.execute(query):
        kinds[kind] += number
        holding += number if holds else 0
        opened.append(oldest)
    more = kinds.total() > MOST
    return Reviews(
        open=Tally(min(kinds.total(), MOST), more),
        holding=Tally(min(holding, MOST), holding > MOST),
        kinds=[KindTally(kind, Tally(number, more)) for kind, number in kinds.most_common()],
        oldest=min(opened, default=None),
    )


def messages_in(session: Session, team_id: int, state: MessageState, since: datetime | None = None) -> Tally:
    """Count the messages of a team that are in a state, of all time or that arrived since a moment."""
    query = (
        select(literal(1))
        .select_from(InboundMessage)
        .join(Mailbox, Mailbox.id == InboundMessage.mailbox_id)
        .where(Mailbox.team_id == team_id, InboundMessage.state == state)
        # In the order of an index: PostgreSQL would read the table from its beginning, through all the old mail.
        .order_by(InboundMessage.arrived_at.desc())
    )
    return tally(session, query if since is None else query.where(InboundMessage.arrived_at >= since), MOST)


def dead_deliveries(session: Session, team_id: int) -> Tally:
    """Count what was given up on its way to other systems."""
    query = (
        select(literal(1))
        .select_from(Delivery)
        .join(WebhookEndpoint, WebhookEndpoint.id == Delivery.endpoint_id)
        .where(WebhookEndpoint.team_id == team_id, Delivery.state == DeliveryState.DEAD)
    )
    return tally(session, query, MOST)
