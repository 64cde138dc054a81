"""Step 6: the only writer of what messages cause. One batch a transaction; a guilty message is set aside."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.orm import Session

from classifier.verdict import Outgoing, name_of
from config import logs
from models.tables.mail import MessageState
from worker.matching.veil import veiled_mail
from worker.rules import Rules
from worker.tie import Anew, Tied, tie
from worker.writing.aside import set_aside
from worker.writing.moves import note_returned
from worker.writing.record import Judged, record
from worker.writing.refold import Change

log = logs.logger(__name__)

MOST_CHANGES = 10_000
"""Changes that are told one by one; the past of a mailbox may hold hundreds of thousands."""


@dataclass(frozen=True, slots=True)
class Box:
    """The mailbox a batch comes from, and the rules its events follow."""

    mailbox_id: int
    name: str
    rules: Rules


@dataclass(slots=True)
class Applied:
    """What a batch did: messages by state and by verdict, and the changes of recipients."""

    states: Counter[str] = field(default_factory=Counter)
    verdicts: Counter[str] = field(default_factory=Counter)
    changes: list[Change] = field(default_factory=list)
    further: int = 0
    """Changes beyond those: of very many each is counted, and not all are kept."""

    @property
    def changed(self) -> int:
        """Return how many changes there were."""
        return len(self.changes) + self.further

    def add(self, other: Applied) -> None:
        """Take in what another batch did."""
        self.states += other.states
        self.verdicts += other.verdicts
        self.tell(other.changes)
        self.further += other.further

    def tell(self, changes: Sequence[Change]) -> None:
        """Take in changes."""
        kept = changes[: max(0, MOST_CHANGES - len(self.changes))]
        self.changes += kept
        self.further += len(changes) - len(kept)


def apply(session: Session, box: Box, batch: Sequence[Judged], now: datetime) -> Applied:
    """Write a batch inside the caller's transaction; bisect it where it fails, so that only the guilty stay out.

    Raises:
        sqlalchemy.exc.OperationalError, InterfaceError: the database itself failed; nothing of the batch is written.
        InputError: the key to tell who was erased cannot be opened; the same.
    """
    return _apply(session, box, veiled_mail(session, box.rules.team_id, batch), now)


def _apply(session: Session, box: Box, batch: Sequence[Judged], now: datetime) -> Applied:
    try:
        with session.begin_nested():
            return _write(session, box, batch, now)
    except (OperationalError, InterfaceError):
        raise
    except Exception as error:
        if not batch or (isinstance(error, DBAPIError) and error.connection_invalidated):
            raise
        if len(batch) == 1:
            return _set_aside(session, box, batch[0], error, now)
    middle = len(batch) // 2
    applied = _apply(session, box, batch[:middle], now)
    applied.add(_apply(session, box, batch[middle:], now))
    return applied


def _write(session: Session, box: Box, batch: Sequence[Judged], now: datetime) -> Applied:
    failed = [judged for judged in batch if judged.error is not None]
    aside = sum(set_aside(session, box.mailbox_id, judged, judged.error or "", now) for judged in failed)
    recorded = record(session, box.mailbox_id, [judged for judged in batch if judged.error is None], now)
    tied = [
        Tied(row_id, judged.verdict, judged.clues, judged.arrived_at, judged.content_hash, row_id in recorded.new)
        for row_id, judged in recorded.first
        if judged.verdict is not None and judged.clues is not None and not isinstance(judged.verdict, Outgoing)
    ]
    returned = note_returned(session, recorded.copies, now)
    outcome = tie(session, box.rules, tied, now, Anew(recorded.earlier, recorded.out_of_junk, returned))
    applied = Applied(Counter(recorded.states), changes=outcome.changes)
    applied.verdicts.update(name_of(judged.verdict) for _, judged in recorded.first if judged.verdict is not None)
    unmatched = len(outcome.unmatched & {each.message_id for each in tied})
    applied.states += Counter({MessageState.UNMATCHED.value: unmatched, MessageState.SET_ASIDE.value: aside})
    applied.states[MessageState.JUDGED] -= unmatched
    return applied


def _set_aside(session: Session, box: Box, judged: Judged, error: Exception, now: datetime) -> Applied:
    log.error(
        "message_set_aside",
        says="mailbox {mailbox}: message {uid} of {folder!r} set aside: {error}",
        mailbox=box.name,
        folder=judged.folder,
        uid=judged.uid,
        error=error,
        exc_info=error,
    )
    with session.begin_nested():
        aside = set_aside(session, box.mailbox_id, judged, error, now)
    return Applied(Counter({MessageState.SET_ASIDE.value: int(aside)}))
