"""A backfill that is shared: what its coordinator lays out is taken in, and what fails is told or tried again."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, func, select, update

from config.settings import Settings
from models.session import reading, transaction
from models.tables.handling import BackfillRange, MailboxRequest, Wish
from models.tables.mail import InboundMessage
from tests.lab import Lab, now, recent
from tests.servers import PrivateDovecot
from tests.small_mails import Exchange
from worker.act import Act
from worker.errands.claims import claim
from worker.errands.job import Job, Workshop
from worker.errands.outcomes import Outcome
from worker.errands.requests import ask
from worker.errors import MailboxError, Trouble
from worker.fleet import ranges, sharing
from worker.fleet.board import EngineLostError
from worker.fleet.range_work import RangeWork
from worker.imap.manners import Hosts
from worker.mailbox import Mailbox as Imap
from worker.reading.crews import Crews

pytestmark = pytest.mark.server

MAILS = 30
SIZE = 8
FOLDER = "Archive"
BROKEN = MailboxError("the line broke", permanent=False, trouble=Trouble.NETWORK)
REFUSED = MailboxError("not let in", permanent=True, trouble=Trouble.SIGN_IN)


@dataclass
class Board:
    """Does in place of the engine what hangs on it, at once and one after the other."""

    work: RangeWork
    before: Callable[[int], object] = lambda _: None
    """Told of each range before it begins."""
    begun: list[int] = field(default_factory=list)
    came: list[bool] = field(default_factory=list)
    """Of each, whether nobody has to do anything more of it."""
    stops: bool = False
    """Its worker ends, so each range is left after its first batch."""
    lost: int = 0
    """So many times the engine cannot be reached."""
    running: list[int] = field(default_factory=list)
    """How many ranges run, at one look after the other that takes back what waits."""

    def begin(self, mailbox_id: int, range_ids: Sequence[int]) -> None:
        assert mailbox_id == 1
        if self.lost:
            self.lost -= 1
            raise EngineLostError
        for range_id in range_ids:
            self.begun.append(range_id)
            self.before(range_id)
            self.came.append(self.work.carry_out(range_id, lambda: self.stops))

    def take_back(self, _range_ids: Sequence[int]) -> int:
        return self.running.pop(0) if self.running else 0


@dataclass
class World:
    """A mailbox with a folder of mail, and one worker that is all of the fleet."""

    lab: Lab
    mails: Sequence[Exchange]
    stop: threading.Event = field(default_factory=threading.Event)
    ahead: timedelta = timedelta(0)
    board: Board = field(init=False)
    job: Job = field(init=False)

    def __post_init__(self) -> None:
        settings = Settings(batch_messages=20, imap_timeout=10, backfill_processes=1)
        self.workshop = Workshop(self.lab.engine, settings, self.clock, lambda: None, Crews(settings))  # type: ignore[arg-type,return-value]
        self.board = Board(RangeWork(self.workshop, Hosts(10, 1_000)))
        with transaction(self.lab.engine) as session:
            self.request_id = ask(session, 1, 1, Wish.BACKFILL, Act("petra", now()))

    def clock(self) -> datetime:
        return now() + self.ahead

    def share(self) -> Outcome:
        with transaction(self.lab.engine) as session:
            session.execute(update(MailboxRequest).values(seen_at=None))
        claimed = claim(self.lab.engine, self.request_id, now())
        assert claimed
        self.job = Job(claimed, "localhost", 1, now())
        try:
            return sharing.share(self.board, self.workshop, self.job, self.stop.is_set)  # type: ignore[arg-type]
        finally:
            self.job.let_go()

    def messages(self) -> int:
        with reading(self.lab.engine) as session:
            return session.scalar(select(func.count(InboundMessage.id))) or 0

    def rows(self) -> Sequence[BackfillRange]:
        with reading(self.lab.engine) as session:
            return session.scalars(select(BackfillRange).where(BackfillRange.folder != "")).all()

    def counted(self) -> tuple[int, int]:
        said = self.job.said()
        return said["done"], sum(said["result"]["counts"]["messages"].values())

    def fill(self, mails: int = MAILS) -> None:
        server, user = self.lab.server, self.lab.user
        server.deliver_many(user, [(each.raw, each.arrived_at) for each in self.mails[:mails]], folder=FOLDER)


@pytest.fixture
def world(engine: Engine, dovecot: PrivateDovecot, imap_user: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setattr(ranges, "SIZE", SIZE)
    monkeypatch.setattr(sharing, "LOOK", 0.0)
    lab = Lab(engine, dovecot, imap_user)
    mails = recent(MAILS, 0)
    lab.furnish(mails, folders=[FOLDER])
    made = World(lab, mails)
    with dovecot.session(imap_user) as client:
        client.create_folder(FOLDER)
    made.fill()
    return made


def once(world: World, action: Callable[[], object]) -> Callable[[int], None]:
    """Return what acts before the second range, once."""

    def before(_range_id: int) -> None:
        if len(world.board.begun) == 2:
            action()

    return before


def fail(monkeypatch: pytest.MonkeyPatch, errors: list[Exception | None]) -> None:
    """Let the reading of ranges fail like this, one after the other."""
    uids_between, coming = Imap.uids_between, iter(errors)

    def failing(self: Imap, *args: Any) -> list[tuple[int, int]]:
        error = next(coming, None)
        if error:
            raise error
        return uids_between(self, *args)

    monkeypatch.setattr(Imap, "uids_between", failing)


def pass_hours(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let hours pass between two looks of the coordinator."""

    def wait(_: object) -> None:
        world.ahead += timedelta(hours=1)

    monkeypatch.setattr(sharing._Coordinator, "_wait", wait)  # noqa: SLF001


def test_all_is_taken_in_and_counted_once(world: World) -> None:
    assert world.share() == Outcome()
    assert [row.coming for row in world.rows()] == [8, 8, 8, 6]
    assert (world.messages(), world.counted()) == (MAILS, (MAILS, MAILS))
    assert world.board.begun == [row.id for row in world.rows()]


def test_it_goes_on_while_the_engine_is_away_for_a_moment(world: World) -> None:
    world.board.lost = 3
    assert world.share() == Outcome()
    assert world.messages() == MAILS


def test_who_takes_it_up_lays_nothing_out_and_does_the_rest(world: World) -> None:
    def told_to_end() -> None:
        world.stop.set()
        raise EngineLostError

    world.board.before = once(world, told_to_end)
    assert world.share() == Outcome(more=True)
    assert (world.messages(), world.counted()) == (SIZE, (SIZE, SIZE))
    with transaction(world.lab.engine) as session:
        session.execute(update(MailboxRequest).values(world.job.said()))
    world.stop.clear()
    world.fill(5)
    assert world.share() == Outcome()
    # What came after it was laid out is for the polls.
    assert (world.messages(), world.counted()) == (MAILS, (MAILS, MAILS))


def test_a_folder_that_is_numbered_anew_meanwhile_is_laid_out_anew(world: World) -> None:
    def replaced() -> None:
        with world.lab.server.session(world.lab.user) as client:
            client.delete_folder(FOLDER)
            client.create_folder(FOLDER)
        world.fill()

    world.board.before = once(world, replaced)
    assert world.share() == Outcome()
    assert len({row.uidvalidity for row in world.rows()}) == 2
    assert all(row.ended_at and not row.more for row in world.rows())
    with reading(world.lab.engine) as session:
        # Those of the first range lie there under both numbers, and count once.
        assert session.scalar(select(func.count(func.distinct(InboundMessage.content_hash)))) == MAILS
    assert world.job.said()["done"] == world.job.said()["coming"]


def test_a_range_that_fails_by_what_passes_is_tried_again_later(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    fail(monkeypatch, [None, BROKEN])
    pass_hours(world, monkeypatch)
    assert world.share() == Outcome()
    assert (world.messages(), world.counted()) == (MAILS, (MAILS, MAILS))
    first, second, *rest = world.board.begun
    # Those that came behind it found that all rest.
    assert (rest.count(first), rest.count(second), rest[-2:]) == (0, 1, rest[:2])


def test_a_range_that_fails_for_good_ends_the_backfill_in_words(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    fail(monkeypatch, [None, REFUSED])
    outcome = world.share()
    assert outcome.error
    assert outcome.error.startswith("not let in. This backfill has ended: ask for it again")
    assert outcome.more
    assert world.counted()[0] == world.messages() < MAILS


def test_what_nobody_foresaw_ends_the_backfill_and_tells_no_secrets(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail(monkeypatch, [ValueError("secret")])
    outcome = world.share()
    assert outcome.error
    assert "ValueError" in outcome.error
    assert "secret" not in outcome.error


def test_a_range_that_fails_twice_in_a_row_ends_the_backfill(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    fail(monkeypatch, [BROKEN] * 99)
    pass_hours(world, monkeypatch)
    outcome = world.share()
    assert outcome.error
    assert outcome.error.startswith("the line broke. This backfill has ended")


def test_a_folder_that_is_not_there_keeps_no_other_waiting(world: World) -> None:
    world.lab.set(folders=["Nowhere", FOLDER])
    outcome = world.share()
    assert outcome.error
    assert "Nowhere" in outcome.error
    assert "All else is taken in" in outcome.error
    assert world.messages() == MAILS


def test_a_mailbox_that_cannot_be_reached_is_told_as_ever(world: World) -> None:
    world.lab.set(port=1)
    with pytest.raises(MailboxError, match="localhost"):
        world.share()


def test_a_mailbox_that_is_not_let_in_while_it_is_laid_out_is_told_as_ever(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: Any) -> Any:
        raise REFUSED

    monkeypatch.setattr(sharing, "list_folder", refused)
    with pytest.raises(MailboxError, match="not let in"):
        world.share()
    assert world.rows() == []


def test_who_is_told_to_end_while_it_is_laid_out_lays_nothing_out(world: World) -> None:
    sent = [(each.ours, each.sent_at) for each in world.mails]
    world.lab.server.deliver_many(world.lab.user, sent, folder="Sent")
    world.stop.set()
    assert world.share() == Outcome(more=True)
    assert world.rows() == []
    world.stop.clear()
    assert world.share() == Outcome()
    assert world.messages() == MAILS


def test_the_database_looks_at_its_tables_anew_each_time_that_much_was_taken_in(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = []
    monkeypatch.setattr(sharing, "FRESH_STATISTICS", (1, SIZE, 10 * MAILS))
    monkeypatch.setattr(sharing, "refresh_statistics", looks.append)
    assert world.share() == Outcome()
    assert looks == [world.lab.engine]


def test_where_the_engine_is_away_when_it_is_stopped_its_jobs_end_by_themselves(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped() -> None:
        world.job.unwanted = True
        world.stop.set()

    def away(*_: Any) -> int:
        raise EngineLostError

    world.board.before = once(world, stopped)
    monkeypatch.setattr(Board, "take_back", away)
    assert world.share() == Outcome()
    assert world.messages() == MAILS


def test_an_empty_mailbox_is_done_at_once(world: World) -> None:
    world.lab.set(folders=["INBOX"])
    assert world.share() == Outcome()
    assert world.board.begun == []


def test_a_stopped_backfill_counts_what_is_taken_in(world: World) -> None:
    def stopped() -> None:
        world.job.unwanted = True
        world.stop.set()
        with transaction(world.lab.engine) as session:
            session.execute(update(MailboxRequest).values(stop_at=now()))

    world.board.before = once(world, stopped)
    world.board.running = [2, 1]
    assert world.share() == Outcome(more=True)
    assert (world.messages(), world.counted()) == (SIZE, (SIZE, SIZE))
    # It was looked until what ran had finished its batch.
    assert world.board.running == []


def test_a_range_in_hand_stops_after_its_batch_once_a_person_stopped_the_backfill(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    uids_between = Imap.uids_between

    def stopped_meanwhile(self: Imap, *args: Any) -> list[tuple[int, int]]:
        with transaction(world.lab.engine) as session:
            session.execute(update(MailboxRequest).values(stop_at=now()))
        world.job.unwanted = True
        world.stop.set()
        return uids_between(self, *args)

    monkeypatch.setattr(Imap, "uids_between", stopped_meanwhile)
    assert world.share() == Outcome(more=True)
    assert (world.messages(), world.counted()) == (SIZE // 2, (SIZE // 2, SIZE // 2))
    # Nobody is to do the rest of it, so it does not go back to the board.
    assert world.board.came == [True] + [True] * 3
    assert [row.ended_at for row in world.rows()] == [None] * 4


def test_a_worker_that_ends_leaves_the_rest_of_its_range_to_another(world: World) -> None:
    world.board.stops = True
    world.board.before = once(world, world.stop.set)
    assert world.share() == Outcome(more=True)
    assert world.board.came == [False] * 4
    assert (world.messages(), world.counted()) == (4 * SIZE // 2, (4 * SIZE // 2, 4 * SIZE // 2))


def test_only_mail_since_a_day_is_read(world: World) -> None:
    border = world.mails[0].arrived_at.date() + timedelta(days=1)
    wanted = sum(each.arrived_at.date() >= border for each in world.mails)
    old = now() - timedelta(days=400)
    world.lab.server.deliver_many(world.lab.user, [(world.mails[0].raw, old)], folder=FOLDER)
    with transaction(world.lab.engine) as session:
        session.execute(update(MailboxRequest).values(since=border))
    assert world.share() == Outcome()
    assert world.messages() == wanted


def test_a_mailbox_whose_budget_is_used_up_goes_on_later(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    used_up = MailboxError("used up", permanent=False, trouble=Trouble.BUDGET)
    fail(monkeypatch, [used_up])
    world.board.before = once(world, world.stop.set)
    assert world.share() == Outcome(more=True)
    first, *_ = world.rows()
    assert (first.error, first.again_at and first.again_at > now()) == ("used up", True)
