"""The engine of a fleet, as one worker meets it: what was lost is noticed, what died is recovered."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from procrastinate import App
from procrastinate.exceptions import ConnectorException
from procrastinate.manager import JobManager
from sqlalchemy import Engine, make_url, text

from models.session import open_engine, reading
from tests.databases import postgres_database
from worker.assigner import Assigner
from worker.leases import STALLED, Leases
from worker.queue import Member, connector

pytestmark = [pytest.mark.server, pytest.mark.xdist_group("fleet")]
SECONDS = 60


@pytest.fixture
def engine(postgres_url: str, postgres_template: str) -> Iterator[Engine]:
    with postgres_database(postgres_url, postgres_template) as url:
        engine = open_engine(url)
        yield engine
        engine.dispose()


def until(found: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + SECONDS
    while not (value := found()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return value


def present_as(engine: Engine) -> int | None:
    with reading(engine) as session:
        return session.scalar(
            text("SELECT worker_id FROM procrastinate_jobs WHERE task_name = 'presence' AND status = 'doing'")
        )


def test_a_worker_whose_heart_stopped_begins_anew_even_where_no_other_would_tell(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    member = Member(engine.url, Leases())
    member.start()
    try:
        first = until(lambda: present_as(engine))
        beat, failures = JobManager.update_heartbeat, iter([True])

        async def failing(self: JobManager, worker_id: int) -> None:
            if next(failures, False):
                raise ConnectorException
            await beat(self, worker_id)

        monkeypatch.setattr(JobManager, "update_heartbeat", failing)
        until(lambda: present_as(engine) not in {first, None})
    finally:
        member.stop()


def test_a_job_of_the_dead_is_ended_where_the_next_of_its_kind_waits(engine: Engine) -> None:
    async def dies_and_is_recovered() -> list[str]:
        app = App(connector=connector(make_url(engine.url)))
        task = app.task(name="again", queue="q", queueing_lock="again")(print)
        async with app.open_async():
            await task.defer_async()
            worker = await app.job_manager.register_worker()
            await app.job_manager.fetch_job(queues=["q"], worker_id=worker)
            await task.defer_async()
            await app.job_manager.prune_stalled_workers(-STALLED)
            for job in await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=STALLED):
                await Assigner(app).recover(job)
            return [job.status for job in await app.job_manager.list_jobs_async()]

    assert asyncio.run(dies_and_is_recovered()) == ["todo"]
