"""The daemon: one short tick picks the mailboxes that are due and polls them in a pool of threads.

Beside it run the steps of `worker.daemon.ticks`, the delivery to other systems among them, each in a thread of its own.
"""

from __future__ import annotations

import gc
import resource
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from apscheduler.schedulers.background import BackgroundScheduler
from sqlalchemy import Engine

from classifier.judge import ReplyJudge
from config import logs
from config.settings import Settings
from models.session import reading
from worker.daemon.due import Due, active, due_mailboxes, spread
from worker.daemon.duties import TIMERS, shard_in, shard_of
from worker.daemon.keeper import Keeper
from worker.daemon.polls import Poll, Polls
from worker.daemon.regular import regular
from worker.daemon.results import Results
from worker.daemon.serving import Classifier
from worker.daemon.ticks import Step
from worker.daemon.turns import Turns
from worker.errands.job import Share, Workshop
from worker.errands.jobs import Jobs
from worker.fleet.leases import Leases
from worker.imap.manners import Hosts, longest_pause
from worker.reading.crews import LINGER, Crews
from worker.secrets.vault import vault_of
from worker.tracing import traced
from worker.watch.gauges import Gauges
from worker.watch.metrics import Metrics
from worker.watch.observed import Observed, metrics_address, observed
from worker.webhooks.lanes import Lanes

log = logs.logger(__name__)

TICK_SECONDS = 1
LEAVING_SECONDS = 15
GRACE_SECONDS = 20
"""How long a poll in hand may take once the daemon is to stop, or another worker is to have the mailbox."""
LETTING_SECONDS = 0.05
"""Seconds between two looks whether the polls in hand of a duty have ended."""
FILES_BESIDE = 200
"""Files that a daemon has open besides its kept connections."""
QUEUED = 50
"""Due mailboxes queued for each thread at a tick: what it may do in that time where nothing is new."""


@dataclass(slots=True)
class Daemon:
    """Polls every mailbox when it is due, and when its server told that mail came, until it is told to stop."""

    engine: Engine
    settings: Settings
    poll: Poll
    clock: Callable[[], datetime]
    classifier: Callable[[], ReplyJudge] | None = None
    """Gives what backfills are judged with; None: what the database says is in service."""
    leases: Leases | None = None
    """What this daemon may do as one worker of a fleet; None: everything, it is the only one."""
    share: Share | None = None
    """Has the workers of a fleet do backfills together; None: this daemon does them."""
    metrics: Metrics = field(default_factory=Metrics)
    stop: threading.Event = field(default_factory=threading.Event)
    keeper: Keeper = field(init=False)
    turns: Turns = field(init=False)
    jobs: Jobs = field(init=False)
    results: Results = field(init=False)
    polls: Polls = field(init=False)

    def __post_init__(self) -> None:
        """Make what is shared by all polls."""
        hosts = Hosts(self.settings.host_connections, self.settings.host_connects_a_second)
        self.results = Results(self.engine, self.clock, self.settings.poll_seconds)
        self.turns = Turns(self._poll, self.settings.poll_threads, self.stop)
        self.keeper = Keeper(hosts, self.clock, self.turns.wake, files_to_open() - FILES_BESIDE)
        classifier = self.classifier or Classifier(self.engine, self.settings).current
        crews = Crews(self.settings, LINGER if self.share else 0)
        workshop = Workshop(self.engine, self.settings, self.clock, classifier, crews, self.share, self.metrics.wrote)
        self.jobs = Jobs(workshop, hosts, self.turns.wake, self.stop, self._owns)
        self.polls = Polls(
            self.engine, self.clock, self.poll, self.keeper, self.results, self.metrics, self.stop,
            owns=self._owns, heard=self.jobs.polled, leave=self.jobs.leave,
        )  # fmt: skip

    def run(self) -> None:
        """Work until SIGTERM or SIGINT; then finish the batches in hand and return.

        Raises:
            InputError: the address of its numbers cannot be listened on, or traces cannot be sent.
        """
        with observed(metrics_address(self.settings), self.shown()), traced(self.settings):
            self._run()

    def shown(self) -> Observed:
        """Return what is told of this daemon to whoever watches over it."""
        held = {
            "inbox_worker_polls_queued": ("Due mailboxes that wait for a thread.", self.turns.waiting),
            "inbox_worker_polls_in_hand": ("Mailboxes queued or being polled.", lambda: len(self.turns.busy())),
            "inbox_worker_connections_kept": ("Connections kept to mailboxes.", lambda: len(self.keeper.kept())),
        }
        self.metrics.show(held)
        # Of a fleet one says how everything stands.
        gauges = Gauges(self.engine, self.clock, lambda: self.leases is None or self.leases.has(TIMERS))
        self.metrics.registry.register(gauges)
        seconds = self.settings.stall_seconds
        return Observed(self.metrics.registry, lambda: self.metrics.pulse.stall(seconds), self.engine)

    def _run(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self.stop.set())
        lanes = Lanes(self.engine, self.clock, vault_of(self.settings), self.stop.is_set)
        steps = [threading.Thread(target=step.loop, args=[self.stop], name=step.name) for step in self.steps(lanes)]
        scheduler = BackgroundScheduler(timezone="UTC")
        tick = self._step("picking due mailboxes", TICK_SECONDS, self.tick)
        scheduler.add_job(
            tick.__call__, "interval", seconds=TICK_SECONDS, coalesce=True, max_instances=1, misfire_grace_time=60
        )
        scheduler.start()
        for thread in steps:
            thread.start()
        # All that is loaded by now stays, so the collector need not look through it again and again.
        gc.freeze()
        log.info(
            "polling", says="polling every {seconds} seconds; stop with SIGTERM", seconds=self.settings.poll_seconds
        )
        self.stop.wait()
        log.info("stopping", says="stopping: finishing the messages in hand")
        scheduler.shutdown(wait=True)
        for thread in steps:
            thread.join()
        self.close()
        lanes.close()

    def close(self) -> None:
        """Let the polls in hand end, write down how they went, and hang up every connection that is kept."""
        # A server that answers in drops would keep its poll from ever ending, and that of the next attempt.
        ended = threading.Event()
        cutting = threading.Thread(target=self._cut_until, args=[ended], name="cutting polls")
        cutting.start()
        self.turns.close()
        ended.set()
        cutting.join()
        Step("writing how polls went", 0, self.write_down, self.clock)()
        Step("ending what was asked for", 0, self.jobs.close, self.clock)()
        self.jobs.workshop.crews.close()
        self.keeper.close()

    def _cut_until(self, ended: threading.Event) -> None:
        seconds: float = GRACE_SECONDS
        while not ended.wait(seconds):
            self.keeper.cut(timedelta(0))
            seconds = TICK_SECONDS

    def steps(self, lanes: Lanes) -> list[Step]:
        """Return what is done again and again besides polling."""
        work: dict[str, tuple[float, Callable[[], object]]] = {
            "hearing mailboxes": (0, self.keeper.listen),
            "leaving mailboxes": (LEAVING_SECONDS, self.leave),
            "doing what was asked for": (TICK_SECONDS, self.jobs.look),
        }
        for duty, of_one in regular(self.engine, self.settings, self.clock, lanes, self.stop.is_set).items():
            work |= {name: (seconds, self._if_held(duty, do)) for name, (seconds, do) in of_one.items()}
        return [self._step(name, *each) for name, each in work.items()]

    def _step(self, name: str, seconds: float, do: Callable[[], object]) -> Step:
        return Step(name, seconds, do, self.clock, self.metrics.failures.labels(name).inc)

    def _if_held(self, duty: str, do: Callable[[], object]) -> Callable[[], object]:
        """Do what one worker of a fleet does for all of them, where this is the one."""
        return lambda: do() if self.leases is None or self.leases.has(duty) else None

    def _owns(self, mailbox_id: int) -> bool:
        return self.leases is None or self.leases.owns(mailbox_id)

    def take(self, duty: str) -> None:
        """Begin with a duty: the mailboxes of a shard are due soon, since nobody may have polled them for a while."""
        shard = shard_in(duty)
        if shard is not None:
            spread(self.engine, self.settings, self.clock(), self.results.random, shard)

    def let_go(self, duty: str) -> None:
        """Return once nothing is in hand of a duty that another worker is to have."""
        shard = shard_in(duty)
        if shard is None:
            return
        until = time.monotonic() + GRACE_SECONDS
        while any(shard_of(each) == shard for each in self.turns.busy()) and time.monotonic() < until:
            time.sleep(LETTING_SECONDS)
        for mailbox_id in self.keeper.kept():
            if shard_of(mailbox_id) == shard:
                self.keeper.drop(mailbox_id)

    def tick(self) -> None:
        """Write down how polls went, and start one for each due mailbox while threads are free."""
        self.write_down()
        if self.stop.is_set():
            return
        self.turns.add(self._due())
        self.metrics.pulse.looked(idle=not self.turns.busy())

    def leave(self) -> None:
        """Hang up the connections of mailboxes that are polled no more, or by another worker."""
        kept = self.keeper.kept()
        if kept:
            with reading(self.engine) as session:
                stay = active(session)
            for mailbox_id in kept:
                if mailbox_id not in stay or not self._owns(mailbox_id):
                    self.keeper.drop(mailbox_id)

    def write_down(self) -> None:
        """Write how the polls since the last time went; kept for later where the database does not take it."""
        self.results.write(self._owns)

    def _due(self) -> list[Due]:
        """Pick mailboxes that are due, the longest due first, as many as the threads may do before the next tick."""
        now = self.clock()
        left_alone = self.turns.busy() | self.results.unwritten()
        crowded = self.keeper.hosts.crowded(now)

        def wanted(due: Due) -> bool:
            reachable = due.host.lower() not in crowded or self.keeper.keeps(due.mailbox_id)
            return reachable and due.mailbox_id not in left_alone

        free = self.settings.poll_threads * QUEUED - self.turns.waiting()
        longest = longest_pause(self.settings.poll_seconds)
        shards = self.leases.shards() if self.leases else None
        return due_mailboxes(self.engine, now, free, wanted, longest, shards) if free > 0 else []

    def _poll(self, mailbox_id: int, due: Due | None) -> None:
        self.polls.carry_out(mailbox_id, due)


def files_to_open() -> int:
    """Return how many files the system lets this process open, after asking for as many as it may have."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return soft if soft != resource.RLIM_INFINITY else 2**31
