"""`worker`: one of many processes that share the mailboxes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import click

from worker.cli.common import now, see_job_engine, start
from worker.daemon.rounds import Rounds
from worker.daemon.serving import Classifier
from worker.errands.service import station
from worker.fleet.leases import Leases
from worker.fleet.range_work import RangeWork
from worker.reading.visit import Station, Watch
from worker.schedule import Daemon
from worker.watch.metrics import Metrics


@click.command()
@click.option("--poll-seconds", type=int, help="Seconds between two polls of one mailbox.")
@click.option("--threads", type=int, help="Mailboxes polled at the same time by this worker.")
def worker(poll_seconds: int | None, threads: int | None) -> None:
    """Do a share of what `run` does until SIGTERM, then give it back.

    Start as many as you like, on as many machines: they find each other through the database, which has to be
    PostgreSQL. Whose worker dies is taken over within seconds.
    """
    settings, engine = start(
        if_not_postgresql="workers share a PostgreSQL (INBOX_DATABASE_URL); with SQLite use: inbox-worker run",
        poll_seconds=poll_seconds,
        poll_threads=threads,
    )
    see_job_engine(engine)
    # The job engine, which no other command needs.
    from worker.fleet.board import Board  # noqa: PLC0415
    from worker.fleet.chores import Chores  # noqa: PLC0415
    from worker.fleet.sharing import share  # noqa: PLC0415
    from worker.queue import Member  # noqa: PLC0415

    classifier = Classifier(engine, settings)
    classifier.current()
    leases = Leases()

    metrics = Metrics()

    def where(stopping: Callable[[], bool]) -> Station:
        return station(engine, settings, Watch(clock=now, stopping=stopping, wrote=metrics.wrote))

    polls = Rounds(where, classifier.current, partial(leases.writer, engine))
    board = Board()
    daemon = Daemon(engine, settings, polls.poll, now, classifier.current, leases, partial(share, board), metrics)
    chores = Chores(board, RangeWork(daemon.jobs.workshop, daemon.jobs.hosts), daemon.stop.is_set)
    member = Member(engine.url, leases, daemon.take, daemon.let_go, chores)
    member.start()
    try:
        daemon.run()
    finally:
        member.stop()
        daemon.jobs.workshop.crews.close()
