"""What any worker of a fleet does beside its duties, as it comes: ranges of backfills, and training."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from procrastinate import App, BaseRetryStrategy, JobContext, RetryDecision
from procrastinate.jobs import Job

from worker.fleet.board import QUEUE, RANGE, TRAIN, Board
from worker.fleet.range_work import RangeWork
from worker.fleet.training import train

AT_ONCE: Final = 2
"""Chores of one worker at a time: a backfill has every core anyway."""
OFFERED: Final = 100
"""Milliseconds until a range is there again that is offered to others."""
OFFERS: Final = 5
"""How often one is, at most: who seems to be idle may be dead."""
REST: Final = 5_000
"""Milliseconds until one is tried again that the database did not let be done."""

_SOME_ARE_IDLE: Final = """
SELECT count(*) FILTER (WHERE task_name = 'presence')
    > count(DISTINCT worker_id) FILTER (WHERE task_name <> 'presence') AS found
FROM procrastinate_jobs WHERE status = 'doing' AND (task_name = 'presence' OR queue_name = %(queue)s)
"""


class HandedBackError(Exception):
    """A chore is not done, and is to be had by any worker after some milliseconds."""

    def __init__(self, after: int = 0) -> None:
        super().__init__("handed back")
        self.after = after


class _ByAnother(BaseRetryStrategy):
    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:  # noqa: ARG002 - the engine's
        if not isinstance(exception, HandedBackError):
            return None
        return RetryDecision(retry_in={"milliseconds": exception.after})


@dataclass(slots=True)
class Chores:
    """Does what hangs on the board, each in a thread, until this worker ends or has lost the engine."""

    board: Board
    ranges: RangeWork
    ends: Callable[[], bool]
    """Says whether this worker ends."""
    _hand: Counter[str] = field(default_factory=Counter)
    """Mailboxes of which ranges are in hand."""

    def register(self, app: App, lost: Callable[[], bool]) -> None:
        """Make them tasks of the engine; `lost` says whether it went away."""

        def stopping() -> bool:
            return self.ends() or lost()

        async def take_in(context: JobContext, range_id: int) -> None:
            mailbox = (context.job.lock or "").rpartition(":")[0]
            # One mailbox is read by two workers rather than twice by one.
            if self._hand[mailbox] and context.job.attempts < OFFERS and await _are_some_idle(app):
                raise HandedBackError(OFFERED)
            self._hand[mailbox] += 1
            try:
                done = await asyncio.to_thread(self.ranges.carry_out, range_id, stopping)
            finally:
                self._hand[mailbox] -= 1
            if not done:
                raise HandedBackError(0 if stopping() else REST)

        async def learn(words: list[str]) -> None:
            if not await asyncio.to_thread(train, words, stopping):
                raise HandedBackError

        again = _ByAnother()
        app.task(name=RANGE, pass_context=True, retry=again)(take_in)
        app.task(name=TRAIN, retry=again)(learn)


async def _are_some_idle(app: App) -> bool:
    [row] = await app.connector.execute_query_all_async(_SOME_ARE_IDLE, queue=QUEUE)
    return bool(row["found"])
