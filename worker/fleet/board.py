"""The board on which the jobs of a backfill's ranges hang: begun, looked at and taken back from any thread."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Final, TypeVar

from procrastinate import App
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException

QUEUE: Final = "backfill"
"""The queue of what takes long, and waits behind everything else."""
RANGE: Final = "range"
TRAIN: Final = "train"
RANGE_PRIORITY: Final = -10
TRAIN_PRIORITY: Final = -20
LANES: Final = 2
"""Connections that read one mailbox at a time, by all workers together."""
WAITING: Final = 4
"""Jobs of one lane that wait or run: as many as are done until the next look, so that every backfill gets on."""
SECONDS: Final = 10.0
"""How long the engine may take for an answer."""

_JOBS: Final = """
SELECT id, queueing_lock, status FROM procrastinate_jobs
WHERE task_name = 'range' AND status IN ('todo', 'doing') AND queueing_lock = ANY(%(locks)s)
"""
T = TypeVar("T")


class EngineLostError(Exception):
    """The engine cannot be reached at the moment; this worker looks for it already."""


@dataclass(slots=True)
class Board:
    """Knows the engine while this worker does, and asks it in the thread in which it lives."""

    _app: App | None = None
    _loop: asyncio.AbstractEventLoop | None = None
    _lock: Lock = field(default_factory=Lock)

    def attach(self, app: App) -> None:
        """Use this app, in the loop that runs now."""
        with self._lock:
            self._app, self._loop = app, asyncio.get_running_loop()

    def detach(self) -> None:
        """Use no app any more."""
        with self._lock:
            self._app = self._loop = None

    def begin(self, mailbox_id: int, range_ids: Sequence[int]) -> None:
        """Have ranges of a mailbox taken in that no job is about, as many as may wait at a time.

        Raises:
            EngineLostError: it is to be tried again.
        """

        async def begin(app: App) -> None:
            locks = {job["queueing_lock"] for job in await _jobs(app, range_ids)}
            there = {each for each in range_ids if _name(each) in locks}
            taken = Counter(each % LANES for each in there)
            for range_id in range_ids:
                if range_id in there or taken[range_id % LANES] >= WAITING:
                    continue
                taken[range_id % LANES] += 1
                job = app.configure_task(
                    RANGE,
                    queue=QUEUE,
                    priority=RANGE_PRIORITY,
                    lock=f"mailbox:{mailbox_id}:{range_id % LANES}",
                    queueing_lock=_name(range_id),
                )
                with suppress(AlreadyEnqueued):
                    await job.defer_async(range_id=range_id)

        self._ask(begin)

    def take_back(self, range_ids: Sequence[int]) -> int:
        """Take back the jobs of ranges that wait, and return how many of them run.

        Raises:
            EngineLostError: it is to be tried again.
        """

        async def take_back(app: App) -> int:
            jobs = await _jobs(app, range_ids)
            for job in jobs:
                if job["status"] == "todo":
                    await app.job_manager.cancel_job_by_id_async(job["id"], delete_job=True)
            return sum(job["status"] == "doing" for job in jobs)

        return self._ask(take_back)

    def _ask(self, ask: Callable[[App], Coroutine[Any, Any, T]]) -> T:
        with self._lock:
            app, loop = self._app, self._loop
        if app is None or loop is None:
            raise EngineLostError
        asking = ask(app)
        try:
            answer = asyncio.run_coroutine_threadsafe(asking, loop)
        except RuntimeError as error:  # The loop has ended.
            asking.close()
            raise EngineLostError from error
        try:
            return answer.result(SECONDS)
        except (ConnectorException, TimeoutError, asyncio.CancelledError) as error:
            answer.cancel()
            raise EngineLostError from error


async def _jobs(app: App, range_ids: Sequence[int]) -> list[dict[str, Any]]:
    locks = [_name(each) for each in range_ids]
    return list(await app.connector.execute_query_all_async(_JOBS, locks=locks))


def _name(range_id: int) -> str:
    return f"{RANGE}:{range_id}"
