"""The fleet: many workers share the mailboxes over the job engine (procrastinate) in the PostgreSQL that is there.

Each duty (`worker.duties`) is held by a job that runs as long as its worker does it. So leases, their fencing and their
hand-over are the engine's: a lock lets one job of a duty run at a time, a worker that gives no sign of life loses its
jobs, and whoever ends gives them back.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from uuid import uuid4

from procrastinate import App, JobContext, PsycopgConnector
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException, UniqueViolation
from procrastinate.jobs import Job, Status
from sqlalchemy import URL

from worker.duties import SHARD, Held, duties, plan
from worker.leases import STALLED, Lease, Leases

log = logging.getLogger(__name__)

FLEET: Final = "fleet"
"""The queue of what any worker may do."""
HEARTBEAT: Final = 1.0
LOOK: Final = 0.5
"""Seconds between two looks for jobs. Notices would save them, but their listener does not survive a restart."""
AGAIN: Final = 0.5
"""Seconds until the engine is tried again where it was lost."""
MOST: Final = 100_000
"""Duties that a worker may hold: a waiting job costs nothing."""
CONNECTIONS: Final = 3
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
_MINE = """
SELECT job.id FROM procrastinate_jobs job JOIN procrastinate_workers worker ON worker.id = job.worker_id
WHERE worker.id = %(worker)s AND job.status = 'doing'
AND worker.last_heartbeat > now() - %(seconds)s * interval '1 second'
"""
_FORMER = "SELECT id, task_name FROM procrastinate_jobs WHERE queue_name = %(queue)s AND status = 'doing'"


@dataclass(slots=True)
class Member:
    """This process as a worker of the fleet: a thread that talks to the engine, until it is told to stop.

    `taken` is told of each duty that begins, and `left` of each that another is to do: that returns when nothing of it
    is in hand. Both are called in a thread of their own.
    """

    url: URL
    leases: Leases
    taken: Callable[[str], object] = lambda _: None
    left: Callable[[str], object] = lambda _: None
    name: str = field(default_factory=lambda: f"worker:{uuid4().hex[:12]}")
    """Its queue, which no other worker looks at."""
    _thread: threading.Thread | None = None
    _stop: threading.Event = field(default_factory=threading.Event)
    _loop: asyncio.AbstractEventLoop | None = None
    _session: _Session | None = None

    def start(self) -> None:
        """Begin, in a thread."""
        self._thread = threading.Thread(target=self._run, name="fleet")
        self._thread.start()

    def stop(self) -> None:
        """Give every duty back, and return when that is done, or the engine cannot be reached."""
        self._stop.set()
        loop, session = self._loop, self._session
        if loop and session:
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(session.end)
        if self._thread:
            self._thread.join()

    def _run(self) -> None:
        # It tells of every job that begins and ends, which some do every second.
        logging.getLogger("procrastinate").setLevel(logging.ERROR)
        while not self._stop.is_set():
            try:
                asyncio.run(self._once())
            except Exception as error:  # noqa: BLE001 - whatever it is, this worker is one of the fleet again
                log.warning("the job engine was lost (%s); it is tried again", error)
            self._session = self._loop = None
            self._stop.wait(AGAIN)

    async def _once(self) -> None:
        self._loop = asyncio.get_running_loop()
        # What a job meets when the engine is gone is told once, above.
        self._loop.set_exception_handler(lambda _, context: log.debug("%s", context))
        self._session = _Session(self, asyncio.Event())
        if not self._stop.is_set():
            await self._session.run()


@dataclass(slots=True)
class _Session:
    """A member's time with the engine, from one connecting to the next."""

    member: Member
    ending: asyncio.Event
    _lost: bool = False
    """The engine went away, and this worker will be there again in a moment: it lets nothing go."""
    _presence: Lease | None = None
    _worker: asyncio.Task[None] | None = None

    def end(self) -> None:
        """Let every duty end well, then the worker."""
        self.ending.set()
        if self._worker:
            self._worker.cancel()

    async def run(self) -> None:
        """Work until told to end, or the engine is lost."""
        app = App(connector=_connector(self.member.url))
        presence = app.task(name="presence", pass_context=True)(self._be_present)
        app.task(name="duty", pass_context=True)(self._do)
        Assigner(app).register()
        async with app.open_async():
            await self._take_back(app)
            mine = self.member.name
            with suppress(AlreadyEnqueued):
                await presence.configure(queue=mine, lock=mine, queueing_lock=mine).defer_async()
            self._worker = asyncio.create_task(
                app.run_worker_async(
                    queues=[mine, FLEET],
                    name=mine,
                    concurrency=MOST,
                    listen_notify=False,
                    fetch_job_polling_interval=LOOK,
                    abort_job_polling_interval=LOOK,
                    update_heartbeat_interval=HEARTBEAT,
                    stalled_worker_timeout=STALLED,
                    install_signal_handlers=False,
                    delete_jobs="always",
                )
            )
            confirming = asyncio.create_task(self._confirm(app))
            done, _ = await asyncio.wait([self._worker, confirming], return_when=asyncio.FIRST_COMPLETED)
            confirming.cancel()
            self._lost = not self.ending.is_set()
            self.ending.set()
            self._worker.cancel()
            with suppress(asyncio.CancelledError):
                await self._worker
            if confirming in done:
                confirming.result()

    async def _take_back(self, app: App) -> None:
        """Have the jobs again that this worker did when the engine was lost."""
        for row in await app.connector.execute_query_all_async(_FORMER, queue=self.member.name):
            if row["task_name"] == "duty":
                try:
                    await app.job_manager.retry_job_by_id_async(row["id"], datetime.now(UTC))
                except UniqueViolation:
                    pass  # It waits for another worker already.
                else:
                    continue
            await app.job_manager.finish_job_by_id_async(row["id"], Status.FAILED, delete_job=True)

    async def _confirm(self, app: App) -> None:
        """See again and again that the engine still knows what this worker holds; return where it does not."""
        while True:
            await asyncio.sleep(HEARTBEAT / 2)
            held = self.member.leases.held()
            if self._presence is None:
                continue
            at = self.member.leases.clock()
            rows = await app.connector.execute_query_all_async(_MINE, worker=self._presence.worker_id, seconds=STALLED)
            known = {row["id"] for row in rows}
            still = set(self.member.leases.held())
            if self._presence.job_id not in known or any(lease.job_id not in known for lease in held if lease in still):
                log.warning("this worker gave no sign of life for a while, and others do now what it did")
                return
            self.member.leases.confirm(at)

    async def _be_present(self, context: JobContext) -> None:
        self._presence = _lease("presence", context.job)
        await self.ending.wait()

    async def _do(self, context: JobContext, duty: str) -> None:
        """Hold a duty until another is to have it, or this worker ends."""
        leases, lease = self.member.leases, _lease(duty, context.job)
        at = leases.clock()
        await asyncio.to_thread(self.member.taken, duty)
        leases.take(lease, at)
        try:
            await self.ending.wait()
        finally:
            leases.drop(lease)
            if not self._lost:
                await asyncio.to_thread(self.member.left, duty)


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
        if job.id is None:
            return
        with suppress(ConnectorException):  # Its worker, or another one that looks, was faster.
            if job.task_name not in {"duty", "presence"}:
                try:
                    await manager.retry_job(job)
                except (AlreadyEnqueued, UniqueViolation):
                    pass  # The next of its kind waits already.
                else:
                    return
            await manager.finish_job_by_id_async(job.id, Status.FAILED, delete_job=True)

    async def tidy(self, timestamp: int) -> None:  # noqa: ARG002 - the engine's
        """Remove jobs that failed long ago."""
        await self.app.job_manager.delete_old_jobs(
            nb_hours=KEPT_HOURS, include_failed=True, include_cancelled=True, include_aborted=True
        )


def _lease(duty: str, job: Job) -> Lease:
    if job.id is None or job.worker_id is None:
        raise RuntimeError("the engine runs a job without a number")
    return Lease(duty, job.id, job.worker_id)


def _connector(url: URL) -> PsycopgConnector:
    plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
    return PsycopgConnector(conninfo=plain, min_size=1, max_size=CONNECTIONS)
