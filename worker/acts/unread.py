"""What a person has not read yet: mail that came after a look, and mail that may ask for an end of it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.events import EventKind, ReviewKind, Status
from models.tables.standing import RecipientEvent, ReviewItem
from worker.errors import InputError
from worker.queries.story import Row

IS_MAIL = (
    RecipientEvent.message_id.is_not(None),
    # That a mail was put back says nothing of what it says.
    RecipientEvent.kind != EventKind.MOVED_BACK,
    RecipientEvent.retracted_at.is_(None),
)
ENDS_IT = frozenset({Status.UNSUBSCRIBED, Status.UNSUBSCRIBE_LINK, Status.BOUNCED})
"""What may be given before a possible opt-out is read: with them the address goes under Do Not Email."""


class UnreadError(InputError):
    """Somebody decides without having read a mail; `item` is the open question about it, where one must be answered."""

    def __init__(self, message: str, item: int | None = None) -> None:
        super().__init__(message)
        self.item = item


def newest_mail(session: Session, recipient_ids: Collection[int]) -> dict[int, int]:
    """Return recipient -> the id of its newest event that is a mail; only of those that have one."""
    query = select(RecipientEvent.recipient_id, func.max(RecipientEvent.id)).where(
        RecipientEvent.recipient_id.in_(recipient_ids), *IS_MAIL
    )
    return dict(session.execute(query.group_by(RecipientEvent.recipient_id)).all())


def with_seen(session: Session, rows: Iterable[Row]) -> list[Row]:
    """Return rows of recipients, each with the newest mail there is when it is shown (0: none)."""
    rows = list(rows)
    newest = newest_mail(session, [row["id"] for row in rows])
    return [row | {"seen": newest.get(row["id"], 0)} for row in rows]


def refuse_if_mail_came(session: Session, recipient_id: int, address: str, seen: int | None) -> None:
    """See that whoever decides has been shown the newest mail; None: what is there now counts as shown.

    Raises:
        UnreadError: a mail came since.
    """
    if seen is not None and newest_mail(session, [recipient_id]).get(recipient_id, 0) > seen:
        raise UnreadError(
            f"a mail from {address} came since you looked; read it first (inbox-worker recipients show {address})"
        )


@dataclass(slots=True)
class Questions:
    """What is open about a recipient: the mails asked about by their keys, and the first item of a possible opt-out."""

    about: list[str] = field(default_factory=list)
    opt_out: int | None = None


def open_questions(session: Session, recipient_ids: Collection[int]) -> dict[int, Questions]:
    """Return recipient -> what is open about it; only of those who are asked about."""
    query = select(ReviewItem).where(ReviewItem.recipient_id.in_(recipient_ids)).order_by(ReviewItem.id)
    found: dict[int, Questions] = {}
    for item in session.scalars(query):
        # Asked for by the database, SQLite would go through the open questions of everybody.
        if item.closed_at is not None:
            continue
        questions = found.setdefault(item.recipient_id, Questions())
        questions.about.append(item.event_key)
        if questions.opt_out is None and item.kind is ReviewKind.POSSIBLE_OPT_OUT:
            questions.opt_out = item.id
    return found


def count_settled(session: Session, questions: Mapping[int, Questions]) -> int:
    """Return how many of these questions a status settles: those about the newest mail of a recipient."""
    query = select(RecipientEvent.recipient_id, RecipientEvent.key).where(
        RecipientEvent.recipient_id.in_(questions), *IS_MAIL
    )
    # What comes last stands.
    newest = dict(session.execute(query.order_by(RecipientEvent.happened_at, RecipientEvent.id)).all())
    return sum(each.about.count(newest.get(recipient_id, "")) for recipient_id, each in questions.items())


def refuse_if_may_have_opted_out(session: Session, recipient_id: int, address: str, status: Status) -> None:
    """See that no status settles a possible opt-out that nobody has read, unless it ends all mail as well.

    Raises:
        UnreadError: one waits.
    """
    if status in ENDS_IT:
        return
    item = open_questions(session, [recipient_id]).get(recipient_id, Questions()).opt_out
    if item is not None:
        raise UnreadError(
            f"{address} may have asked to be removed, and nobody has answered that yet; answer it first "
            f"(inbox-worker review resolve {item} CLASS), or choose {Status.UNSUBSCRIBED.value}",
            item,
        )
