"""What a daemon does again and again besides polling, by the duty that it belongs to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from sqlalchemy import Engine

from config.settings import Settings
from worker.daemon.duties import OUTBOX, TIMERS
from worker.daemon.ticks import Pauses
from worker.privacy.months import keep_months
from worker.privacy.retention import remove_old
from worker.queries.figures import COUNT_SECONDS, count_all
from worker.watch.alarms import look
from worker.watch.sign import limits_of
from worker.webhooks.dispatch import dispatch
from worker.webhooks.lanes import Lanes
from worker.writing.traffic import forget

SOON_SECONDS = 1
ALARM_SECONDS = 60
"""Longest time between two looks for alarms; mailboxes that are polled more often are looked at more often."""
REMOVAL_SECONDS = 600

Work = Mapping[str, tuple[float, Callable[[], object]]]
"""What is done by its name: after how many seconds again, and the doing."""


def regular(
    engine: Engine, settings: Settings, clock: Callable[[], datetime], lanes: Lanes, stopping: Callable[[], bool]
) -> Mapping[str, Work]:
    """Return what one process does for all, by the duty under which a fleet gives it to one worker."""
    pauses = Pauses(engine, clock, stopping)
    limits = limits_of(settings)
    kept = timedelta(days=settings.event_days)
    return {
        OUTBOX: {
            "dispatching events": (SOON_SECONDS, lambda: dispatch(engine, clock(), stopping)),
            "delivering events": (SOON_SECONDS, lanes.start),
        },
        TIMERS: {
            "ending pauses": (SOON_SECONDS, pauses.end),
            "forgetting what was read": (REMOVAL_SECONDS, lambda: forget(engine, clock())),
            "removing old events": (REMOVAL_SECONDS, lambda: remove_old(engine, clock() - kept, stopping)),
            "keeping months": (REMOVAL_SECONDS, lambda: keep_months(engine, settings, clock(), stopping)),
            "looking for alarms": (
                min(ALARM_SECONDS, settings.poll_seconds),
                lambda: look(engine, limits, clock()),
            ),
            "counting": (COUNT_SECONDS, lambda: count_all(engine, clock(), stopping)),
        },
    }
