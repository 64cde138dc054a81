"""A progress bar on a terminal, plain lines in a log."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

LINE_EVERY = 10_000


@contextmanager
def bar(title: str, *, unit: str = "messages", shown: bool = True) -> Iterator[Callable[[int, int], None]]:
    """Give a function that is told how many items are to come and how many were done since."""
    if not shown:
        yield lambda _coming, _done: None
    elif sys.stderr.isatty():
        columns = (TextColumn(title), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
            task = progress.add_task(title, total=0)
            total = 0

            def advance(coming: int, done: int) -> None:
                nonlocal total
                total += coming
                progress.update(task, total=total, advance=done)

            yield advance
    else:
        yield _lines(title, unit)


def _lines(title: str, unit: str) -> Callable[[int, int], None]:
    total = finished = 0

    def advance(coming: int, done: int) -> None:
        nonlocal total, finished
        before, total, finished = finished, total + coming, finished + done
        if before // LINE_EVERY != finished // LINE_EVERY:
            click.echo(f"{title}: {finished} of {total} {unit}", err=True)

    return advance
