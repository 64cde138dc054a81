"""A mailbox polled in this process, over whatever way the test lays: for faults by the hundred."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import copyfile
from typing import Any

from sqlalchemy import Engine, func, select, update

from config.settings import Settings
from models.session import open_engine, reading, transaction
from models.tables.mail import InboundMessage, MessageState
from models.tables.mailboxes import Mailbox
from models.tables.mailing import SentMessage
from models.tables.people import Team
from tests.journey.world import EndState, end_state
from tests.servers import MailServer
from tests.small_mails import OURS, Exchange, exchanges, sends
from worker.daemon.keeper import Keeper
from worker.daemon.rounds import Rounds
from worker.errands.service import poll_by_id, station
from worker.imap.manners import Hosts
from worker.reading.visit import PollReport, Station, Watch
from worker.rules import Rules
from worker.sending.sends import import_sends

BATCH = 4


def now() -> datetime:
    return datetime.now(UTC)


def recent(count: int, learnt: int = 2) -> list[Exchange]:
    """Return exchanges of the last days, so that no server has to take a date to come."""
    return exchanges(count, now().replace(microsecond=0) - timedelta(days=2), learnt)


def deliver(server: MailServer, user: str, mails: Sequence[Exchange]) -> None:
    """Fill a mailbox: what came back into the inbox, ours that nobody imports into Sent."""
    server.deliver_many(user, [(each.ours, each.sent_at) for each in mails if each.learnt], folder="Sent")
    server.deliver_many(user, [(each.raw, each.arrived_at) for each in mails])


def rewind(engine: Engine, before: sqlite3.Connection) -> None:
    """Put everything in a SQLite file back as it was; the engine stays, for it prepares each statement but once."""
    with closing(sqlite3.connect(engine.url.database or "")) as database:
        before.backup(database)


@dataclass(frozen=True)
class Outcome:
    """What a mailbox came to: nothing lost is every message in `messages`, nothing twice is the same `state`."""

    state: EndState
    messages: int
    set_aside: int
    sends: int


@dataclass
class Lab:
    """A database with one mailbox, which polls where it is told to."""

    engine: Engine
    server: MailServer
    user: str
    settings: Settings = field(default_factory=lambda: Settings(batch_messages=5 * BATCH, imap_timeout=10))
    clock: Callable[[], datetime] = now

    def furnish(self, mails: Sequence[Exchange], **mailbox: Any) -> None:
        """Put in the team, the mailbox and what was sent."""
        with transaction(self.engine) as session:
            session.add(Team(id=1, name="default"))
            session.flush()
            way: dict[str, Any] = {"host": "localhost", "port": self.server.port, "security": "plain"}
            described = way | {"username": self.user, "password": self.server.password(self.user)} | mailbox
            session.add(Mailbox(id=1, team_id=1, name=OURS, **described))
        with transaction(self.engine) as session:
            import_sends(session, Rules(team_id=1), sends(mails), now())

    def set(self, **mailbox: Any) -> None:
        """Change the mailbox's row, for example to another port."""
        with transaction(self.engine) as session:
            session.execute(update(Mailbox).values(mailbox))

    def poll(self, **watching: Any) -> PollReport:
        """Poll once."""
        watch = Watch(clock=self.clock, **watching)
        return poll_by_id(station(self.engine, self.settings, watch), None, 1)  # type: ignore[arg-type]

    @contextmanager
    def kept(self, keeper: Keeper | None = None) -> Iterator[Callable[[], PollReport]]:
        """Give what polls as the daemon does: over one connection, which waits for mail between the polls."""
        keeper = keeper or Keeper(Hosts(10, 1_000), self.clock, lambda _: None)

        def watched(stopping: Callable[[], bool]) -> Station:
            return station(self.engine, self.settings, Watch(clock=self.clock, stopping=stopping))

        rounds = Rounds(watched, lambda: None)  # type: ignore[arg-type,return-value] - nothing is classified

        def poll() -> PollReport:
            with reading(self.engine) as session:
                mailbox = session.get_one(Mailbox, 1)
            return rounds.poll(mailbox, keeper, lambda: False)

        try:
            yield poll
        finally:
            keeper.close()

    def outcome(self) -> Outcome:
        """Return what stands in the database."""
        count = select(func.count(InboundMessage.id))
        with reading(self.engine) as session:
            return Outcome(
                end_state(self.engine),
                session.scalar(count) or 0,
                session.scalar(count.where(InboundMessage.state == MessageState.SET_ASIDE)) or 0,
                session.scalar(select(func.count(SentMessage.id))) or 0,
            )


def once(action: Callable[[], object], after: int = 1) -> Callable[[int, int], None]:
    """Return a listener to a poll's progress that acts once, when so many messages were taken in."""
    left = [after]

    def progress(_coming: int, done: int) -> None:
        was, left[0] = left[0], left[0] - done
        if left[0] <= 0 < was:
            action()

    return progress


def undisturbed(server: MailServer, template: Path, folder: Path, mails: Sequence[Exchange]) -> Outcome:
    """Return what one poll of a mailbox of these mails comes to where nothing happens."""
    copyfile(template, folder / "undisturbed.sqlite")
    engine = open_engine(f"sqlite:///{folder}/undisturbed.sqlite")
    try:
        lab = Lab(engine, server, folder.name)
        lab.furnish(mails)
        deliver(server, lab.user, mails)
        lab.poll()
        outcome = lab.outcome()
    finally:
        engine.dispose()
    assert (outcome.messages, outcome.set_aside, outcome.sends) == (len(mails), 0, len(mails))
    return outcome
