"""Findings about a fleet: who of its workers lives, what waits for them, and what nobody does."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import bindparam, func, select, text
from sqlalchemy.orm import Session

from models.tables.mailboxes import Mailbox
from worker.daemon.duties import SHARD, duties
from worker.fleet.leases import STALLED
from worker.watch.health import Finding, notable, well

_THERE = text("SELECT to_regclass('procrastinate_jobs') IS NOT NULL")
_JOBS = text(
    """
SELECT job.task_name, job.lock, job.status = 'doing' AS runs,
    coalesce(worker.last_heartbeat > now() - :seconds * interval '1 second', false) AS lives
FROM procrastinate_jobs job LEFT JOIN procrastinate_workers worker ON worker.id = job.worker_id
WHERE job.status IN ('todo', 'doing') AND job.task_name IN ('presence', 'duty', 'range', 'train')
"""
).bindparams(bindparam("seconds", STALLED))
"""What the job engine knows of; a few hundred rows even in a large fleet."""


def fleet(session: Session) -> Iterator[Finding]:
    """Find how a fleet fares; nothing where there never was one."""
    if session.get_bind().dialect.name != "postgresql" or not session.scalar(_THERE):
        return
    jobs = session.execute(_JOBS).all()
    if not jobs:
        return
    living = sum(job.task_name == "presence" and job.runs and job.lives for job in jobs)
    waiting = sum(job.task_name in {"range", "train"} and not job.runs for job in jobs)
    says = f"{living} workers live, {waiting} parts of backfills and trainings wait"
    if not living:
        says = f"none of the workers lives that left {len(jobs)} jobs behind"
        yield notable("fleet", says, "start inbox-worker worker; or run alone, and pay no heed")
        return
    held = {job.lock for job in jobs if job.task_name == "duty" and job.runs and job.lives}
    shards = session.scalars(select(func.distinct(Mailbox.id // SHARD)))
    left = [duty for duty in duties(shards) if duty not in held]
    if left:
        says += f"; nobody does: {', '.join(left[:5])}"
        yield notable("fleet", says, "look again in ten seconds; then see the logs of the workers")
    else:
        yield well("fleet", says)
