"""A backfill that is killed on the way and run again: what is done twice, and how much memory it takes meanwhile."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import Engine, func, select

from bench.mails import OURS
from bench.processes import LOOK_SECONDS, Process
from config.settings import Settings
from models.base import Base
from models.session import open_engine, reading
from models.tables.mail import InboundMessage
from models.tables.standing import RecipientEvent
from tests.servers import PrivateDovecot

KILLED_AT = 0.4
"""The part of the mails after which a backfill is killed."""
BACKFILL = ["-m", "worker", "backfill", OURS]
_FETCHED = re.compile(r"body_count=(\d+)")


@dataclass(frozen=True)
class Resumed:
    """What came of a backfill that was killed on the way and run again; every mail of ours causes one event.

    `memory` holds (mails taken in, MB of all its processes), as time went on.
    """

    database: str
    mails: int
    recorded_at_kill: int
    rate_after: float
    fetched_twice: int
    in_hand: int
    recorded: int
    events: int
    memory: list[tuple[int, float]]


class Mailbox(Protocol):
    """A mailbox of so many mails, and what makes the database of a backfill of it."""

    dovecot: PrivateDovecot
    mails: int

    def prepare(self, url: str) -> dict[str, str]:
        """Return the environment of the backfill."""
        ...


def resumed(mailbox: Mailbox, database: str, url: str) -> Resumed:
    """Kill a backfill and run it again; Dovecot's log tells how many mails were fetched in all."""
    environment = mailbox.prepare(url)
    engine = open_engine(url)
    before = fetched(mailbox.dovecot)
    process = Process(BACKFILL, environment)
    memory = list(watched(process, engine, mailbox.mails, KILLED_AT))
    process.kill()
    at_kill = count(engine, InboundMessage)
    process = Process(BACKFILL, environment)
    memory += watched(process, engine, mailbox.mails, 1.0)
    seconds, _ = process.end("the second run")
    wait_a_little(lambda: fetched(mailbox.dovecot) - before >= mailbox.mails)
    result = Resumed(
        database, mailbox.mails, at_kill, (mailbox.mails - at_kill) / seconds,
        fetched(mailbox.dovecot) - before - mailbox.mails, Settings().batch_messages,
        count(engine, InboundMessage), count(engine, RecipientEvent), memory,
    )  # fmt: skip
    engine.dispose()
    return result


def watched(process: Process, engine: Engine, mails: int, until: float) -> Iterator[tuple[int, float]]:
    """Yield (mails taken in, MB of all its processes) at each twentieth, until that part is taken in."""
    step = mails // 20
    reached = highest(engine) // step
    while reached < until * 20 and process.is_running():
        time.sleep(LOOK_SECONDS)
        taken = highest(engine)
        if taken // step > reached:
            reached = taken // step
            yield taken, process.memory_mb()


def count(engine: Engine, model: type[Base]) -> int:
    with reading(engine) as session:
        return session.scalar(select(func.count()).select_from(model)) or 0


def highest(engine: Engine) -> int:
    """Return about how many messages were taken in; to count them every time would slow down what is measured."""
    with reading(engine) as session:
        return session.scalar(select(func.max(InboundMessage.id))) or 0


def fetched(dovecot: PrivateDovecot) -> int:
    """Return how many messages were handed over in the sessions that have ended."""
    return sum(map(int, _FETCHED.findall((dovecot.folder / "dovecot.log").read_text())))


def wait_a_little(is_so: Callable[[], bool], seconds: float = 10) -> None:
    until = time.monotonic() + seconds
    while not is_so() and time.monotonic() < until:
        time.sleep(LOOK_SECONDS)
