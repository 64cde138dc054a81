"""Reads what a page shows of one mail: its facts, the sender's own words, what stands around them, and what decided."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session, aliased, undefer

from classifier.verdict import Bounce, Evidence, Verdict
from models.tables.mail import InboundMessage, MessageState, VerdictRow
from models.tables.mailboxes import Mailbox
from worker.errors import NotFoundError
from worker.queries.marks import Piece, marked, marked_report
from worker.writing.stored import load_verdict

__all__ = ["MailText", "Piece", "mail_of", "marked"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MailText:
    """A mail as people see it: where it lies, what it was taken for and why, and its text.

    What was found is None where the message has no verdict; `removed` says that it had one, whose time is over
    (`worker.privacy.months`). `own` are the sender's own words, `rest` what a reader sees
    besides; of a report `rest` is all of it. `rest` is None where it was not kept: older rows have none, nor has our
    own mail. Of a further copy, verdict and words are those of the first one, `duplicate_of`.
    """

    id: int
    mailbox: str
    folder: str
    junk: bool
    arrived_at: datetime
    from_address: str | None
    subject: str
    state: MessageState
    duplicate_of: int | None
    removed: bool
    error: str | None
    size: int
    problems: list[str]
    kind: str | None
    reply_class: str | None
    confidence: float | None
    sure: bool
    hold: bool
    artifact: str | None
    language: str | None
    evidence: list[Evidence]
    probabilities: list[tuple[str, float]]
    own: list[Piece]
    rest: list[Piece] | None


def mail_of(session: Session, team_id: int, message_id: int) -> MailText:
    """Return what is shown of one message of a team.

    Raises:
        InputError: the team has no such message.
    """
    first = aliased(InboundMessage)
    query = (
        select(InboundMessage, Mailbox.name, VerdictRow)
        .join(Mailbox, Mailbox.id == InboundMessage.mailbox_id)
        .outerjoin(first, first.id == func.coalesce(InboundMessage.duplicate_of, InboundMessage.id))
        .outerjoin(VerdictRow, and_(VerdictRow.message_id == first.id, VerdictRow.recorded_at == first.recorded_at))
        .where(InboundMessage.id == message_id, Mailbox.team_id == team_id)
        .options(undefer(VerdictRow.rest))
    )
    found = session.execute(query).one_or_none()
    if found is None:
        raise NotFoundError(f"no message {message_id}; inbox-worker messages list shows some")
    message, mailbox, row = found
    return MailText(
        id=message.id,
        mailbox=mailbox,
        folder=message.folder,
        junk=bool(message.clues.get("junk")),
        arrived_at=message.arrived_at,
        from_address=message.from_address,
        subject=message.subject,
        state=message.state,
        duplicate_of=message.duplicate_of,
        removed=message.state not in {MessageState.SET_ASIDE, MessageState.ERASED} and row is None,
        error=message.error,
        size=message.size,
        problems=message.problems,
        **_found(row),
    )


def _found(row: VerdictRow | None) -> dict[str, Any]:
    verdict = load_verdict(row.kind, row.details) if row else None
    evidence = list(verdict.evidence) if verdict else []
    probabilities: dict[str, float] = getattr(verdict, "probabilities", {})
    return {
        "kind": row.kind if row else None,
        "reply_class": row.reply_class if row else None,
        "confidence": row.confidence if row else None,
        "sure": getattr(verdict, "sure", True),
        "hold": getattr(verdict, "hold", False),
        "artifact": row.artifact if row else None,
        "language": getattr(verdict, "language", None),
        "evidence": evidence,
        "probabilities": sorted(probabilities.items(), key=lambda each: -each[1]),
        "own": marked(getattr(verdict, "visible_text", ""), evidence),
        "rest": _rest(verdict, row.rest) if row and row.rest is not None else None,
    }


def _rest(verdict: Verdict | None, text: str) -> list[Piece]:
    if isinstance(verdict, Bounce):
        return marked_report(text, verdict.evidence, verdict.status, verdict.diagnostic)
    return marked(text, ())
