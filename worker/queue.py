"""The fleet: many workers share the mailboxes over the job engine (procrastinate) in the PostgreSQL that is there.

Each duty (`worker.daemon.duties`) is held by a job that runs as long as its worker does it. So leases, their fencing
and their hand-over are the engine's: a lock lets one job of a duty run at a time, a worker that gives no sign of life
loses its jobs, and whoever ends gives them back.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import uuid4

from procrastinate import App, JobContext
from procrastinate.exceptions import AlreadyEnqueued
from procrastinate.tasks import Task
from sqlalchemy import URL

from config import logs
from worker.fleet.assigner import FLEET, Assigner
from worker.fleet.board import QUEUE
from worker.fleet.chores import AT_ONCE, Chores
from worker.fleet.engine import HEARTBEAT, connector, known, lease, take_back, work
from worker.fleet.leases import Lease, Leases

log = logs.logger(__name__)

AGAIN: Final = 0.5
"""Seconds until the engine is tried again where it was lost."""
MOST: Final = 100_000
"""Duties that a worker may hold: a waiting job costs nothing."""
GRACE: Final = 10.0
"""Seconds for which chores may finish their batch once this worker ends; then their connections are cut."""
LOST_GRACE: Final = 1.0
"""The same where the engine was lost, and this worker's duties wait to be taken up again."""


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
    chores: Chores | None = None
    """What it does besides; None: nothing."""
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
            except asyncio.CancelledError:
                # It was told to end while it waited for the engine to come back.
                return
            except Exception as error:  # noqa: BLE001 - whatever it is, this worker is one of the fleet again
                log.warning("job_engine_lost", says="the job engine was lost ({error}); it is tried again", error=error)
            self._session = self._loop = None
            self._stop.wait(AGAIN)

    async def _once(self) -> None:
        self._loop = asyncio.get_running_loop()
        # What a job meets when the engine is gone is told once, above.
        self._loop.set_exception_handler(
            lambda _, context: log.debug("job_engine_stray_error", says="{context}", context=str(context))
        )
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
    _beginning: asyncio.Task[Any] | None = None
    """Waits for the engine, which may be away for long."""
    _worker: asyncio.Task[None] | None = None
    """Does the jobs of this worker's duties."""
    _chores: asyncio.Task[None] | None = None
    """The same for what takes long, of which little is done at a time."""
    _watch: asyncio.Task[None] | None = None
    """Sees whether the engine still knows what this worker holds."""
    _chores_told: bool = False

    def end(self) -> None:
        """Let every duty end well, then the worker."""
        self.ending.set()
        if task := self._worker or self._beginning:
            task.cancel()

    async def run(self) -> None:
        """Work until told to end, or the engine is lost."""
        self._beginning = asyncio.current_task()
        app, mine = App(connector=connector(self.member.url)), self.member.name
        presence = self._register(app)
        async with app.open_async():
            await take_back(app, mine)
            with suppress(AlreadyEnqueued):
                await presence.configure(queue=mine, lock=mine, queueing_lock=mine).defer_async()
            done = await self._first_of(self._begin(app))
            self._lost = not self.ending.is_set()
            await self._end_all()
            for each in done - {self._worker, self._chores}:
                each.result()

    def _register(self, app: App) -> Task[..., Any, Any]:
        """Make tasks of the engine of all that this worker does; return that by which others know that it is there."""
        app.task(name="duty", pass_context=True)(self._do)
        Assigner(app).register()
        if self.member.chores:
            self.member.chores.register(app, self.ending.is_set)
        return app.task(name="presence", pass_context=True)(self._be_present)

    def _begin(self, app: App) -> set[asyncio.Task[None]]:
        """Begin with all that this worker does; return what of it ends only where the rest is to end."""
        mine = self.member.name
        self._worker = asyncio.create_task(work(app, [mine, FLEET], mine, MOST))
        self._watch = asyncio.create_task(self._confirm(app))
        if self.member.chores is None:
            return {self._worker, self._watch}
        self.member.chores.board.attach(app)
        self._chores = asyncio.create_task(work(app, [QUEUE], f"{mine}:{QUEUE}", AT_ONCE))
        return {self._worker, self._watch, self._chores}

    async def _end_all(self) -> None:
        self.ending.set()
        for each in filter(None, (self._worker, self._watch)):
            each.cancel()
        self._stop_chores()
        try:
            if self._worker:
                with suppress(asyncio.CancelledError):
                    await self._worker
        finally:
            # Also where it tells that the engine was lost: until they end, this worker cannot come back to it.
            await self._end_chores()

    async def _first_of(self, watched: set[asyncio.Task[None]]) -> set[asyncio.Task[None]]:
        """Return what ends first; that a worker which is to end does no more chores is no such end."""
        chores = self.member.chores
        while True:
            done, _ = await asyncio.wait(watched, return_when=asyncio.FIRST_COMPLETED)
            if not (done == {self._chores} and chores and chores.ends()):
                return done
            watched = watched - done

    def _stop_chores(self) -> None:
        """Take no more chores; said once, since the engine takes a second time for an order to leave them."""
        if self._chores and not self._chores_told:
            self._chores_told = True
            self._chores.cancel()

    async def _end_chores(self) -> None:
        chores, task = self.member.chores, self._chores
        if chores is None or task is None:
            return
        chores.board.detach()
        _, going = await asyncio.wait([task], timeout=LOST_GRACE if self._lost else GRACE)
        if going:
            chores.ranges.cut()
        with suppress(asyncio.CancelledError):
            await task

    async def _confirm(self, app: App) -> None:
        """See again and again that the engine still knows what this worker holds; return where it does not."""
        while True:
            await asyncio.sleep(HEARTBEAT / 2)
            held = self.member.leases.held()
            if self.member.chores and self.member.chores.ends():
                # What is handed back now is not for this worker.
                self._stop_chores()
            if self._presence is None:
                continue
            at = self.member.leases.clock()
            there = await known(app, self._presence.worker_id)
            if self.ending.is_set():
                # What has ended well is known no more; to take that for a loss would break off what still ends.
                continue
            still = set(self.member.leases.held())
            if self._presence.job_id not in there or any(each.job_id not in there for each in held if each in still):
                log.warning(
                    "worker_given_up",
                    says="this worker gave no sign of life for a while, and others do now what it did",
                )
                return
            self.member.leases.confirm(at)

    async def _be_present(self, context: JobContext) -> None:
        self._presence = lease("presence", context.job)
        await self.ending.wait()

    async def _do(self, context: JobContext, duty: str) -> None:
        """Hold a duty until another is to have it, or this worker ends."""
        leases, held = self.member.leases, lease(duty, context.job)
        at = leases.clock()
        await asyncio.to_thread(self.member.taken, duty)
        leases.take(held, at)
        try:
            await self.ending.wait()
        finally:
            leases.drop(held)
            if not self._lost:
                await asyncio.to_thread(self.member.left, duty)
