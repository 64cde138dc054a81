"""Who of a fleet does what: decided here, carried out by `worker.fleet.assigner`."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Held:
    """The job of a duty: for which worker, whether it runs, and whether it was told to end."""

    job_id: int
    duty: str
    worker: str
    runs: bool
    told: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be changed: jobs to begin as (duty, worker), to take back before they begin, and to end."""

    begin: list[tuple[str, str]] = field(default_factory=list)
    take_back: list[int] = field(default_factory=list)
    end: list[int] = field(default_factory=list)


def plan(wanted: Collection[str], jobs: Sequence[Held], living: Collection[str]) -> Plan:
    """Return what makes every wanted duty the job of one living worker, and gives each about as many.

    What a worker does it goes on doing, but for what it has too much. A job that runs for a worker that is not living
    is left to whoever looks after those that have died.

    Args:
        wanted: the duties that there are.
        jobs: those that are held or wait for their worker.
        living: the workers.
    """
    made = Plan()
    load = dict.fromkeys(sorted(living), 0)
    kept: list[Held] = []
    for job in jobs:
        if job.duty not in wanted:
            (made.end if job.runs else made.take_back).append(job.job_id)
        elif job.worker in load:
            kept.append(job)
            load[job.worker] += not job.told
        elif not job.runs:
            made.take_back.append(job.job_id)
    if not load:
        return Plan(take_back=made.take_back, end=made.end)
    there = {job.duty for job in jobs if job.job_id not in made.take_back}
    for duty in wanted:
        if duty not in there:
            least = min(load, key=load.__getitem__)
            load[least] += 1
            made.begin.append((duty, least))
    _level(made, load, [job for job in kept if not job.told])
    return made


def _level(made: Plan, load: dict[str, int], kept: Sequence[Held]) -> None:
    """Take from whoever has more than one more than another."""
    of_worker: dict[str, list[Held]] = {worker: [] for worker in load}
    for job in sorted(kept, key=lambda job: job.job_id):
        of_worker[job.worker].append(job)
    while True:
        most, least = max(load, key=load.__getitem__), min(load, key=load.__getitem__)
        if load[most] - load[least] <= 1 or not of_worker[most]:
            return
        job = of_worker[most].pop()
        (made.end if job.runs else made.take_back).append(job.job_id)
        load[most] -= 1
        # It is given to whoever has least once it has ended.
        load[least] += 1
