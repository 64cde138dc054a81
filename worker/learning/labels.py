"""Labelled replies in the database: taken from people's decisions, kept with the text as it was classified."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from classifier.features import document, has_words, key
from classifier.labelled import LabelledReply
from classifier.present import class_of
from classifier.verdict import Absence, AutoResponse, OptOut, ReplyClass, Verdict
from models.events import Status
from models.session import insert_new
from models.tables.learning import Label, LabelSource
from models.tables.mail import VERDICT_OF_MESSAGE, InboundMessage, VerdictRow
from models.tables.standing import RecipientEvent
from worker.act import Act
from worker.errors import InputError, NotFoundError
from worker.writing.stored import load_verdict, storable


def text_key(subject: str, text: str) -> str:
    """Return what is equal for replies that the classifier cannot tell apart."""
    return key(document(subject, text))


def note_label(
    session: Session, team_id: int, mail: RecipientEvent, status: Status, act: Act, source: LabelSource
) -> bool:
    """Keep what a person says a mail is; said again, the newest word stands.

    Only for mail that has a class and words of its own: what is said of a bounce teaches nothing about replies.
    """
    found = session.execute(
        select(InboundMessage, VerdictRow)
        .join(VerdictRow, VERDICT_OF_MESSAGE)
        .where(InboundMessage.id == mail.message_id)
    ).one_or_none()
    if found is None or status not in _CLASSES:
        return False
    message, row = found
    verdict = load_verdict(row.kind, row.details)
    machine = class_of(verdict)
    if machine is None or not has_words(document(message.subject, getattr(verdict, "visible_text", ""))):
        return False
    if source is LabelSource.STATUS and status not in _BY_STATUS.get(type(verdict), _CLASSES):
        # Nobody calls an absence notice interested: the person knows more than the mail says.
        return False
    said: dict[str, Any] = {"label": status, "actor": act.by, "recorded_at": act.at, "source": source}
    said |= {"note": storable(act.why)} if act.why else {}
    kept = _kept(team_id, message, verdict) | {"machine": Status(machine.value), "sampled": mail.sampled}
    if not insert_new(session, Label, [kept | said]):
        session.execute(update(Label).where(Label.team_id == team_id, Label.key == message.content_hash).values(**said))
    return True


def _kept(team_id: int, message: InboundMessage, verdict: Verdict) -> dict[str, Any]:
    """Return what is kept of a mail, whatever is said of it."""
    text = getattr(verdict, "visible_text", "")
    return {
        "team_id": team_id,
        "key": message.content_hash,
        "text_key": text_key(message.subject, text),
        "subject": message.subject,
        "text": text,
        "language": getattr(verdict, "language", None) or "",
        "hard": False,
        "note": "",
        "message_id": message.id,
    }


_OF_MACHINES = frozenset({Status.AUTO_RESPONSE, Status.OUT_OF_OFFICE})
_BY_STATUS: dict[type, frozenset[Status]] = {
    Absence: _OF_MACHINES,
    AutoResponse: _OF_MACHINES,
    OptOut: frozenset({Status.UNSUBSCRIBED}),
}
"""What a status may say of mail that rules know for what it is; in a review a person speaks of the mail itself."""
_CLASSES = frozenset(Status(each.value) for each in ReplyClass)


def labelled_replies(
    session: Session, since: datetime | None = None, team_id: int | None = None
) -> list[LabelledReply]:
    """Return the labels of one team, or of all, one for each text: the newest word about it stands."""
    query = select(Label).order_by(Label.recorded_at.desc(), Label.id.desc())
    if team_id is not None:
        query = query.where(Label.team_id == team_id)
    if since is not None:
        query = query.where(Label.recorded_at >= since)
    newest: dict[str, Label] = {}
    for label in session.scalars(query):
        newest.setdefault(label.text_key, label)
    return [as_reply(label) for label in sorted(newest.values(), key=lambda label: label.id)]


def as_reply(label: Label) -> LabelledReply:
    """Return a stored label as a row that the classifier learns from."""
    return LabelledReply(
        id=f"label-{label.id}",
        language=label.language,
        subject=label.subject,
        text=label.text,
        label=ReplyClass(label.label.value),
        hard=label.hard,
        note=label.note,
    )


@dataclass(frozen=True, slots=True)
class Word:
    """What a label said, since when, and with which note."""

    label: Status
    at: datetime
    note: str = field(default="", compare=False)


def relabel(
    session: Session, team_id: int, label_id: int, status: Status, act: Act, *, seen: Word | None = None
) -> Word:
    """Change what a label says, and return what it said; the recipient's status and everything decided stays.

    Args:
        session: in which it is changed.
        team_id: whose label it is.
        label_id: which label.
        status: the class it is to have.
        act: who changes it; why takes the place of its note, where it is not None.
        seen: what they saw it say.

    Raises:
        NotFoundError: the team has no such label.
        InputError: it says something else by now.
    """
    label = find_label(session, team_id, label_id, lock=True)
    before = Word(label.label, label.recorded_at, label.note)
    if seen is not None and seen != before:
        raise InputError(
            f"{label.actor or 'somebody'} has said {label.label.value} of label {label_id} since; look at it again"
        )
    label.label, label.actor, label.recorded_at = status, act.by, act.at
    label.note = label.note if act.why is None else storable(act.why)
    return before


def drop(session: Session, team_id: int, label_id: int) -> None:
    """Forget a label, with its text.

    Raises:
        InputError: the team has no such label.
    """
    session.delete(find_label(session, team_id, label_id))


def find_label(session: Session, team_id: int, label_id: int, *, lock: bool = False) -> Label:
    """Return one label; locked, nobody else changes it until the end of the transaction.

    Raises:
        NotFoundError: the team has no such label.
    """
    query = select(Label).where(Label.id == label_id, Label.team_id == team_id)
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    label = session.scalar(query)
    if label is None:
        raise NotFoundError(f"no label {label_id} in this team; inbox-worker labels export shows them")
    return label
