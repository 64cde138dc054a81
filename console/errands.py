"""What takes longer than a page may: it runs beside the pages, one after the other, and the process keeps how it ended.

Another process of the console knows nothing of it; whatever an errand changes stands in the database.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from fastapi import Request
from sqlalchemy.exc import OperationalError

from classifier.artifact import ArtifactError
from models.session import DatabaseUnavailable
from worker.errors import InputError

log = logging.getLogger(__name__)

Work = Callable[[], Any]


@dataclass(slots=True)
class Errand:
    """Something that runs, or has run."""

    began_at: datetime
    by: str
    ended_at: datetime | None = None
    result: Any = None
    wrong: str | None = None
    """Why there is no result."""
    over: threading.Event = field(default_factory=threading.Event)


class Errands:
    """The newest errand of each name; names are few, as what they hold stays in memory."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._known: dict[Hashable, Errand] = {}
        self._begins, self._runs = threading.Lock(), threading.Lock()

    def newest(self, name: Hashable) -> Errand | None:
        """Return the newest errand of a name, running or over."""
        return self._known.get(name)

    def begin(self, name: Hashable, by: str, work: Work) -> Errand:
        """Begin an errand, and return it at once; one that runs already is returned instead."""
        with self._begins:
            errand = self._known.get(name)
            if errand is None or errand.over.is_set():
                errand = self._known[name] = Errand(self._clock(), by)
                # A daemon: who stops the console need not wait. A transaction that is cut off leaves nothing.
                threading.Thread(target=self._run, args=(errand, work), daemon=True).start()
        return errand

    def finish(self, name: Hashable, by: str, work: Work) -> Any:
        """Do an errand while whoever asks waits, and return its result.

        Raises:
            InputError: why there is none.
        """
        errand = self.begin(name, by, work)
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
            log.warning("the database failed: %s", error)
            errand.wrong = "the database does not answer; nothing was changed, try again in a minute"
        except Exception:
            log.exception("an errand failed")
            errand.wrong = "nobody foresaw this; the log has the cause"
        finally:
            errand.ended_at = self._clock()
            errand.over.set()


def errands_of(request: Request) -> Errands:
    """Return the errands of this application."""
    state = request.app.state
    if not hasattr(state, "errands"):
        state.errands = Errands(state.office.clock)
    errands: Errands = state.errands
    return errands
