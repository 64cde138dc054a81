"""What a person does who goes through reviews: answers, takes back, and sees how far they are; for every front end."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import Select, func, literal, select
from sqlalchemy.orm import Session, aliased

from models.events import OPTED_OUT, DneReason, EventKind, Status
from models.tables.learning import Label, LabelSource
from models.tables.mailing import Recipient
from models.tables.standing import RecipientEvent, ReviewItem
from worker.act import Act
from worker.acts.do_not_email import add_dne
from worker.acts.person import resolve_review
from worker.acts.undo import entries_of, newest_act, undo
from worker.errors import InputError
from worker.queries.story import review_of
from worker.queries.tallies import Tally, tally
from worker.rules import Rules
from worker.writing.locks import lock_team
from worker.writing.refold import Change

Answer = Literal[
    "Engaged",
    "Interested",
    "Not Interested",
    "Auto Response",
    "Out of Office",
    "Unsubscribed",
    "Bounced",
    "Appointment Booked",
    "nothing",
    "do not email",
]
"""What may be answered: what the mail is, that there is nothing in it, or this and that the address is banned."""
MOST = 1_000
"""So many are counted; more are told as more."""
SLIP = timedelta(minutes=10)
"""Who takes an answer back so soon has pressed the wrong key, and need not say why."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far somebody is: items answered and not taken back, labels that came of them, and how many are open."""

    answered: Tally
    labelled: int
    agreed: int
    """Of the labels those that say what the machine said."""
    open: Tally
    last: int | None
    """The item that was answered last, which may be taken back."""

    @property
    def agreement(self) -> float | None:
        """The share of labels that say what the machine said; None: there are no labels yet."""
        return self.agreed / self.labelled if self.labelled else None


def progress(session: Session, team_id: int, by: str, since: datetime) -> Progress:
    """Return how far somebody is who answers reviews, since a moment (aware UTC)."""
    answers = _answers(team_id, by, since)
    newest = session.execute(
        answers.order_by(RecipientEvent.recorded_at.desc(), RecipientEvent.id.desc()).limit(1)
    ).one_or_none()
    labels = select(func.count(), func.count().filter(Label.label == Label.machine)).where(
        Label.team_id == team_id,
        Label.actor == by,
        Label.recorded_at >= since,
        # Written out: only so PostgreSQL sees that the index of these rows has them all.
        Label.source == literal(LabelSource.REVIEW, Label.source.type, literal_execute=True),
    )
    labelled, agreed = session.execute(labels).one()
    open_items = select(ReviewItem.id).where(ReviewItem.team_id == team_id, ReviewItem.closed_at.is_(None))
    return Progress(
        answered=tally(session, answers, MOST),
        labelled=labelled,
        agreed=agreed,
        open=tally(session, open_items, MOST),
        last=_item_about(session, newest.recipient_id, newest.about) if newest else None,
    )


def settle(session: Session, rules: Rules, item_id: int, answer: Answer, act: Act) -> list[Change]:
    """Settle an item, inside a write transaction.

    With "do not email" the address goes under Do Not Email (manual), and the item is settled as one with nothing in it:
    so the classifier does not learn an opt-out from a mail that asks for none. Who does ask is Unsubscribed.

    Raises:
        InputError: no such item, or (SettledError) it is open no more.
    """
    if answer != "do not email":
        return resolve_review(session, rules, item_id, None if answer == "nothing" else Status(answer), act)
    lock_team(session, rules.team_id, exclusive=True)
    address = str(review_of(session, rules.team_id, item_id)["address"])
    # First the entry: nothing is told meanwhile that the sequence goes on.
    changes = add_dne(session, rules.team_id, {address: None}, DneReason.MANUAL, act)
    return changes + resolve_review(session, rules, item_id, None, act)


def take_back(session: Session, rules: Rules, item_id: int, act: Act) -> tuple[str, list[Change]]:
    """Take back what somebody answered to an item, with all that followed; it is open again.

    Returns:
        What was taken back, in words, and what that changed.

    Raises:
        InputError: no such item, what was said last of the recipient is not this person's answer to it, or it was an
            opt-out, not given just now, and no reason is given.
    """
    lock_team(session, rules.team_id, exclusive=True)
    answer = _own_answer(session, rules.team_id, item_id, act.by)
    if _is_slip(answer, act):
        act = replace(act, why=act.why or f"{act.by} takes back the own answer")
    # The contact is locked only now: what somebody says of the recipient meanwhile is not what is meant.
    return undo(session, rules, answer.recipient_id, act, answer.key)


def needs_why(session: Session, team_id: int, item_id: int, act: Act) -> bool:
    """Say whether taking back what somebody answered to an item needs a reason that is not given yet.

    Raises:
        InputError: as `take_back`.
    """
    answer = _own_answer(session, team_id, item_id, act.by)
    if act.why or _is_slip(answer, act):
        return False
    made = entries_of(session, team_id, answer)
    return any(each.reason in OPTED_OUT and each.lifted_at is None and each.withdrawn_at is None for each in made)


def has_answered(session: Session, team_id: int, item_id: int, by: str) -> bool:
    """Say whether the newest word about an item is this person's answer to it.

    Raises:
        InputError: no such item.
    """
    answer = _answer_to(session, team_id, item_id)
    return answer is not None and answer.actor == by


def _own_answer(session: Session, team_id: int, item_id: int, by: str) -> RecipientEvent:
    answer = _answer_to(session, team_id, item_id)
    if answer is None:
        raise InputError(f"the answer to review item {item_id} is not the newest word; the recipient's page has it")
    if answer.actor != by:
        raise InputError(f"{answer.actor} has answered review item {item_id}; the recipient's page takes that back")
    return answer


def _answer_to(session: Session, team_id: int, item_id: int) -> RecipientEvent | None:
    """Return the answer to an item, where it is the newest word about the recipient."""
    newest = newest_act(session, int(review_of(session, team_id, item_id)["recipient"]))
    if newest is None or newest.kind is not EventKind.REVIEW_RESOLVED or newest.about != _about(session, item_id):
        return None
    return newest


def _is_slip(answer: RecipientEvent, act: Act) -> bool:
    return act.at - answer.recorded_at <= SLIP


def _answers(team_id: int, by: str, since: datetime) -> Select[int, str | None]:
    undone = aliased(RecipientEvent)
    # Whoever took it back: an admin may have, on the page of the recipient.
    taken_back = select(undone.id).where(
        undone.recipient_id == RecipientEvent.recipient_id,
        undone.kind == EventKind.UNDONE,
        undone.about == RecipientEvent.key,
    )
    return (
        select(RecipientEvent.recipient_id, RecipientEvent.about)
        .join(Recipient, Recipient.id == RecipientEvent.recipient_id)
        .where(
            RecipientEvent.actor == by,
            RecipientEvent.recorded_at >= since,
            Recipient.team_id == team_id,
            RecipientEvent.kind == EventKind.REVIEW_RESOLVED,
            ~taken_back.exists(),
        )
    )


def _item_about(session: Session, recipient_id: int, event_key: str | None) -> int | None:
    query = select(ReviewItem.id).where(ReviewItem.recipient_id == recipient_id, ReviewItem.event_key == event_key)
    return session.scalar(query.order_by(ReviewItem.id).limit(1))


def _about(session: Session, item_id: int) -> str | None:
    return session.scalar(select(ReviewItem.event_key).where(ReviewItem.id == item_id))
