"""The job engine (procrastinate) in the PostgreSQL that is there, as one worker of a fleet asks it."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from typing import Final

from procrastinate import App, PsycopgConnector
from procrastinate.exceptions import UniqueViolation
from procrastinate.jobs import Job, Status
from sqlalchemy import URL

from worker.fleet.leases import STALLED, Lease

HEARTBEAT: Final = 1.0
LOOK: Final = 0.5
"""Seconds between two looks for jobs. Notices would save them, but their listener does not survive a restart."""
CONNECTIONS: Final = 3

_MINE: Final = """
SELECT job.id FROM procrastinate_jobs job JOIN procrastinate_workers worker ON worker.id = job.worker_id
WHERE worker.id = %(worker)s AND job.status = 'doing'
AND worker.last_heartbeat > now() - %(seconds)s * interval '1 second'
"""
_FORMER: Final = "SELECT id, task_name FROM procrastinate_jobs WHERE queue_name = %(queue)s AND status = 'doing'"


def connector(url: URL) -> PsycopgConnector:
    """Return what connects the engine to the database."""
    plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
    # After as long without a sign of life others do what this worker did; and one that is to end waits for it twice.
    return PsycopgConnector(conninfo=plain, min_size=1, max_size=CONNECTIONS, timeout=STALLED)


async def work(app: App, queues: list[str], name: str, concurrency: int) -> None:
    """Do the jobs of some queues, until cancelled or the engine is lost."""
    await app.run_worker_async(
        queues=queues,
        name=name,
        concurrency=concurrency,
        listen_notify=False,
        fetch_job_polling_interval=LOOK,
        abort_job_polling_interval=LOOK,
        update_heartbeat_interval=HEARTBEAT,
        stalled_worker_timeout=STALLED,
        install_signal_handlers=False,
        delete_jobs="always",
    )


async def take_back(app: App, name: str) -> None:
    """Have the duties again that the worker of this name held when the engine was lost, and end its other jobs."""
    for row in await app.connector.execute_query_all_async(_FORMER, queue=name):
        if row["task_name"] == "duty":
            # Where it waits for a worker already, it is done with.
            with suppress(UniqueViolation):
                await app.job_manager.retry_job_by_id_async(row["id"], datetime.now(UTC))
                continue
        await app.job_manager.finish_job_by_id_async(row["id"], Status.FAILED, delete_job=True)


async def known(app: App, worker_id: int) -> set[int]:
    """Return the jobs that the engine knows a worker to do; none once its heart was missed for long."""
    rows = await app.connector.execute_query_all_async(_MINE, worker=worker_id, seconds=STALLED)
    return {row["id"] for row in rows}


def lease(duty: str, job: Job) -> Lease:
    """Return the lease that a job gives which runs."""
    if job.id is None or job.worker_id is None:
        raise RuntimeError("the engine runs a job without a number")
    return Lease(duty, job.id, job.worker_id)
