"""What a status would change of many recipients, and whom it leaves alone; looked at before, and gone by when done."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.events import Status
from models.tables.mailing import Campaign, Contact, Recipient
from worker.acts.selection import chosen
from worker.acts.unread import ENDS_IT, Questions, count_settled, newest_mail, open_questions
from worker.chunks import chunks
from worker.rules import Rules
from worker.writing.suppression import suppressed

SHOWN = 20
"""Addresses that a preview names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What setting a status would do: from which status how many change, and who is left out."""

    changes: dict[Status, int]
    same: int
    """They have the status already and are left as they are."""
    refused: int
    """They are under Do Not Email and cannot become Active."""
    refused_first: list[str]
    """Some of their addresses."""
    waiting: int
    """They may have asked to be removed, and are left alone until somebody has answered that."""
    waiting_first: list[str]
    """Some of their addresses."""
    settled: int
    """Open questions that are settled with it."""
    seen: int
    """The newest of their mails; given to `set_status_of_many`, who gets mail later is left alone."""


def preview_status(session: Session, rules: Rules, ids: Collection[int], status: Status) -> Preview:
    """Say what setting this status of many recipients would do.

    Raises:
        InputError: too many at once, or the team has no such recipient.
    """
    changes: Counter[Status] = Counter()
    refused: list[str] = []
    waiting: list[str] = []
    same = settled = seen = 0
    for some in chunks(chosen(session, rules.team_id, ids)):
        part = sort_out(session, rules.team_id, some, status)
        changes.update(recipient.status for recipient, _ in part.change)
        refused += part.refused
        waiting += part.waiting
        same += part.same
        settled += count_settled(session, part.questions)
        seen = max(seen, part.seen)
    return Preview(
        changes=dict(changes),
        same=same,
        refused=len(refused),
        refused_first=sorted(refused)[:SHOWN],
        waiting=len(waiting),
        waiting_first=sorted(waiting)[:SHOWN],
        settled=settled,
        seen=seen,
    )


@dataclass(slots=True)
class Sorted:
    """Some recipients by what a new status means for them."""

    change: list[tuple[Recipient, Campaign]] = field(default_factory=list)
    questions: dict[int, Questions] = field(default_factory=dict)
    """What is open about those that change."""
    refused: list[str] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    same: int = 0
    came: int = 0
    """They got mail after the look at them."""
    seen: int = 0


def sort_out(session: Session, team_id: int, ids: Sequence[int], status: Status, seen: int | None = None) -> Sorted:
    """Return which of these recipients a status may be given; `seen` None: all their mail counts as shown."""
    query = (
        select(Recipient, Campaign, Contact.address)
        .join(Contact, Contact.id == Recipient.contact_id)
        .join(Campaign, Campaign.id == Recipient.campaign_id)
        .where(Recipient.team_id == team_id, Recipient.id.in_(ids))
        .order_by(Recipient.id)
    )
    rows = session.execute(query).all()
    banned = suppressed(session, team_id, {row.address for row in rows}) if status is Status.ACTIVE else {}
    mails, questions = newest_mail(session, ids), open_questions(session, ids)
    part = Sorted(seen=max(mails.values(), default=0))
    for recipient, campaign, address in rows:
        asked = questions.get(recipient.id)
        if recipient.status is status:
            part.same += 1
        elif address in banned:
            part.refused.append(address)
        elif seen is not None and mails.get(recipient.id, 0) > seen:
            part.came += 1
        elif asked and asked.opt_out is not None and status not in ENDS_IT:
            part.waiting.append(address)
        else:
            part.change.append((recipient, campaign))
            part.questions |= {recipient.id: asked} if asked else {}
    return part
