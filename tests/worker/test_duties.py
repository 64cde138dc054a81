"""Who of a fleet does what: every duty is one living worker's, and nothing moves without need."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from worker.daemon.duties import OUTBOX, TIMERS, duties, duty_of, shard_in, shard_of
from worker.fleet.plan import Held, Plan, plan

WORKERS = ("a", "b", "c")
WANTED = duties(range(8))


def carried_out(jobs: list[Held], made: Plan) -> list[Held]:
    """The jobs once the plan was followed: what was told to end has ended, and what was begun runs."""
    gone = {*made.take_back, *made.end}
    begun = [Held(1000 + at, duty, worker, runs=True) for at, (duty, worker) in enumerate(made.begin)]
    return [job for job in jobs if job.job_id not in gone] + begun


def settled(jobs: list[Held], living: set[str]) -> list[Held]:
    """The jobs after two rounds: what had to end is begun anew in the second."""
    for number in (1, 2):
        jobs = carried_out(jobs, plan(WANTED, jobs, living))
        jobs = [Held(number * 10_000 + at, job.duty, job.worker, runs=True) for at, job in enumerate(jobs)]
    return jobs


@st.composite
def fleets(draw: st.DrawFn) -> tuple[list[Held], set[str]]:
    """Jobs of some duties, at most one each, of workers some of whom live; the dead hold nothing that runs any more."""
    living = draw(st.sets(st.sampled_from(WORKERS), min_size=1))
    held = draw(st.dictionaries(st.sampled_from([*WANTED, "shard:99"]), st.sampled_from(WORKERS)))
    return [
        Held(at, duty, worker, runs=worker in living and draw(st.booleans()))
        for at, (duty, worker) in enumerate(held.items())
    ], living


@given(fleets())
def test_every_duty_ends_up_with_one_living_worker_and_each_has_about_as_many(
    fleet: tuple[list[Held], set[str]],
) -> None:
    jobs, living = fleet
    after = settled(jobs, living)
    assert sorted(job.duty for job in after) == sorted(WANTED)
    counts = [sum(job.worker == worker for job in after) for worker in living]
    assert {job.worker for job in after} <= living
    assert max(counts) - min(counts) <= 1


@given(fleets())
def test_what_is_settled_stays_as_it_is(fleet: tuple[list[Held], set[str]]) -> None:
    jobs, living = fleet
    assert plan(WANTED, settled(jobs, living), living) == Plan()


def test_a_worker_keeps_what_it_does_when_another_joins_but_for_what_the_other_is_to_have() -> None:
    jobs = [Held(at, duty, "a", runs=True) for at, duty in enumerate(WANTED)]
    made = plan(WANTED, jobs, {"a", "b"})
    assert len(made.end) == len(WANTED) // 2
    assert not made.begin


def test_what_runs_for_a_worker_that_gives_no_sign_of_life_is_left_to_who_looks_after_the_dead() -> None:
    jobs = [Held(at, duty, "dead", runs=True) for at, duty in enumerate(WANTED)]
    assert plan(WANTED, jobs, {"a"}) == Plan()


def test_what_waits_for_a_worker_that_is_gone_is_given_to_another() -> None:
    made = plan([TIMERS], [Held(7, TIMERS, "gone", runs=False)], {"a"})
    assert made == Plan(begin=[(TIMERS, "a")], take_back=[7])


def test_what_was_told_to_end_is_not_given_out_before_it_has_ended() -> None:
    assert plan([TIMERS], [Held(7, TIMERS, "a", runs=True, told=True)], {"a", "b"}) == Plan()


def test_what_was_told_to_end_counts_no_more_so_nothing_else_has_to() -> None:
    jobs = [Held(at, duty, "a", runs=True, told=not at) for at, duty in enumerate(WANTED[:3])]
    jobs.append(Held(9, WANTED[3], "b", runs=True))
    assert plan(WANTED[:4], jobs, {"a", "b"}) == Plan()


def test_without_any_worker_nothing_begins() -> None:
    assert plan(WANTED, [], set()) == Plan()


def test_a_shard_that_has_no_mailboxes_any_more_is_nobodys_duty() -> None:
    jobs = [Held(1, TIMERS, "a", runs=True), Held(2, OUTBOX, "a", runs=True), Held(3, duty_of(5), "a", runs=True)]
    assert plan(duties([]), jobs, {"a"}) == Plan(end=[3])


@given(st.integers(min_value=0))
def test_a_mailbox_belongs_to_the_shard_of_its_duty(mailbox_id: int) -> None:
    assert shard_in(duty_of(shard_of(mailbox_id))) == shard_of(mailbox_id)


def test_a_duty_that_is_no_shard_says_so() -> None:
    assert shard_in(TIMERS) is None
