"""The daemon carries out what people ask for of mailboxes: how many at a time, what fails, what a shutdown leaves."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, func, select, update
from sqlalchemy.exc import OperationalError

from config.settings import Settings
from models.session import reading, transaction
from models.tables.handling import MailboxRequest, Wish
from models.tables.mail import InboundMessage
from models.tables.mailboxes import Mailbox
from models.tables.people import Team
from tests.servers import PASSWORD, PrivateDovecot
from tests.worker.small_world import BOX, NOW, fresh, furnish
from worker.act import Act
from worker.apply import Applied
from worker.daemon.rounds import Rounds
from worker.errands import jobs as module
from worker.errands.claims import claim
from worker.errands.job import Job
from worker.errands.job import Workshop as RealWorkshop
from worker.errands.jobs import Jobs
from worker.errands.outcomes import Outcome
from worker.errands.requests import ask, request_of, state_of, stop
from worker.errands.service import open_mailbox, station
from worker.errors import InputError, MailboxError, Trouble
from worker.imap.manners import Hosts
from worker.reading.crews import Crews
from worker.reading.visit import PollReport, Watch
from worker.schedule import Daemon
from worker.totals import total
from worker.watch.health import Finding, well

PETRA = Act("petra", NOW)
SECONDS = 10
BROKEN = MailboxError("the line broke; it is tried again", permanent=False, trouble=Trouble.NETWORK)


def until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not done() and time.monotonic() < deadline:
        time.sleep(0.005)
    assert done()


@dataclass
class Workshop:
    """Does what the test says in place of reading mail."""

    engine: Engine
    does: Callable[[Job, Callable[[], bool]], Outcome] = lambda _job, _stopping: Outcome()
    settings: Settings = field(default_factory=Settings)
    now: datetime = NOW

    def clock(self) -> datetime:
        return self.now

    def carry_out(self, job: Job, stopping: Callable[[], bool]) -> Outcome:
        return self.does(job, stopping)


class World:
    """Mailboxes at one host, and daemons that carry out what is asked for."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.workshop = Workshop(engine)
        self.hosts = Hosts(10, 1000)
        self.woken: list[int] = []
        self.jobs = self.daemon()

    def daemon(self) -> Jobs:
        return Jobs(self.workshop, self.hosts, self.woken.append, threading.Event())  # type: ignore[arg-type]

    def ask(self, wish: Wish = Wish.BACKFILL, mailbox_id: int = 1, team_id: int = 1) -> int:
        with transaction(self.engine) as session:
            return ask(session, team_id, mailbox_id, wish, PETRA)

    def stop(self, request_id: int) -> None:
        with transaction(self.engine) as session:
            stop(session, 1, request_id, PETRA)

    def row(self, request_id: int) -> dict[str, Any]:
        with reading(self.engine) as session:
            return request_of(session, 1, request_id, self.workshop.now)

    def state(self, request_id: int) -> str:
        return str(self.row(request_id)["state"])

    def carried_out(self, request_id: int, state: str) -> dict[str, Any]:
        """Let the daemon look until a request stands like this."""

        def there() -> bool:
            self.jobs.look()
            return self.state(request_id) == state

        until(there)
        return self.row(request_id)


@pytest.fixture
def world() -> Iterator[World]:
    with fresh() as engine:
        with transaction(engine) as session:
            session.add_all(
                Mailbox(id=number, team_id=1, name=f"m{number}@us.example", host="H", port=1, username="u", password="")
                for number in range(2, 6)
            )
        made = World(engine)
        yield made
        made.jobs.stop.set()
        made.jobs.close()


def test_what_is_asked_for_is_done_and_told(world: World) -> None:
    def does(job: Job, _: Callable[[], bool]) -> Outcome:
        job.progress(5, 0, PollReport())
        job.progress(0, 5, PollReport(sends=2))
        return Outcome()

    world.workshop.does = does
    found = world.carried_out(world.ask(), "done")
    assert (found["done"], found["coming"], found["error"]) == (5, 5, None)
    assert found["counts"] == {"sends_learnt": 2, "messages": {}, "verdicts": {}, "changes": 0}


def test_how_far_it_is_is_told_while_it_runs_and_said_anew_every_few_seconds(world: World) -> None:
    go_on = threading.Event()

    def does(job: Job, _: Callable[[], bool]) -> Outcome:
        job.progress(9, 4, PollReport())
        go_on.wait(SECONDS)
        return Outcome()

    world.workshop.does = does
    request = world.ask()
    until(lambda: world.jobs.look() or world.row(request)["done"] == 4)  # type: ignore[func-returns-value]
    # Nothing new happens for minutes, and nobody else takes it up.
    for _ in range(40):
        world.workshop.now += timedelta(seconds=5)
        world.jobs.look()
    assert (world.state(request), world.row(request)["coming"]) == ("running", 9)
    go_on.set()
    world.carried_out(request, "done")


def test_two_are_carried_out_at_a_time_and_the_others_wait(world: World) -> None:
    go_on, running, most = threading.Event(), [0], [0]

    def does(*_: Any) -> Outcome:
        running[0] += 1
        most[0] = max(most[0], running[0])
        go_on.wait(SECONDS)
        running[0] -= 1
        return Outcome()

    world.workshop.does = does
    requests = [world.ask(mailbox_id=number) for number in range(1, 6)]
    for _ in range(3):
        world.jobs.look()
    assert [world.state(each) for each in requests] == ["running"] * 2 + ["waiting"] * 3
    go_on.set()
    for each in requests:
        world.carried_out(each, "done")
    assert most == [2]


def holding(world: World) -> tuple[threading.Event, list[int]]:
    """Let jobs run until the event is set, or until they are told to stop; return it, and the mailboxes in turn."""
    go_on, begun = threading.Event(), list[int]()

    def does(job: Job, stopping: Callable[[], bool]) -> Outcome:
        begun.append(job.claim.mailbox_id)
        until(lambda: go_on.is_set() or stopping())
        return Outcome(more=not go_on.is_set())

    world.workshop.does = does
    return go_on, begun


def north(world: World, *mailbox_ids: int) -> None:
    """Give mailboxes to another team."""
    with transaction(world.engine) as session:
        session.add(Team(id=2, name="north"))
        session.flush()
        session.execute(update(Mailbox).where(Mailbox.id.in_(mailbox_ids)).values(team_id=2))


def state_of_any(world: World, request_id: int) -> str:
    with reading(world.engine) as session:
        return state_of(session.get_one(MailboxRequest, request_id), world.workshop.now)


def test_checks_do_not_wait_for_backfills(world: World) -> None:
    go_on, _ = holding(world)
    backfills = [world.ask(mailbox_id=number) for number in (1, 2, 3)]
    checks = [world.ask(Wish.CHECK, number) for number in (1, 2, 3)]
    world.jobs.look()
    assert [world.state(each) for each in backfills] == ["running", "running", "waiting"]
    assert [world.state(each) for each in checks] == ["running", "running", "waiting"]
    go_on.set()
    for each in backfills + checks:
        world.carried_out(each, "done")


@pytest.mark.parametrize("wish", [Wish.BACKFILL, Wish.CHECK])
def test_every_team_has_its_turn_before_one_has_two(world: World, wish: Wish) -> None:
    north(world, 4)
    go_on, begun = holding(world)
    requests = [world.ask(wish, number) for number in (1, 2, 3)]
    theirs = world.ask(wish, 4, team_id=2)
    world.jobs.look()
    until(lambda: len(begun) == 2)
    assert sorted(begun) == [1, 4]
    go_on.set()
    for each in requests:
        world.carried_out(each, "done")
    assert state_of_any(world, theirs) == "done"


def test_a_team_with_two_backfills_makes_room_for_another_team_and_goes_on_later(world: World) -> None:
    north(world, 4, 5)
    go_on, begun = holding(world)
    first, second, third = (world.ask(mailbox_id=number) for number in (1, 2, 3))
    world.jobs.look()
    assert [world.state(each) for each in (first, second, third)] == ["running", "running", "waiting"]
    theirs = [world.ask(mailbox_id=number, team_id=2) for number in (4, 5)]
    until(lambda: world.jobs.look() or len(begun) == 3)  # type: ignore[func-returns-value]
    for _ in range(5):
        world.jobs.look()
    assert [world.state(each) for each in (first, second, third)] == ["running", "waiting", "waiting"]
    assert [state_of_any(world, each) for each in theirs] == ["running", "waiting"]
    assert begun[2] == 4
    go_on.set()
    for each in (first, second, third):
        world.carried_out(each, "done")


def test_no_team_makes_room_for_one_whose_host_may_not_be_reached_now(world: World) -> None:
    north(world, 4)
    with transaction(world.engine) as session:
        session.execute(update(Mailbox).where(Mailbox.id == 4).values(host="Full"))
    world.hosts.most_connections = 2
    assert world.hosts.take("full", NOW)
    assert world.hosts.take("full", NOW)
    go_on, begun = holding(world)
    ours = [world.ask(mailbox_id=number) for number in (1, 2)]
    world.ask(mailbox_id=4, team_id=2)
    for _ in range(3):
        world.jobs.look()
    assert ([world.state(each) for each in ours], sorted(begun)) == (["running"] * 2, [1, 2])
    go_on.set()


def test_where_no_thread_can_be_started_the_request_waits_and_a_shutdown_works(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.hosts.most_connections = 1
    request = world.ask()

    def fail(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", fail)
        world.jobs.look()
        world.jobs.look()
    assert world.state(request) == "waiting"
    assert "can start no more threads" in world.row(request)["says"]
    world.jobs.close()
    world.workshop.now += module.REST
    world.carried_out(request, "done")


def test_a_host_that_may_not_be_reached_now_keeps_the_others_waiting_for_nothing(world: World) -> None:
    world.hosts.most_connections = 1
    assert world.hosts.take("h", NOW)
    first = world.ask()
    with transaction(world.engine) as session:
        session.execute(update(Mailbox).where(Mailbox.id == 2).values(host="elsewhere"))
    world.carried_out(world.ask(mailbox_id=2), "done")
    assert world.state(first) == "waiting"
    world.hosts.give_back("h")
    world.carried_out(first, "done")
    assert world.hosts.take("h", NOW), "what was open is given back"


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (MailboxError("m: signing in failed", permanent=True, trouble=Trouble.SIGN_IN), "m: signing in failed"),
        (InputError("mailbox 1 was removed"), "mailbox 1 was removed"),
        (BROKEN, "ask for it again, and it goes on where it stopped"),
        (ValueError("canary-secret"), "it failed as nobody foresaw (ValueError); see the daemon's log, then ask again"),
    ],
)
def test_what_fails_is_told_in_plain_words_and_the_daemon_goes_on(
    world: World, error: Exception, says: str, caplog: pytest.LogCaptureFixture
) -> None:
    def does(*_: Any) -> Outcome:
        raise error

    world.workshop.does = does
    found = world.carried_out(world.ask(), "failed")
    assert says in found["error"]
    assert "canary" not in found["error"]
    assert ("nobody foresaw" in found["error"]) == ("canary-secret" in caplog.text)
    world.workshop.does = lambda *_: Outcome()
    world.carried_out(world.ask(), "done")


@pytest.mark.parametrize(
    ("error", "done"),
    [
        (BROKEN, 3),
        (MailboxError("used up", permanent=False, trouble=Trouble.BUDGET), 0),
        (OperationalError("SELECT canary", None, Exception("away")), 0),
    ],
)
def test_a_backfill_that_gets_on_goes_on_by_itself_after_a_pause(world: World, error: Exception, done: int) -> None:
    tries = [0]

    def does(job: Job, _: Callable[[], bool]) -> Outcome:
        tries[0] += 1
        job.progress(3, 3 if tries[0] > 1 else done, PollReport(sends=1))
        if tries[0] == 1:
            raise error
        return Outcome()

    world.workshop.does = does
    request = world.ask()
    found = world.carried_out(request, "waiting")
    until(lambda: world.jobs.look() or bool(world.row(request)["says"]))  # type: ignore[func-returns-value]
    assert (found["open"], tries) == (True, [1])
    assert "canary" not in world.row(request)["says"]
    world.jobs.look()
    assert tries == [1]
    world.workshop.now += timedelta(hours=2)
    found = world.carried_out(request, "done")
    assert (found["done"], found["error"], found["counts"]["sends_learnt"]) == (done + 3, None, 2)


def test_what_rests_since_the_clock_was_ahead_does_not_rest_until_then(world: World) -> None:
    def does(*_: Any) -> Outcome:
        if world.workshop.now != NOW:
            raise OperationalError("SELECT", None, Exception("away"))
        return Outcome()

    world.workshop.does = does
    request = world.ask()
    world.workshop.now = NOW + timedelta(days=400)
    until(lambda: world.jobs.look() or bool(world.row(request)["says"]))  # type: ignore[func-returns-value]
    world.workshop.now = NOW
    world.carried_out(request, "done")


def test_who_is_called_one_too_many_leaves_the_host_alone(world: World) -> None:
    def does(*_: Any) -> Outcome:
        raise MailboxError("too many", permanent=False, trouble=Trouble.CROWDED)

    world.workshop.does = does
    world.carried_out(world.ask(), "failed")
    assert world.hosts._hosts["h"].refused == 1  # noqa: SLF001 - what is held against it


def test_a_person_stops_a_backfill_after_its_batch_in_hand(world: World) -> None:
    def does(job: Job, stopping: Callable[[], bool]) -> Outcome:
        job.progress(9, 3, PollReport())
        until(stopping)
        return Outcome(more=True)

    world.workshop.does = does
    request = world.ask()
    world.carried_out(request, "running")
    world.stop(request)
    found = world.carried_out(request, "stopped")
    assert (found["done"], found["coming"], found["error"]) == (3, 9, None)


def test_who_does_not_stop_is_cut_and_at_last_given_up(world: World) -> None:
    cut, go_on = threading.Event(), threading.Event()

    def does(job: Job, _: Callable[[], bool]) -> Outcome:
        job._cuts.append(cut.set)  # noqa: SLF001 - stands for a connection
        go_on.wait(SECONDS)
        raise BROKEN

    world.workshop.does = does
    request = world.ask()
    world.carried_out(request, "running")
    world.stop(request)
    world.jobs.look()
    world.workshop.now += module.GRACE
    world.jobs.look()
    assert (cut.is_set(), world.state(request)) == (True, "stopping")
    world.workshop.now += module.GRACE
    world.jobs.look()
    assert world.state(request) == "stopped"
    go_on.set()


def test_cutting_a_job_ends_its_connection(world: World) -> None:
    cut = threading.Event()

    def does(job: Job, _: Callable[[], bool]) -> Outcome:
        ours, theirs = socket.socketpair()
        with ours, theirs:
            job.begun(ours.dup())
            job.cut()
            if theirs.recv(1) == b"":
                cut.set()
        return Outcome()

    world.workshop.does = does
    world.carried_out(world.ask(), "done")
    assert cut.is_set()


def test_a_shutdown_leaves_what_is_not_done_to_the_next_daemon(world: World) -> None:
    def does(job: Job, stopping: Callable[[], bool]) -> Outcome:
        job.progress(9, 3, PollReport(sends=1))
        until(stopping)
        return Outcome(more=True)

    world.workshop.does = does
    backfill, poll = world.ask(), world.ask(Wish.POLL)
    world.carried_out(backfill, "running")
    world.jobs.stop.set()
    world.jobs.look()
    world.jobs.close()
    assert (world.state(backfill), world.state(poll)) == ("waiting", "waiting")

    def rest(job: Job, _: Callable[[], bool]) -> Outcome:
        job.progress(6, 6, PollReport(sends=1))
        return Outcome()

    world.workshop.does, world.jobs = rest, world.daemon()
    found = world.carried_out(backfill, "done")
    assert (found["done"], found["coming"], found["counts"]["sends_learnt"]) == (9, 9, 2)


def test_a_daemon_that_was_silent_too_long_leaves_its_work_to_the_other(world: World) -> None:
    told = threading.Event()

    def does(_: Job, stopping: Callable[[], bool]) -> Outcome:
        until(stopping)
        told.set()
        return Outcome()

    world.workshop.does = does
    request, other = world.ask(), world.daemon()
    world.carried_out(request, "running")
    world.workshop.now += timedelta(minutes=3)
    other.look()
    world.jobs.look()
    assert told.wait(SECONDS)
    world.jobs.look()
    assert world.state(request) == "running"
    other.stop.set()
    other.close()
    assert world.state(request) == "done"


def test_a_poll_is_done_when_one_that_began_afterwards_has_ended(world: World) -> None:
    request = world.ask(Wish.POLL)
    world.jobs.look()
    assert world.woken == [1]
    report = PollReport(applied=Applied())
    report.applied.states["judged"] = 2
    world.jobs.polled(2, NOW, report)
    world.jobs.polled(1, NOW - timedelta(seconds=1), report)
    world.jobs.polled(1, NOW, MailboxError("waits", permanent=False, trouble=Trouble.TURN))
    world.jobs.look()
    assert world.state(request) == "running"
    world.jobs.polled(1, NOW, report)
    found = world.carried_out(request, "done")
    assert (found["done"], found["counts"]["messages"]) == (2, {"judged": 2})


def test_a_poll_that_fails_says_why_and_one_that_is_stopped_ends_at_once(world: World) -> None:
    request = world.ask(Wish.POLL)
    world.jobs.look()
    world.jobs.polled(1, NOW, BROKEN)
    assert world.carried_out(request, "failed")["error"] == str(BROKEN)
    request = world.ask(Wish.POLL)
    world.jobs.look()
    world.stop(request)
    world.carried_out(request, "stopped")


def test_of_two_mailboxes_only_the_poll_of_the_one_that_another_polls_by_now_is_handed_back(world: World) -> None:
    ours, theirs = world.ask(Wish.POLL, 1), world.ask(Wish.POLL, 2)
    world.jobs.look()
    world.jobs.leave(2)
    world.jobs.look()
    assert world.state(ours) == "running"
    # It was taken up anew, as nobody else is there.
    assert (world.state(theirs), world.woken) == ("running", [1, 2, 2])


def test_who_comes_second_to_a_request_keeps_no_place_at_its_host(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.hosts.most_connections = 1
    request = world.ask()
    with monkeypatch.context() as patched:
        patched.setattr(module, "claim", lambda *_: None)
        world.jobs.look()
    assert world.hosts.take("h", NOW)
    world.hosts.give_back("h")
    world.carried_out(request, "done")


def test_a_mailbox_that_was_removed_is_named_to_who_asked_for_its_past(engine: Engine) -> None:
    with pytest.raises(InputError, match="mailbox 9 was removed"):
        open_mailbox(engine, 9, Settings(), None)  # type: ignore[arg-type]


def test_a_check_that_is_told_to_stop_takes_no_further_step(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = []

    def check(*_: Any) -> Iterator[Finding]:
        for number in range(9):
            steps.append(number)
            yield well(f"step {number}", "well")

    monkeypatch.setattr("worker.errands.job.check", check)
    with transaction(world.engine) as session:
        ask(session, 1, 1, Wish.CHECK, PETRA)
    claimed = claim(world.engine, 1, NOW)
    assert claimed
    settings = Settings()
    workshop = RealWorkshop(world.engine, settings, lambda: NOW, lambda: None, Crews(settings))  # type: ignore[arg-type,return-value]
    job = Job(claimed, "h", 1, NOW)
    assert workshop.carry_out(job, lambda: len(steps) == 3) == Outcome(more=True)
    assert [each["what"] for each in job.said()["result"]["findings"]] == ["step 0", "step 1"]


def test_a_mailbox_that_is_paused_before_its_turn_comes_is_not_waited_for(world: World) -> None:
    daemon = Daemon(world.engine, Settings(), lambda *_: PollReport(), world.workshop.clock)
    request, world.jobs = world.ask(Wish.POLL), daemon.jobs
    with transaction(world.engine) as session:
        session.execute(update(Mailbox).values(paused_at=NOW))
    assert "resume it, then ask again" in world.carried_out(request, "failed")["error"]
    daemon.stop.set()
    daemon.close()


def test_a_poll_is_left_to_the_worker_that_has_the_mailbox_also_when_that_changes_meanwhile(world: World) -> None:
    mine = [True]
    world.jobs.owns = lambda _: mine[0]
    request = world.ask(Wish.POLL)
    world.jobs.look()
    assert world.state(request) == "running"
    mine[0] = False
    world.jobs.leave(1)
    world.carried_out(request, "waiting")
    world.jobs.look()
    assert (world.state(request), world.woken) == ("waiting", [1])
    world.jobs = world.daemon()
    world.jobs.look()
    assert world.state(request) == "running"


def test_counts_add_up() -> None:
    before = {"sends_learnt": 1, "messages": {"judged": 2}, "changes": 1}
    since = {"sends_learnt": 2, "messages": {"judged": 3, "unmatched": 1}, "changes": 0}
    assert total(before, since) == {"sends_learnt": 3, "messages": {"judged": 5, "unmatched": 1}, "changes": 1}


@pytest.mark.server
def test_a_real_mailbox_is_checked_polled_and_backfilled_beside_its_polls(
    engine: Engine, dovecot: PrivateDovecot, imap_user: str
) -> None:
    furnish(engine)
    way = {"host": "localhost", "port": dovecot.tls_port, "username": imap_user, "password": PASSWORD}
    with transaction(engine) as session:
        session.execute(update(Mailbox).values(**way, ca_file=dovecot.ca_file))
    for number in range(3):
        text = f"From: p{number}@client.example\r\nMessage-ID: <{number}@client>\r\n\r\nYes.\r\n"
        dovecot.deliver(imap_user, text.encode())
    settings = Settings()

    def where(stopping: Callable[[], bool]) -> Any:
        return station(engine, settings, Watch(clock=lambda: NOW, stopping=stopping))

    nobody: Any = lambda: None  # noqa: E731 - nothing is classified: nobody was mailed
    daemon = Daemon(engine, settings, Rounds(where, nobody).poll, lambda: NOW, nobody)
    with transaction(engine) as session:
        requests = {wish: ask(session, 1, 1, wish, PETRA) for wish in Wish}

    def rows() -> dict[Wish, dict[str, Any]]:
        daemon.jobs.look()
        with reading(engine) as session:
            return {wish: request_of(session, 1, each, NOW) for wish, each in requests.items()}

    try:
        until(lambda: not any(each["open"] for each in rows().values()))
        found = rows()
    finally:
        daemon.stop.set()
        daemon.close()
    assert {each["state"] for each in found.values()} == {"done"}, found
    assert ("signing in", True) in [(each["what"], each["ok"]) for each in found[Wish.CHECK]["findings"]]
    read = [found[each]["counts"]["messages"] for each in (Wish.POLL, Wish.BACKFILL)]
    # Whoever comes second to a message that both fetched may count it too.
    assert sum(each.get("unmatched", 0) for each in read) >= 3
    with reading(engine) as session:
        assert session.scalar(select(func.count(InboundMessage.id))) == 3
        mailbox = session.get_one(Mailbox, 1)
    assert (mailbox.name, mailbox.last_success_at) == (BOX.name, NOW)
