"""What the fold gives: everything that is true of a recipient at one moment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from models.automation import Command, Fired
from models.events import DneDraft, ReviewDraft, Sequence, Status


@dataclass(frozen=True, slots=True)
class Folded:
    """The outcome of the fold for one recipient.

    `removed_by_person` tells the two rows of Removed apart. `decided_by` is the key of the event that gave the
    present status (None: joining, or the end of a pause). `next_change_at` is when a pause
    ends by itself, or a rule acts because time has passed.
    """

    status: Status
    sequence: Sequence
    dne: tuple[DneDraft, ...] = ()
    reviews: tuple[ReviewDraft, ...] = ()
    removed_by_person: bool = False
    decided_by: str | None = None
    next_change_at: datetime | None = None
    listed: bool = True
    fired: tuple[Fired, ...] = ()
    """The rules that acted, in order."""
    commands: tuple[Command, ...] = ()
    """What they do outside."""
