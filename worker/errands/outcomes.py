"""What follows where work that a person asked for fails: words for that person, and whether it is gone on with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import Final

from sqlalchemy.exc import OperationalError

from models.session import DatabaseUnavailable
from worker.errors import InboxWorkerError, MailboxError, Trouble
from worker.imap.manners import pause_after

REST: Final = timedelta(minutes=1)
_PASSING: Final = frozenset({Trouble.NETWORK, Trouble.UNAVAILABLE, Trouble.THROTTLED, Trouble.CROWDED})


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a job ended: why it failed, whether more was to be done, and after what time it is gone on with by itself."""

    error: str | None = None
    more: bool = False
    again_in: timedelta | None = None


def outcome_of(error: Exception, poll_seconds: int, random: Random, *, gets_on: bool) -> Outcome:
    """Return what follows from an error: a backfill that `gets_on` goes on by itself, the rest is told."""
    if isinstance(error, DatabaseUnavailable | OperationalError):
        return Outcome(plain(error), more=True, again_in=REST)
    if not isinstance(error, MailboxError):
        return Outcome(plain(error), more=True)
    if error.trouble is Trouble.BUDGET or (is_passing(error) and gets_on):
        return Outcome(str(error), more=True, again_in=pause_after(error, 1, poll_seconds, random))
    return Outcome(f"{error}. This backfill has ended: ask for it again, and it goes on where it stopped", more=True)


def is_passing(error: MailboxError) -> bool:
    """Say whether it is the kind of trouble that passes by itself."""
    return error.trouble in _PASSING


def plain(error: Exception) -> str:
    """Return an error in words for a person; what nobody foresaw may hold anything, and is left to the log."""
    if isinstance(error, InboxWorkerError):
        return str(error)
    if isinstance(error, DatabaseUnavailable | OperationalError):
        return "the database did not answer; it goes on by itself"
    return unforeseen(error)


def unforeseen(error: Exception) -> str:
    """Return what a person is told of an error that nobody foresaw."""
    return f"it failed as nobody foresaw ({type(error).__name__}); see the daemon's log, then ask again"
