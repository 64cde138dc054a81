"""What the workers of a fleet share out among themselves; who does what: `worker.fleet.plan`.

A duty is done by one worker at a time: to poll the mailboxes of a shard, to keep the time of everybody, to tell other
systems. It is held by a job that runs as long as its worker does it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

SHARD: Final = 50
"""Mailboxes whose ids follow each other go together, so many in a shard."""
TIMERS: Final = "timers"
OUTBOX: Final = "outbox"
_PREFIX: Final = "shard:"


def shard_of(mailbox_id: int) -> int:
    """Return the shard that a mailbox belongs to."""
    return mailbox_id // SHARD


def duty_of(shard: int) -> str:
    """Return the name of the duty to poll a shard."""
    return f"{_PREFIX}{shard}"


def shard_in(duty: str) -> int | None:
    """Return the shard that a duty is about, or None."""
    return int(duty.removeprefix(_PREFIX)) if duty.startswith(_PREFIX) else None


def duties(shards: Iterable[int]) -> list[str]:
    """Return all that is to be done where these shards have mailboxes."""
    return [TIMERS, OUTBOX, *map(duty_of, sorted(shards))]
