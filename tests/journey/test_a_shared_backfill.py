"""Several workers take in the past of one mailbox together: nothing twice, and nothing left, whoever dies meanwhile."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, text, update

from models.session import reading, transaction
from models.tables.handling import BackfillRange, MailboxRequest, Wish
from models.tables.mail import InboundMessage
from models.tables.mailboxes import Mailbox
from tests.journey.workers import SECONDS, Workers, engine_of
from tests.journey.world import NAME, World, end_state
from tests.lab import deliver, recent
from tests.servers import PrivateDovecot, PrivatePostgres
from tests.small_mails import Exchange
from worker.act import Act
from worker.errands.requests import ask, request_of, stop

pytestmark = [pytest.mark.server, pytest.mark.xdist_group("fleet")]

MAILS = 600
LEARNT = 20
SIZE = 40
# A worker whose ranges are small, and whose batches take a moment, so that there is time to do something to it. It
# takes in one range at a time: of a mailbox two are, and whoever is quicker would take both again and again.
CODE = f"""
import time
from worker import queue
from worker.cli import cli
from worker.fleet import range_work, ranges
queue.AT_ONCE = 1
ranges.SIZE = {SIZE}
note = range_work.note
def slow_note(*args):
    time.sleep(0.05)
    return note(*args)
range_work.note = slow_note
cli(["worker"])
"""
RUNNING = text("SELECT worker_id FROM procrastinate_jobs WHERE task_name = 'range' AND status = 'doing'")
LEFT = text("SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'range' AND status IN ('todo', 'doing')")


@dataclass
class Fleet(Workers):
    """A mailbox that is not polled, and the workers that were started over it."""

    mails: Sequence[Exchange] = ()
    request_id: int = 0

    def start_slow(self) -> subprocess.Popen[bytes]:
        return self.start("-c", CODE)

    def is_up(self, number: int) -> bool:
        return self.workers[number].poll() is not None or "polling every" in self.log_of(number).read_text()

    def ranges_of(self, number: int) -> int:
        """Return how many ranges a worker has taken in."""
        return self.log_of(number).read_text().count("messages taken in")

    def ask(self) -> None:
        self.wait("all are at work", lambda: all(map(self.is_up, range(len(self.workers)))))
        with transaction(self.engine) as session:
            self.request_id = ask(session, 1, 1, Wish.BACKFILL, Act("petra", datetime.now(UTC)))

    def request(self) -> dict[str, Any]:
        with reading(self.engine) as session:
            return request_of(session, 1, self.request_id, datetime.now(UTC))

    def done(self) -> int:
        return self.scalar(select(func.sum(BackfillRange.done)).where(BackfillRange.folder != "")) or 0

    def are_both_at_it(self) -> bool:
        with reading(self.engine) as session:
            return len(set(session.scalars(RUNNING))) == 2

    def messages(self) -> int:
        return self.scalar(select(func.count(InboundMessage.id)))

    def is_done(self) -> bool:
        return self.request()["state"] == "done"


def counted(request: dict[str, Any]) -> int:
    return sum((request["counts"] or {}).get("messages", {}).values())


@pytest.fixture(scope="module")
def postgres() -> Iterator[PrivatePostgres]:
    with PrivatePostgres() as server:
        yield server


@pytest.fixture
def fleet(dovecot: PrivateDovecot, postgres: PrivatePostgres, imap_user: str, tmp_path: Path) -> Iterator[Fleet]:
    world = World(dovecot, imap_user, postgres.create_database(imap_user.replace("-", "_")), tmp_path)
    world.extra = {"INBOX_BATCH_MESSAGES": "20", "INBOX_BACKFILL_PROCESSES": "2", "INBOX_HOST_CONNECTS_A_SECOND": "500"}
    engine = engine_of(world)
    world.add_mailbox()
    mails = recent(MAILS, LEARNT)
    world.import_sends([each.row for each in mails if not each.learnt])
    deliver(dovecot, imap_user, mails)
    with transaction(engine) as session:
        session.execute(update(Mailbox).values(paused_at=datetime.now(UTC)))
    made = Fleet(world, engine, mails=mails)
    with made.ending():
        yield made


def see_that_all_is_taken_in_once(fleet: Fleet) -> None:
    """Every mail stands there once, and the counts tell of each of them once."""
    request = fleet.request()
    assert (request["state"], request["error"]) == ("done", None)
    assert (fleet.messages(), counted(request)) == (MAILS, MAILS)
    assert (request["done"], request["coming"]) == (MAILS + LEARNT, MAILS + LEARNT)
    assert request["counts"]["sends_learnt"] == LEARNT
    fleet.wait("no job is left", lambda: fleet.scalar(LEFT) == 0)


def test_two_workers_do_a_backfill_together(fleet: Fleet, tmp_path: Path) -> None:
    fleet.start_slow()
    fleet.start_slow()
    fleet.ask()
    fleet.wait("both take in ranges", fleet.are_both_at_it)
    fleet.wait("it is done", fleet.is_done)
    see_that_all_is_taken_in_once(fleet)
    shares = [fleet.ranges_of(0), fleet.ranges_of(1)]
    assert min(shares) > 0
    assert sum(shares) == MAILS / SIZE
    alone = World(
        fleet.world.server, fleet.world.user, f"sqlite:///{tmp_path}/alone.sqlite", tmp_path, fleet.world.extra
    )
    alone.add_mailbox()
    alone.import_sends([each.row for each in fleet.mails if not each.learnt])
    alone.prepare("backfill", NAME)
    assert end_state(fleet.engine) == alone.end_state()


@pytest.mark.parametrize("who", ["the coordinator", "the other"])
def test_what_a_killed_worker_had_in_hand_is_done_by_the_other(fleet: Fleet, who: str) -> None:
    first = fleet.start_slow()
    fleet.ask()
    fleet.wait("it is laid out", lambda: fleet.scalar(select(func.count(BackfillRange.id))) > 1)
    second = fleet.start_slow()
    fleet.wait("both take in ranges", lambda: fleet.are_both_at_it() and fleet.done() > 0)
    killed = first if who == "the coordinator" else second
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert 0 < fleet.done() < MAILS
    if who == "the coordinator":
        # Nobody has heard of it for two minutes.
        with transaction(fleet.engine) as session:
            session.execute(update(MailboxRequest).values(seen_at=None))
    fleet.wait("it is done", fleet.is_done)
    see_that_all_is_taken_in_once(fleet)


def test_a_worker_that_froze_counts_nothing_that_the_other_did(fleet: Fleet) -> None:
    fleet.start_slow()
    fleet.ask()
    fleet.wait("it is laid out", lambda: fleet.scalar(select(func.count(BackfillRange.id))) > 1)
    frozen = fleet.start_slow()
    fleet.wait("both take in ranges", lambda: fleet.are_both_at_it() and fleet.done() > 0)
    frozen.send_signal(signal.SIGSTOP)
    assert fleet.done() < MAILS
    fleet.wait("it is taken to be dead", lambda: not fleet.are_both_at_it())
    frozen.send_signal(signal.SIGCONT)
    fleet.wait("it is done", fleet.is_done)
    see_that_all_is_taken_in_once(fleet)


def test_a_worker_that_is_stopped_hands_its_ranges_to_the_other(fleet: Fleet) -> None:
    first = fleet.start_slow()
    fleet.ask()
    fleet.wait("it is laid out", lambda: fleet.scalar(select(func.count(BackfillRange.id))) > 1)
    fleet.start_slow()
    fleet.wait("both take in ranges", lambda: fleet.are_both_at_it() and fleet.done() > 0)
    first.terminate()
    assert first.wait(SECONDS) == 0
    assert fleet.done() < MAILS
    fleet.wait("it is done", fleet.is_done)
    see_that_all_is_taken_in_once(fleet)


def test_a_restart_of_the_database_in_the_middle_loses_nothing(fleet: Fleet, postgres: PrivatePostgres) -> None:
    fleet.start_slow()
    fleet.start_slow()
    fleet.ask()
    fleet.wait("both take in ranges", lambda: fleet.are_both_at_it() and fleet.done() > 0)
    fleet.engine.dispose()
    postgres.down()
    postgres.up()
    assert fleet.done() < MAILS
    fleet.wait("it is done", fleet.is_done)
    see_that_all_is_taken_in_once(fleet)


def test_a_person_stops_it_in_the_middle_and_asks_for_the_rest(fleet: Fleet) -> None:
    fleet.start_slow()
    fleet.start_slow()
    fleet.ask()
    fleet.wait("both take in ranges", lambda: fleet.are_both_at_it() and fleet.done() > 0)
    with transaction(fleet.engine) as session:
        stop(session, 1, fleet.request_id, Act("petra", datetime.now(UTC)))
    fleet.wait("it is stopped", lambda: fleet.request()["state"] == "stopped")
    request, taken_in = fleet.request(), fleet.messages()
    assert 0 < taken_in < MAILS
    assert (counted(request), request["done"]) == (taken_in, taken_in + LEARNT)
    fleet.wait("no job is left", lambda: fleet.scalar(LEFT) == 0)
    assert fleet.messages() == taken_in
    fleet.ask()
    fleet.wait("the rest is done", fleet.is_done)
    assert (fleet.messages(), counted(fleet.request())) == (MAILS, MAILS - taken_in)
