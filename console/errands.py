"""What takes longer than a page may: it runs beside the pages, one after the other, and the process keeps how it ended.

Another process of the console knows nothing of it; whatever an errand changes stands in the database.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from fastapi import Request
from sqlalchemy.exc import OperationalError

from classifier.artifact import ArtifactError
from config import logs
from models.session import DatabaseUnavailable
from worker.errors import InputError

log = logs.logger(__name__)

Work = Callable[[], Any]
Name = tuple[str, Hashable]
"""Its kind, and of what: ("trial", "spring")."""
MOST_WAITING = 2
"""Programs for one errand: each holds a thread that pages need."""
RETRY_SECONDS = "10"


class BusyError(InputError):
    """Something runs that has to end first."""


@dataclass(slots=True)
class Errand:
    """Something that runs, or has run."""

    began_at: datetime
    by: str
    ended_at: datetime | None = None
    result: Any = None
    asked: Hashable = None
    """What exactly was asked for."""
    waiting: int = 0
    wrong: str | None = None
    """Why there is no result."""
    over: threading.Event = field(default_factory=threading.Event)


class Errands:
    """The newest errand of each name; names are few, as what they hold stays in memory."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._known: dict[Name, Errand] = {}
        self._begins, self._runs = threading.Lock(), threading.Lock()

    def newest(self, name: Name) -> Errand | None:
        """Return the newest errand of a name, running or over."""
        return self._known.get(name)

    def begin(self, name: Name, by: str, work: Work, asked: Hashable = None) -> Errand:
        """Begin an errand, and return it at once; one that runs already is returned instead.

        Args:
            name: of the errand.
            by: who asks for it.
            work: what is to be done.
            asked: what exactly; if given, one errand of this kind runs at a time, for all who ask for exactly that.

        Raises:
            BusyError: another errand of this kind runs.
        """
        with self._begins:
            return self._begin(name, by, work, asked)

    def _begin(self, name: Name, by: str, work: Work, asked: Hashable) -> Errand:
        if asked is not None:
            self._refuse_a_second(name, asked)
        errand = self._known.get(name)
        if errand is None or errand.over.is_set():
            errand = self._known[name] = Errand(self._clock(), by, asked=asked)
            # A daemon: who stops the console need not wait. A transaction that is cut off leaves nothing.
            threading.Thread(target=self._run, args=(errand, work), daemon=True).start()
        return errand

    def _refuse_a_second(self, name: Name, asked: Hashable) -> None:
        for (kind, of), errand in self._known.items():
            if kind == name[0] and not errand.over.is_set() and ((kind, of) != name or errand.asked != asked):
                raise BusyError(f"a {kind} of {of} is running; ask again when it has ended")

    def finish(self, name: Name, by: str, work: Work, asked: Hashable = None) -> Any:
        """Do an errand while whoever asks waits, and return its result; see `begin`.

        Raises:
            BusyError: another errand of this kind runs, or enough wait for this one.
            InputError: why there is no result.
        """
        with self._begins:
            errand = self._begin(name, by, work, asked)
            if errand.waiting >= MOST_WAITING:
                raise BusyError(f"{errand.waiting} others wait for the same already; ask again when it has ended")
            errand.waiting += 1
        # Nobody joins an errand that is over, so nobody has to be counted off.
        errand.over.wait()
        if errand.wrong is not None:
            raise InputError(errand.wrong)
        return errand.result

    def _run(self, errand: Errand, work: Work) -> None:
        try:
            # Each may take some hundred megabytes; two at once would need twice that.
            with self._runs:
                errand.result = work()
        except (InputError, ArtifactError) as error:
            errand.wrong = str(error)
        except (DatabaseUnavailable, OperationalError) as error:
            log.warning("errand_without_database", says="the database failed: {error}", error=error)
            errand.wrong = "the database does not answer; nothing was changed, try again in a minute"
        except Exception:
            log.exception("errand_failed", says="an errand failed")
            errand.wrong = "nobody foresaw this; the log has the cause"
        finally:
            errand.ended_at = self._clock()
            errand.over.set()


def nothing_new(request: Request, errand: Errand | None) -> bool:
    """Say whether a page that shows an errand, and asks every second, shows already how it stands.

    Then it is not drawn anew: those who have it read to them would hear it every second.
    """
    # Who goes back to the page asks by script as well, and has nothing to show yet; only a part has a target.
    polls = "hx-target" in request.headers and "hx-boosted" not in request.headers
    return polls and errand is not None and errand.ended_at is None


def errands_of(request: Request) -> Errands:
    """Return the errands of this application."""
    errands: Errands = request.app.state.errands
    return errands
