"""The crew that the backfills of a daemon share: made when the first begins, and ended when the last has."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Final

from classifier.judge import ReplyJudge
from config.settings import Settings
from worker.reading.crew import Understanding, side_by_side

LINGER: Final = 30.0
"""Seconds for which a crew that nobody needs is kept where the next part of a backfill may need it."""


@dataclass(slots=True)
class _Kept:
    """A crew, with what it judges with, and by how many it is used at the moment."""

    classifier: ReplyJudge | None
    opened: AbstractContextManager[Understanding]
    understanding: Understanding
    users: int = 0
    turn: int = 0
    """Counts who used it."""


@dataclass(slots=True)
class Crews:
    """Gives backfills one crew together; those that judge with another classifier have another.

    A crew that is used no more is ended after `linger` seconds.
    """

    settings: Settings
    linger: float = 0.0
    _kept: list[_Kept] = field(default_factory=list)
    _timers: set[threading.Timer] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def use(self, classifier: ReplyJudge | None) -> Iterator[Understanding]:
        """Give what understands with every CPU that the settings allow."""
        mine = self._taken(classifier)
        try:
            yield mine.understanding
        finally:
            with self._lock:
                mine.users -= 1
                turn = mine.turn
            self._end_later(mine, turn)

    def close(self) -> None:
        """End every crew that is not used."""
        with self._lock:
            timers, self._timers = self._timers, set()
        for timer in timers:
            timer.cancel()
        for each in list(self._kept):
            self._end(each, each.turn)

    def _taken(self, classifier: ReplyJudge | None) -> _Kept:
        with self._lock:
            for each in self._kept:
                if each.classifier is classifier:
                    each.users, each.turn = each.users + 1, each.turn + 1
                    return each
            opened = side_by_side(self.settings, classifier)
            made = _Kept(classifier, opened, opened.__enter__(), users=1)
            self._kept.append(made)
            return made

    def _end_later(self, kept: _Kept, turn: int) -> None:
        if not self.linger:
            self._end(kept, turn)
            return
        timer = threading.Timer(self.linger, self._end, [kept, turn])
        timer.daemon = True
        with self._lock:
            self._timers = {each for each in self._timers if each.is_alive()} | {timer}
            timer.start()

    def _end(self, kept: _Kept, turn: int) -> None:
        """End a crew, unless somebody took it up since."""
        with self._lock:
            if kept.users or kept.turn != turn or kept not in self._kept:
                return
            self._kept.remove(kept)
        kept.opened.__exit__(None, None, None)
