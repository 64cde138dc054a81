"""Workers of a fleet that a test starts, waits for, and does something to."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from models.session import open_engine, reading
from tests.journey.world import World

SECONDS = 90
"""How long anything may take; it is over in some ten."""


@dataclass
class Workers:
    """The workers that were started over one database, and what they said."""

    world: World
    engine: Engine
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        """Start a worker, or what else Python is to do."""
        with self.log_of(len(self.workers)).open("wb") as log:
            started = subprocess.Popen(
                [sys.executable, *(words or ("-m", "worker", "worker"))],
                env=self.world.environment, cwd=self.world.folder, stdout=log, stderr=log,
            )  # fmt: skip
        self.workers.append(started)
        return started

    def log_of(self, number: int) -> Path:
        return self.world.folder / f"log{number}"

    def logs(self) -> str:
        return "\n".join(
            f"{number} ({worker.poll()}):\n{self.log_of(number).read_text()[-2000:]}"
            for number, worker in enumerate(self.workers)
        )

    def wait(self, what: str, is_so: Callable[[], object]) -> float:
        """Wait until something is so; return after how many seconds."""
        start = time.monotonic()
        while not is_so():
            assert time.monotonic() - start < SECONDS, f"{what}: not yet; {self.logs()}"
            # Whom a test kills ends by a signal, whom it stops with 0.
            assert not any((worker.poll() or 0) > 0 for worker in self.workers), f"{what}: one gave up; {self.logs()}"
            time.sleep(0.05)
        return time.monotonic() - start

    def scalar(self, query: Any) -> Any:
        with reading(self.engine) as session:
            return session.scalar(query)

    @contextmanager
    def ending(self) -> Iterator[None]:
        """End every worker that is left."""
        try:
            yield
        finally:
            for worker in self.workers:
                if worker.poll() is None:
                    worker.kill()
                worker.wait()
            self.engine.dispose()


def engine_of(world: World) -> Engine:
    """Return the database, made ready."""
    world.prepare("migrate")
    return open_engine(world.database_url)
