"""Whether this process still polls: when it did something last, by a clock that nobody sets."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(slots=True)
class Pulse:
    """The moments of the last signs of life, in seconds of a monotonic clock."""

    clock: Callable[[], float] = time.monotonic
    looked_at: float = field(init=False)
    """When due mailboxes were picked last."""
    moved_at: float = field(init=False)
    """When a poll ended, a batch was written, or there was nothing to do."""

    def __post_init__(self) -> None:
        """Begin alive."""
        self.looked_at = self.moved_at = self.clock()

    def looked(self, *, idle: bool) -> None:
        """Hear that due mailboxes were picked, and whether none of them waits or is being polled."""
        self.looked_at = self.clock()
        if idle:
            self.moved()

    def moved(self) -> None:
        """Hear that a poll ended or a batch was written."""
        self.moved_at = self.clock()

    def stall(self, seconds: float) -> str | None:
        """Say for how long nothing went on, where that is longer than so many seconds; None: polling goes on."""
        now = self.clock()
        if now - self.looked_at > seconds:
            return (
                f"polling stalls: due mailboxes were not picked for {now - self.looked_at:.0f} seconds;"
                " see that the database answers (inbox-worker doctor), and the log"
            )
        if now - self.moved_at > seconds:
            return (
                f"polling stalls: mailboxes wait, and no poll ended for {now - self.moved_at:.0f} seconds;"
                " see the log, and whether their servers answer (inbox-worker mailboxes check)"
            )
        return None
