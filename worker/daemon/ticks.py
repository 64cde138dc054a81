"""What the daemon does besides polling: steps that come again and again, and fail alone."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Engine, select
from sqlalchemy.exc import OperationalError

from config import logs
from models.session import DatabaseUnavailable, reading, transaction
from models.tables.mailing import Contact, Recipient
from worker.chunks import chunks
from worker.writing.locks import lock
from worker.writing.refold import refold

REST = timedelta(minutes=1)
AWAY = timedelta(seconds=5)
"""How long a step rests while the database is away."""
MOST_DUE = 1_000
"""Contacts folded in one transaction, so that other writers get their turn."""
MOST_READ = 200_000

log = logs.logger(__name__)


@dataclass(slots=True)
class Step:
    """One recurring piece of work; after a failure it rests for a minute, so that a lasting one fills no log."""

    name: str
    seconds: float
    work: Callable[[], object]
    clock: Callable[[], datetime]
    failed: Callable[[], object] = lambda: None
    """Hears of every failure."""
    _rests_until: datetime | None = None

    def loop(self, stop: threading.Event) -> None:
        """Do the work again and again until `stop` is set; the next time counts from when it was done."""
        while not stop.wait(self._pause()):
            self()

    def _pause(self) -> float:
        """Return the seconds until there is something to do, however often it is to be done."""
        return max(self.seconds, self._rest(self.clock()).total_seconds())

    def _rest(self, now: datetime) -> timedelta:
        """Return how long it rests yet; so far ahead no rest leads: the clock was wrong when the work failed."""
        left = self._rests_until - now if self._rests_until else timedelta(0)
        return left if timedelta(0) < left <= REST else timedelta(0)

    def __call__(self) -> None:
        """Do the work, unless it rests; whatever fails, the other steps and the polls go on."""
        now = self.clock()
        if self._rest(now):
            return
        try:
            self.work()
        except DatabaseUnavailable as error:
            # Known trouble, told by every step: a line is enough.
            self._rests_until = now + AWAY
            self.failed()
            log.warning("step_without_database", says="{step}: {error}; it is tried again", step=self.name, error=error)
        except Exception:
            self._rests_until = now + REST
            self.failed()
            log.exception("step_failed", says="{step} failed; it is tried again in a minute", step=self.name)


@dataclass(slots=True)
class Pauses:
    """Ends the pauses that are over, and remembers who could not be folded; told once, tried again after a restart."""

    engine: Engine
    clock: Callable[[], datetime]
    stopping: Callable[[], bool] = lambda: False
    guilty: set[int] = field(default_factory=set)

    def end(self) -> None:
        """Fold every contact that is due once; what is due again at once waits for the next tick."""
        for contacts in due_contacts(self.engine, self.clock(), self.guilty):
            if self.stopping():
                return
            # The time is asked for anew: folded as of the beginning of a long night's work, somebody whom a poll
            # has folded meanwhile would be set back.
            self.guilty |= fold_all(self.engine, contacts, self.clock())


def due_contacts(engine: Engine, now: datetime, skip: Collection[int] = ()) -> list[list[int]]:
    """Return the contacts with a pause that has passed, but those to `skip`, in pieces of one team each."""
    due: dict[int, set[int]] = {}
    with reading(engine) as session:
        query = (
            select(Contact.team_id, Recipient.contact_id)
            .join(Contact, Contact.id == Recipient.contact_id)
            .where(Recipient.next_change_at <= now)
            .limit(MOST_READ + len(skip))
        )
        for team_id, contact_id in session.execute(query):
            if contact_id not in skip:
                due.setdefault(team_id, set()).add(contact_id)
    return [piece for contacts in due.values() for piece in chunks(sorted(contacts), MOST_DUE)]


def fold_all(engine: Engine, contacts: Sequence[int], now: datetime) -> set[int]:
    """Fold contacts of one team in one transaction; return those that cannot be folded and were left out."""
    try:
        with transaction(engine) as session:
            refold(session, lock(session, contacts), now)
    except (DatabaseUnavailable, OperationalError):
        raise
    except Exception:
        if len(contacts) == 1:
            log.exception(
                "contact_not_folded",
                says="contact {contact} cannot be folded and is left as it is until a restart",
                contact=contacts[0],
            )
            return set(contacts)
        middle = len(contacts) // 2
        return fold_all(engine, contacts[:middle], now) | fold_all(engine, contacts[middle:], now)
    return set()
