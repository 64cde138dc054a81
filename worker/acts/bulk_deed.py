"""How an act on many is kept while it is done: part by part, with what became of how many.

Everything is written in parts of a few hundred, so that other writers get their turn; the kept act names what was done
so far, also where the program ends in the middle.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from sqlalchemy.orm import Session

from models.tables.people import BulkAct
from worker.act import Act
from worker.errors import InputError

PART = 200
"""Targets of one transaction."""


@dataclass(slots=True)
class Done:
    """What an act on many did; `bulk_id` names it (None: nothing was done), so that it can be taken back."""

    bulk_id: int | None = None
    done: int = 0
    same: int = 0
    """Nothing was to be done for them."""
    refused: int = 0
    """They are under Do Not Email and cannot become Active."""
    newer: int = 0
    """They came onto Do Not Email anew after the look at them, and are left alone."""
    came: int = 0
    """They got mail after the look at them, and are left alone."""
    waiting: int = 0
    """They may have asked to be removed, and are left alone until somebody has answered that."""


@dataclass(slots=True)
class Deed:
    """An act on many while it is done."""

    team_id: int
    kind: str
    says: Callable[[int], str]
    act: Act
    done: Done = field(default_factory=Done)

    def note(self, session: Session, targets: Sequence[str]) -> None:
        """Keep, in the same transaction, what one part of it did.

        Raises:
            InputError: somebody took the act back meanwhile; this part is not done.
        """
        if not targets:
            return
        kept = session.get(BulkAct, self.done.bulk_id, with_for_update=True) if self.done.bulk_id else None
        if kept is not None and kept.undone_at is not None:
            raise InputError(f"{kept.undone_by} took this back while it ran ({kept.says}); the rest was not done")
        if kept is None:
            kept = BulkAct(team_id=self.team_id, actor=self.act.by, kind=self.kind, recorded_at=self.act.at, targets=[])
            session.add(kept)
        kept.targets = [*kept.targets, *targets]
        self.done.done = len(kept.targets)
        kept.says = self.says(self.done.done)
        session.flush()
        self.done.bulk_id = kept.id


def counted(number: int, what: str, several: str = "") -> str:
    """Return a number with its noun, which is a regular one where no plural is given."""
    return f"1 {what}" if number == 1 else f"{number} {several or what + 's'}"
