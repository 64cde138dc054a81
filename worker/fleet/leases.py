"""What this worker of a fleet may do at the moment: leases that the job engine gave, each one its lock.

A lease counts while its job is known to run for this worker: known a moment ago for what begins (a process that was
stopped for a while knows nothing), and looked up in the transaction itself for what is written.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from models.session import Writer, transaction
from worker.daemon.duties import duty_of, shard_in, shard_of
from worker.errors import MailboxError, Trouble

STALLED: Final = 5.0
"""Seconds after which a worker that gives no sign of life has lost what it held."""
# Whoever takes the job from this worker waits for the transaction, and whoever comes after that finds another there.
_STILL_HELD: Final = text(
    "SELECT 1 FROM procrastinate_jobs WHERE id = :job AND worker_id = :worker AND status = 'doing' FOR SHARE"
)


@dataclass(frozen=True, slots=True)
class Lease:
    """A duty, and the job and the worker's number in the engine by which it is held."""

    duty: str
    job_id: int
    worker_id: int


@dataclass(slots=True)
class Leases:
    """The leases of this process; safe to use from several threads. `clock` gives seconds that no pause stops."""

    clock: Callable[[], float] = time.monotonic
    _held: dict[str, Lease] = field(default_factory=dict)
    _confirmed_at: float = float("-inf")
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, lease: Lease, at: float) -> None:
        """Hold a lease, known to be given at that time of the clock."""
        with self._lock:
            self._held[lease.duty] = lease
            self._confirmed_at = max(self._confirmed_at, at)

    def drop(self, lease: Lease) -> None:
        """Hold a lease no longer; a newer one of the same duty stays."""
        with self._lock:
            if self._held.get(lease.duty) == lease:
                del self._held[lease.duty]

    def held(self) -> list[Lease]:
        """Return the leases, whether they still count or not."""
        with self._lock:
            return list(self._held.values())

    def confirm(self, at: float) -> None:
        """Note that the engine knew all of them at that time of the clock."""
        with self._lock:
            self._confirmed_at = max(self._confirmed_at, at)

    def has(self, duty: str) -> bool:
        """Say whether a duty may be done now."""
        return self._held_now(duty) is not None

    def owns(self, mailbox_id: int) -> bool:
        """Say whether a mailbox may be polled now."""
        return self.has(duty_of(shard_of(mailbox_id)))

    def shards(self) -> list[int]:
        """Return the shards that may be polled now."""
        with self._lock:
            duties = list(self._held) if self._is_fresh() else []
        return [shard for shard in map(shard_in, duties) if shard is not None]

    def writer(self, engine: Engine, mailbox_id: int) -> Writer:
        """Return what opens write transactions as long as the lease of this moment lasts; else it raises MailboxError.

        What began on one lease is not written on a later one: others may have read the mailbox between the two.
        """
        return partial(_fenced, engine, mailbox_id, self._held.get(duty_of(shard_of(mailbox_id))))

    def _held_now(self, duty: str) -> Lease | None:
        with self._lock:
            return self._held.get(duty) if self._is_fresh() else None

    def _is_fresh(self) -> bool:
        return self.clock() - self._confirmed_at < STALLED


@contextmanager
def _fenced(engine: Engine, mailbox_id: int, lease: Lease | None) -> Iterator[Session]:
    with transaction(engine) as session:
        if lease is None or not session.scalar(_STILL_HELD, {"job": lease.job_id, "worker": lease.worker_id}):
            raise MailboxError(
                f"mailbox {mailbox_id} is polled by another worker of the fleet by now; nothing was written here",
                permanent=False,
                trouble=Trouble.TURN,
            )
        yield session
