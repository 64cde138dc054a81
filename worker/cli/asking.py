"""Asks the workers of a fleet for what they do beside their duties, from a command that is none of them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from procrastinate import App
from procrastinate.exceptions import AlreadyEnqueued
from sqlalchemy import URL

from worker.fleet.board import QUEUE, TRAIN, TRAIN_PRIORITY
from worker.fleet.engine import connector


def ask_for_training(url: URL, words: Sequence[str]) -> bool:
    """Have a worker train with these options of `inbox-worker train`; return False where a training waits already."""
    return asyncio.run(_ask_for_training(url, words))


async def _ask_for_training(url: URL, words: Sequence[str]) -> bool:
    app = App(connector=connector(url))
    async with app.open_async():
        job = app.configure_task(TRAIN, queue=QUEUE, priority=TRAIN_PRIORITY, lock=TRAIN, queueing_lock=TRAIN)
        try:
            await job.defer_async(words=list(words))
        except AlreadyEnqueued:
            return False
        return True
