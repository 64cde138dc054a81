"""Several workers share the mailboxes: what one does no other does, and what becomes free is done by another."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine, func, insert, select, text

from models.session import reading, transaction
from models.tables.mail import InboundMessage
from models.tables.mailboxes import Mailbox
from tests.journey.workers import SECONDS, Workers, engine_of
from tests.journey.world import World
from tests.lab import deliver, recent
from tests.servers import PrivateDovecot, PrivatePostgres
from worker.daemon.duties import SHARD
from worker.errors import MailboxError
from worker.fleet.leases import Lease, Leases

pytestmark = [pytest.mark.server, pytest.mark.xdist_group("fleet")]

MAILBOXES = SHARD + 10
HELD = text("SELECT lock, id, worker_id FROM procrastinate_jobs WHERE task_name = 'duty' AND status = 'doing'")


class Fleet(Workers):
    """Mailboxes of two shards, and the workers that were started over them."""

    def leases(self) -> list[Lease]:
        with reading(self.engine) as session:
            return [Lease(row.lock, row.id, row.worker_id) for row in session.execute(HELD)]

    def holders(self) -> dict[int, int]:
        """Return how many duties each worker holds, by the number that it has in the engine."""
        counts: dict[int, int] = {}
        for lease in self.leases():
            counts[lease.worker_id] = counts.get(lease.worker_id, 0) + 1
        return counts

    def are_shared(self) -> bool:
        counts = self.holders().values()
        return len(counts) == len(self.living()) and sum(counts) == 4 and max(counts) - min(counts) <= 1

    def living(self) -> list[subprocess.Popen[bytes]]:
        return [each for each in self.workers if each.poll() is None]

    def are_polled_since(self, moment: datetime) -> Callable[[], bool]:
        missing = select(func.count()).where(Mailbox.last_success_at.is_(None) | (Mailbox.last_success_at < moment))

        def all_polled() -> bool:
            with reading(self.engine) as session:
                return not session.scalar(missing)

        return all_polled

    def all_polled_again(self) -> float:
        return self.wait("every mailbox is polled", self.are_polled_since(datetime.now(UTC)))


@pytest.fixture(scope="module")
def postgres() -> Iterator[PrivatePostgres]:
    with PrivatePostgres() as server:
        yield server


@pytest.fixture
def fleet(dovecot: PrivateDovecot, postgres: PrivatePostgres, imap_user: str, tmp_path: Path) -> Iterator[Fleet]:
    world = World(dovecot, imap_user, postgres.create_database(imap_user.replace("-", "_")), tmp_path)
    world.extra = {"INBOX_POLL_SECONDS": "1", "INBOX_HOST_CONNECTS_A_SECOND": "500"}
    engine = engine_of(world)
    world.add_mailbox()
    with transaction(engine) as session:
        row = session.execute(select(Mailbox.__table__)).mappings().one()
        same = {name: value for name, value in row.items() if name != "id"}
        others = range(1, MAILBOXES)
        session.execute(insert(Mailbox), [same | {"name": f"m{n}", "username": f"{imap_user}{n}"} for n in others])
    made = Fleet(world, engine)
    with made.ending():
        yield made


def test_workers_share_the_mailboxes_and_who_is_killed_loses_them_to_another(fleet: Fleet) -> None:
    fleet.start()
    fleet.start()
    fleet.wait("the duties are shared", fleet.are_shared)
    fleet.all_polled_again()
    mails = recent(6)
    fleet.world.import_sends([each.row for each in mails if not each.learnt])
    deliver(fleet.world.server, fleet.world.user, mails)
    killed = fleet.workers[0]
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    fleet.all_polled_again()
    fleet.wait("every mail is taken in", lambda: count(fleet.engine) == len(mails))
    fleet.wait("the other does all", lambda: sum(fleet.holders().values()) == 4 and len(fleet.holders()) == 1)


def test_a_worker_that_is_stopped_hands_over_at_once(fleet: Fleet) -> None:
    fleet.start()
    fleet.start()
    fleet.wait("the duties are shared", fleet.are_shared)
    first = fleet.workers[0]
    first.terminate()
    assert first.wait(SECONDS) == 0
    fleet.wait("the other has them", fleet.are_shared)


def test_a_worker_that_froze_writes_nothing_with_what_it_held(fleet: Fleet) -> None:
    frozen = fleet.start()
    fleet.wait("it has all", fleet.are_shared)
    [old] = [lease for lease in fleet.leases() if lease.duty == "shard:0"]
    frozen.send_signal(signal.SIGSTOP)
    fleet.start()
    fleet.wait("the other has them", lambda: len(fleet.leases()) == 4 and old not in fleet.leases())
    leases = Leases()
    leases.take(old, leases.clock())
    with pytest.raises(MailboxError, match="another worker"), leases.writer(fleet.engine, 1)():
        raise AssertionError("it may not get here")
    frozen.send_signal(signal.SIGCONT)
    fleet.wait("both share", fleet.are_shared)
    fleet.all_polled_again()


def test_a_fleet_outlives_a_restart_of_the_database_and_the_loss_of_its_connections(
    fleet: Fleet, postgres: PrivatePostgres
) -> None:
    fleet.start()
    fleet.start()
    fleet.wait("the duties are shared", fleet.are_shared)
    fleet.engine.dispose()
    postgres.down()
    postgres.up()
    fleet.all_polled_again()
    with transaction(fleet.engine) as session:
        session.execute(text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"))
    fleet.all_polled_again()
    fleet.wait("the duties are shared", fleet.are_shared)
    assert len(fleet.living()) == 2


def count(engine: Engine) -> int:
    with reading(engine) as session:
        return session.scalar(select(func.count(InboundMessage.id))) or 0
