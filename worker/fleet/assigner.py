"""Who does what in a fleet: seen to every second by whichever worker the engine asks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from procrastinate import App
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException, UniqueViolation
from procrastinate.jobs import Job, Status

from worker.daemon.duties import SHARD, duties
from worker.fleet.leases import STALLED
from worker.fleet.plan import Held, plan

FLEET: Final = "fleet"
"""The queue of what any worker may do."""
KEPT_HOURS: Final = 1
"""How long jobs are kept that failed; the others go when they are done."""

_PRESENT = """
SELECT job.queue_name FROM procrastinate_jobs job JOIN procrastinate_workers worker ON worker.id = job.worker_id
WHERE job.task_name = 'presence' AND job.status = 'doing'
AND worker.last_heartbeat > now() - %(seconds)s * interval '1 second'
"""
_HELD = """
SELECT id, lock, queue_name, status, abort_requested FROM procrastinate_jobs
WHERE task_name = 'duty' AND status IN ('todo', 'doing')
"""
_SHARDS = "SELECT DISTINCT id / %(size)s AS shard FROM mailbox"


@dataclass(frozen=True, slots=True)
class Assigner:
    """Sees every second that each duty is somebody's; any worker may be the one that looks."""

    app: App

    def register(self) -> None:
        """Make it a periodic task of the engine, which begins it once in the whole fleet each time.

        It has no lock: one that died with its worker would keep all others from finding that out.
        """
        each_second = self.app.periodic(cron="* * * * * *")
        each_second(self.app.task(name="assign", queue=FLEET, queueing_lock="assign")(self.assign))
        each_ten_minutes = self.app.periodic(cron="*/10 * * * *")
        each_ten_minutes(self.app.task(name="tidy", queue=FLEET, queueing_lock="tidy")(self.tidy))

    async def assign(self, timestamp: int) -> None:  # noqa: ARG002 - the engine's
        """Take from the dead, give to the living, and level."""
        for job in await self.app.job_manager.get_stalled_jobs(seconds_since_heartbeat=STALLED):
            await self.recover(job)
        ask = self.app.connector.execute_query_all_async
        living = {row["queue_name"] for row in await ask(_PRESENT, seconds=STALLED)}
        jobs = [
            Held(row["id"], row["lock"], row["queue_name"], row["status"] == "doing", row["abort_requested"])
            for row in await ask(_HELD)
        ]
        shards = [row["shard"] for row in await ask(_SHARDS, size=SHARD)]
        made = plan(duties(shards), jobs, living)
        cancel: Callable[..., Awaitable[Any]] = self.app.job_manager.cancel_job_by_id_async
        for job_id in made.take_back:
            await cancel(job_id, delete_job=True)
        for job_id in made.end:
            await cancel(job_id, abort=True)
        for duty, worker in made.begin:
            with suppress(AlreadyEnqueued):
                await self.app.configure_task("duty", queue=worker, lock=duty, queueing_lock=duty).defer_async(
                    duty=duty
                )

    async def recover(self, job: Job) -> None:
        """Take a job from a worker that has died: a duty is given out anew, any other job is begun again."""
        manager = self.app.job_manager
        with suppress(ConnectorException):  # Its worker, or another one that looks, was faster.
            if job.task_name not in {"duty", "presence"}:
                try:
                    await manager.retry_job(job)
                except (AlreadyEnqueued, UniqueViolation):
                    pass  # The next of its kind waits already.
                else:
                    return
            await manager.finish_job(job, Status.FAILED, delete_job=True)

    async def tidy(self, timestamp: int) -> None:  # noqa: ARG002 - the engine's
        """Remove jobs that failed long ago."""
        await self.app.job_manager.delete_old_jobs(
            nb_hours=KEPT_HOURS, include_failed=True, include_cancelled=True, include_aborted=True
        )
