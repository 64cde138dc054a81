"""Counts a team's days (UTC) ahead of time, since that would take too long whenever a page shows them."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Engine, and_, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from classifier.verdict import ReplyClass
from config import logs
from models.events import Bounced, Status, Trust
from models.session import INSERTS, reading, transaction
from models.tables.figures import Counted, DayFigure
from models.tables.mail import VERDICT_OF_MESSAGE, InboundMessage, MessageState, VerdictRow
from models.tables.mailboxes import Mailbox
from models.tables.mailing import Recipient, SentMessage
from models.tables.people import Team
from models.tables.standing import RecipientEvent

log = logs.logger(__name__)

COUNT_SECONDS = 300
"""How often the daemon counts."""
OLD = timedelta(minutes=10)
"""Figures of this age say that no daemon counts."""
PATIENCE_SECONDS = 1.0
_COUNTING = threading.Lock()
"""One page of a process counts at a time."""
DAYS = 30
"""Counted at the first count of a day: sends are imported and mail is taken in long after the day."""
AGAIN = 2
"""Counted every time: today, and yesterday, whose last mail was taken in after midnight."""

_REPLY = "reply: "
LABELS: Mapping[str, str] = {
    **{_REPLY + each: each for each in ReplyClass},
    "bounce": "Bounce",
    "complaint": "Complaint",
    "receipt": "Delivery receipt",
    "opt_out": "Opt-out",
    "absence": "Absence notice",
    "auto_response": "Automatic answer",
}
"""What mail is counted as, and what that is called on a page; our own mail is not counted."""
NAMES: Mapping[Counted, Sequence[str]] = {
    Counted.STATUS: tuple(Status),
    Counted.VERDICT: tuple(LABELS),
    Counted.SENT: ("",),
    Counted.BOUNCED: tuple(Bounced),
}
"""Each is written for each day that is counted, so that a zero stands there and replaces what was counted before."""

Counts = Mapping[str, int]


def count_all(engine: Engine, now: datetime, stopping: Callable[[], bool] = lambda: False) -> None:
    """Count for every team, one after the other."""
    with reading(engine) as session:
        teams = session.scalars(select(Team.id).order_by(Team.id)).all()
    for team_id in teams:
        if stopping():
            return
        count(engine, team_id, now)


def fresh(engine: Engine, team_id: int, now: datetime) -> None:
    """Count for a team where nobody did for a while: no daemon runs.

    Whoever asks waits a moment for it; what takes longer, or fails, is there the next time.
    """
    with reading(engine) as session:
        at = counted_at(session, team_id)
    # A clock that was ahead once does not keep anybody from counting.
    if at is not None and abs(now - at) < OLD:
        return
    if not _COUNTING.acquire(blocking=False):
        return
    counting = threading.Thread(target=_count_alone, args=[engine, team_id, now], name="counting", daemon=True)
    counting.start()
    counting.join(PATIENCE_SECONDS)


def _count_alone(engine: Engine, team_id: int, now: datetime) -> None:
    try:
        count(engine, team_id, now)
    except Exception:
        log.exception(
            "counting_failed",
            says="counting for team {team_id} failed; the figures of the last time are shown",
            team_id=team_id,
        )
    finally:
        _COUNTING.release()


def count(engine: Engine, team_id: int, now: datetime) -> None:
    """Count a team's last days; reading takes no lock, and only what was found is written in a transaction."""
    today = now.astimezone(UTC).date()
    with reading(engine) as session:
        at = counted_at(session, team_id)
        days = AGAIN if at and at.date() == today else DAYS
        rows = [
            {"team_id": team_id, "day": day, "counted": counted, "name": name, "count": found.get(name, 0)}
            for day, counted, found in _count(session, team_id, today, days)
            for name in NAMES[counted]
        ]
    with transaction(engine) as session:
        _write(session, [row | {"counted_at": now} for row in rows])


def counted_at(session: Session, team_id: int) -> datetime | None:
    """Return when a team was counted last."""
    query = select(DayFigure.counted_at).where(DayFigure.team_id == team_id).order_by(DayFigure.day.desc())
    return session.scalar(query.limit(1))


def figures(session: Session, team_id: int, counted: Counted, since: date) -> dict[date, dict[str, int]]:
    """Return what was counted by day, from the oldest on; a day on which nobody counted is missing."""
    query = (
        select(DayFigure.day, DayFigure.name, DayFigure.count)
        .where(DayFigure.team_id == team_id, DayFigure.day >= since, DayFigure.counted == counted)
        .order_by(DayFigure.day)
    )
    found: dict[date, dict[str, int]] = defaultdict(dict)
    for day, name, number in session.execute(query):
        found[day][name] = number
    return dict(found)


def _count(session: Session, team_id: int, today: date, days: int) -> Iterator[tuple[date, Counted, Counts]]:
    # Which status somebody had on a day of the past is not stored.
    yield today, Counted.STATUS, _statuses(session, team_id)
    for day in (today - timedelta(days=back) for back in range(days)):
        yield day, Counted.VERDICT, _verdicts(session, team_id, day)
        yield day, Counted.SENT, {"": _sends(session, team_id, day)}
        yield day, Counted.BOUNCED, _bounces(session, team_id, day)


def _statuses(session: Session, team_id: int) -> Counts:
    query = (
        select(Recipient.status, func.count())
        .where(Recipient.team_id == team_id, Recipient.listed.is_(True))
        .group_by(Recipient.status)
    )
    return {status: number for status, number in session.execute(query) if number}


def _verdicts(session: Session, team_id: int, day: date) -> Counts:
    query = (
        select(VerdictRow.kind, VerdictRow.reply_class, func.count())
        .join(InboundMessage, VERDICT_OF_MESSAGE)
        .join(Mailbox, Mailbox.id == InboundMessage.mailbox_id)
        .where(
            Mailbox.team_id == team_id,
            # No other mail has a verdict; but the index by time begins with the state.
            InboundMessage.state.in_((MessageState.JUDGED, MessageState.UNMATCHED)),
            _on(InboundMessage.arrived_at, day),
        )
        .group_by(VerdictRow.kind, VerdictRow.reply_class)
    )
    return {f"{_REPLY}{said}" if said else kind: number for kind, said, number in session.execute(query)}


def _sends(session: Session, team_id: int, day: date) -> int:
    sent = select(func.count()).select_from(SentMessage).where(_on(SentMessage.sent_at, day))
    of_mailboxes = sent.join(Mailbox, Mailbox.id == SentMessage.mailbox_id).where(Mailbox.team_id == team_id)
    # Asked for apart, since the index on mailbox and time serves each question but not both in one.
    of_none = sent.where(SentMessage.mailbox_id.is_(None), SentMessage.team_id == team_id)
    return sum(session.scalar(query) or 0 for query in (of_mailboxes, of_none))


def _bounces(session: Session, team_id: int, day: date) -> Counts:
    # Several reports of one send are one bounce.
    sends = func.count(func.coalesce(RecipientEvent.send_id, RecipientEvent.key).distinct())
    query = (
        select(RecipientEvent.bounce, sends)
        .join(Recipient, Recipient.id == RecipientEvent.recipient_id)
        .where(
            Recipient.team_id == team_id,
            RecipientEvent.bounce.in_(tuple(Bounced)),
            _on(RecipientEvent.happened_at, day),
            RecipientEvent.retracted_at.is_(None),
            RecipientEvent.trust == Trust.ACTS,
        )
        .group_by(RecipientEvent.bounce)
    )
    return {kind: number for kind, number in session.execute(query) if kind}


def _on(column: InstrumentedAttribute[datetime], day: date) -> ColumnElement[bool]:
    begin = datetime.combine(day, time(), UTC)
    return and_(column >= begin, column < begin + timedelta(days=1))


def _write(session: Session, rows: list[dict[str, Any]]) -> None:
    """Write figures, but over none that somebody counted later; in order, so that two writers never wait in a ring."""
    # Written by a clock that was ahead.
    ahead = rows[0]["counted_at"] + OLD
    insert = INSERTS[session.get_bind().dialect.name](DayFigure.__table__)
    new = insert.excluded
    upsert = insert.on_conflict_do_update(
        index_elements=["team_id", "day", "counted", "name"],
        set_={"count": new.count, "counted_at": new.counted_at},
        where=or_(DayFigure.counted_at <= new.counted_at, DayFigure.counted_at > ahead),
    )
    session.execute(upsert, sorted(rows, key=lambda row: (row["day"], row["counted"], row["name"])))
