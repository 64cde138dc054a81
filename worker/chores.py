"""What any worker of a fleet does beside its duties, as it comes: ranges of backfills, and training."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from procrastinate import App, BaseRetryStrategy, JobContext, RetryDecision
from procrastinate.jobs import Job

from worker.board import RANGE, TRAIN, Board
from worker.range_work import RangeWork
from worker.training import train

AT_ONCE: Final = 2
"""Chores of one worker at a time: a backfill has every core anyway."""
OFFERED: Final = 1
"""Seconds for which others may take a range that a worker does not need, since it has one of that mailbox already."""

_OTHERS: Final = """
SELECT count(*) > 1 AS found FROM procrastinate_jobs WHERE task_name = 'presence' AND status = 'doing'
"""


class HandedBackError(Exception):
    """A chore is not done, and is to be had by any worker after some seconds."""

    def __init__(self, seconds: int = 0) -> None:
        super().__init__("handed back")
        self.seconds = seconds


class _ByAnother(BaseRetryStrategy):
    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:  # noqa: ARG002 - the engine's
        return (
            RetryDecision(retry_in={"seconds": exception.seconds}) if isinstance(exception, HandedBackError) else None
        )


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
            if self._hand[mailbox] and not context.job.attempts and await _has_company(app):
                raise HandedBackError(OFFERED)
            self._hand[mailbox] += 1
            try:
                done = await asyncio.to_thread(self.ranges.carry_out, range_id, stopping)
            finally:
                self._hand[mailbox] -= 1
            if not done:
                raise HandedBackError

        async def learn(words: list[str]) -> None:
            if not await asyncio.to_thread(train, words, stopping):
                raise HandedBackError

        again = _ByAnother()
        app.task(name=RANGE, pass_context=True, retry=again)(take_in)
        app.task(name=TRAIN, retry=again)(learn)


async def _has_company(app: App) -> bool:
    [row] = await app.connector.execute_query_all_async(_OTHERS)
    return bool(row["found"])
