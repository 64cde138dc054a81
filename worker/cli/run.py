"""`run` and `poll`: read mailboxes on schedule, or one of them once."""

from __future__ import annotations

import random
from collections.abc import Callable

import click

from models.session import reading
from worker.cli.common import find_mailbox, now, start
from worker.cli.output import as_json, emit
from worker.cli.progress import bar
from worker.cli.report import print_changes, print_report, report_row
from worker.daemon.due import spread
from worker.daemon.rounds import Rounds
from worker.daemon.serving import Classifier
from worker.errands.service import poll_by_id, station
from worker.reading.visit import Station, Watch
from worker.schedule import Daemon
from worker.watch.metrics import Metrics


@click.command()
@click.option("--poll-seconds", type=int, help="Seconds between two polls of one mailbox.")
@click.option("--threads", type=int, help="Mailboxes polled at the same time.")
def run(poll_seconds: int | None, threads: int | None) -> None:
    """Poll every mailbox on schedule until SIGTERM, then finish the messages in hand."""
    settings, engine = start(poll_seconds=poll_seconds, poll_threads=threads)
    classifier = Classifier(engine, settings)
    # A setting that names no usable artifact is told now, and not at every poll.
    classifier.current()

    metrics = Metrics()

    def where(stopping: Callable[[], bool]) -> Station:
        return station(engine, settings, Watch(clock=now, stopping=stopping, wrote=metrics.wrote))

    spread(engine, settings, now(), random.Random())  # noqa: S311 - spreads load, guards nothing
    polls = Rounds(where, classifier.current)
    Daemon(engine, settings, polls.poll, now, classifier.current, metrics=metrics).run()


@click.command()
@click.argument("mailbox")
@as_json
def poll(mailbox: str, as_json: bool) -> None:
    """Poll MAILBOX once: learn what it sent, then take in what is new."""
    settings, engine = start()
    with reading(engine) as session:
        mailbox_id = find_mailbox(session, mailbox).id
    classifier = Classifier(engine, settings).current()
    with bar(f"polling {mailbox}", shown=not as_json) as progress:
        report = poll_by_id(station(engine, settings, Watch(clock=now, progress=progress)), classifier, mailbox_id)
    if as_json:
        emit([report_row(report)])
        return
    print_report(report)
    print_changes(report.applied.changes)
