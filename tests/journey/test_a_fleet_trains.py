"""A worker of a fleet trains in a process of its own: once for however many ask, and again where its worker dies."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select, text

from classifier.verdict import ReplyClass
from models.tables.learning import Artifact
from tests.journey.workers import SECONDS, Workers, engine_of
from tests.journey.world import World
from tests.servers import PrivateDovecot, PrivatePostgres

pytestmark = [pytest.mark.server, pytest.mark.xdist_group("fleet")]

# In place of training it says who it is, and goes on until its input ends.
CODE = """
import sys
from worker.cli import cli
from worker.fleet import training
training.COMMAND = (sys.executable, "-c", "import os, sys; print('pid', os.getpid(), flush=True); sys.stdin.read()")
cli(["worker"])
"""
TRAINS = text("SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'train' AND status = 'doing'")


class Trainers(Workers):
    """Workers that may train, and what was asked of them."""

    def ask(self, *words: str, check: bool = True) -> str:
        done = self.world.prepare("train", "--on-worker", *words, check=check)
        return f"{done.out}{done.err}"

    def pid_in(self, number: int) -> int:
        """Return the process that trains for a worker, 0 for none."""
        _, found, rest = self.log_of(number).read_text().partition("training: pid ")
        return int(rest.split()[0]) if found else 0


@pytest.fixture
def trainers(dovecot: PrivateDovecot, postgres: PrivatePostgres, imap_user: str, tmp_path: Path) -> Iterator[Trainers]:
    world = World(dovecot, imap_user, postgres.create_database(f"trains_{imap_user}"), tmp_path)
    world.extra = {"INBOX_ARTIFACT_FOLDER": str(tmp_path / "artifacts")}
    made = Trainers(world, engine_of(world))
    with made.ending():
        yield made


def import_labels(world: World) -> None:
    things = ["bread", "garden tools", "the opera", "insurance", "school buses", "glass", "old maps", "fish"]
    rows = [
        {"class": each.value, "text": f"{each.value} of {thing}, {each.name}"}
        for each in ReplyClass
        for thing in things
    ]
    path = world.folder / "labels.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    world.prepare("labels", "import", str(path))


def test_what_was_asked_for_once_is_trained_by_a_worker_and_can_be_promoted(trainers: Trainers) -> None:
    import_labels(trainers.world)
    assert "a worker of the fleet trains" in trainers.ask("--base", "none", "--version", "ours")
    assert "waits for a worker already" in trainers.ask("--base", "none")
    trainers.start()
    trainers.wait("it is there", lambda: trainers.scalar(select(func.count(Artifact.id))))
    trainers.wait("it is told", lambda: "training has ended" in trainers.log_of(0).read_text())
    assert "artifact ours is written to" in trainers.log_of(0).read_text()
    assert "ours" in trainers.world.prepare("artifacts", "list").out
    assert "ours" in trainers.ask("--version", "ours", check=False)


def test_a_training_whose_worker_was_killed_ends_and_is_begun_again_by_another(trainers: Trainers) -> None:
    first = trainers.start("-c", CODE)
    trainers.ask()
    trainers.wait("it trains", lambda: trainers.pid_in(0))
    trainers.start("-c", CODE)
    first.send_signal(signal.SIGKILL)
    first.wait()
    trainers.wait("the process has ended", lambda: not is_there(trainers.pid_in(0)))
    trainers.wait("the other trains", lambda: trainers.pid_in(1))
    second = trainers.workers[1]
    second.terminate()
    assert second.wait(SECONDS) == 0
    assert not is_there(trainers.pid_in(1))
    assert trainers.scalar(TRAINS) == 0


def is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # It has ended, and whoever takes over its parent's children has not looked yet.
    return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
