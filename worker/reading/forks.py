"""Processes that are forked from one that has loaded all it takes to understand mail; light, so that it comes first."""

from __future__ import annotations

import os
import signal
from multiprocessing import get_context, resource_tracker
from multiprocessing.forkserver import ensure_running
from typing import Final

from config.settings import Settings

_LOADED: Final = ["classifier.warm", "worker.reading.crew"]


def count_of(settings: Settings) -> int:
    """Return how many processes understand mail side by side; not every system tells how many CPUs there are."""
    allowed = getattr(os, "sched_getaffinity", None)
    return settings.backfill_processes or (len(allowed(0)) if allowed else os.cpu_count()) or 1


def get_ready() -> None:
    """Begin to load what they need; that takes two seconds, for which nobody has to wait who has something else to do.

    Forked from this process they would take along threads, connections and locks; one that has nothing of that loads
    what all of them need, once.
    """
    get_context("forkserver").set_forkserver_preload(_LOADED)
    # Until all is loaded it would end at an interrupt that is meant for this process. The tracker, which it would start
    # as well, lets interrupts through again.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
