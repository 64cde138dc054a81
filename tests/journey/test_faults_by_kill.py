"""kill -9 at random moments, again and again, while mail keeps coming: at the end each mail exactly once in effect."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from shutil import copyfile

import pytest
from sqlalchemy import Engine, func, select

from models.session import reading
from models.tables.mail import InboundMessage
from tests.journey.here import Here
from tests.journey.world import NAME, EndState, World
from tests.lab import deliver, recent
from tests.servers import PrivateDovecot
from tests.small_mails import Exchange
from tests.soak import either

pytestmark = pytest.mark.server

KILLS = either(6, 100)
"""On each database."""
MAILS_A_KILL = 8


@pytest.fixture(scope="module")
def mails() -> list[Exchange]:
    return recent(KILLS * MAILS_A_KILL)


@pytest.fixture(scope="module")
def expected(
    dovecot: PrivateDovecot, sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory, mails: Sequence[Exchange]
) -> EndState:
    """What one undisturbed poll comes to."""
    folder = tmp_path_factory.mktemp("undisturbed")
    copyfile(sqlite_template, folder / "world.sqlite")
    world = Here(dovecot, "never-killed", f"sqlite:///{folder}/world.sqlite", folder)
    prepare(world, mails)
    deliver(dovecot, world.user, mails)
    world.run("poll", NAME)
    return world.end_state()


def prepare(world: World, mails: Sequence[Exchange]) -> None:
    world.extra = {"INBOX_BATCH_MESSAGES": "2", "INBOX_POLL_SECONDS": "1"}
    world.add_mailbox()
    world.import_sends([each.row for each in mails if not each.learnt])


@dataclass
class Victim:
    """A command over the mailbox that is killed at a moment that chance chooses."""

    world: World
    chance: Random

    def kill(self, *command: str) -> bool:
        """Begin a command and kill it; return whether it was still at work."""
        with (self.world.folder / "log").open("a") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "worker", *command],
                env=self.world.environment, cwd=self.world.folder, stdout=log, stderr=log,
            )  # fmt: skip
        try:
            self._wait(process)
        finally:
            process.kill()
        return process.wait() == -signal.SIGKILL

    def _wait(self, process: subprocess.Popen[bytes]) -> None:
        """Wait for some messages more than there are, and then for a moment that falls anywhere between two batches."""
        engine = self.world.engine()
        wanted = self._count(engine) + self.chance.randint(1, MAILS_A_KILL - 1)
        deadline = time.monotonic() + 30
        while process.poll() is None and self._count(engine) < wanted and time.monotonic() < deadline:
            time.sleep(0.002)
        engine.dispose()
        time.sleep(self.chance.uniform(0, 0.05))

    def _count(self, engine: Engine) -> int:
        with reading(engine) as session:
            return session.scalar(select(func.count(InboundMessage.id))) or 0


def test_killed_again_and_again_every_mail_is_in_effect_exactly_once(
    dovecot: PrivateDovecot, database_url: str, tmp_path: Path, imap_user: str, mails: Sequence[Exchange],
    expected: EndState,
) -> None:  # fmt: skip
    world = Here(dovecot, imap_user, database_url, tmp_path)
    prepare(world, mails)
    victim = Victim(world, Random(1))  # noqa: S311 - the machine adds chance enough
    killed = 0
    for number in range(KILLS):
        deliver(dovecot, imap_user, mails[number * MAILS_A_KILL : (number + 1) * MAILS_A_KILL])
        killed += victim.kill(*(("poll", NAME), ("run",))[number % 2])
    assert killed > KILLS // 2
    world.run("poll", NAME)
    assert world.end_state() == expected
    assert world.messages() == len(mails)
