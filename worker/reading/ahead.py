"""Takes values from a slow source while those taken before are worked on."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")
B = TypeVar("B")


@contextmanager
def ahead(source: Iterator[T], most: int, begin: Callable[[T], B]) -> Iterator[Iterator[tuple[T, B]]]:
    """Give the values of `source` with what `begin` made of each, in order; a thread takes them ahead.

    At most so many are taken and not done with: a value is done with when the next one is asked for. What `source` or
    `begin` raises is raised where its value would have come. At the end no more is taken, and what `source` is taking
    is waited for.
    """
    taking = _Taking(source, begin, threading.Semaphore(most))
    thread = threading.Thread(target=taking.take, name="taking ahead")
    thread.start()
    try:
        yield taking.values()
    finally:
        taking.stopped = True
        taking.room.release()
        thread.join()


@dataclass(slots=True)
class _Taking(Generic[T, B]):
    source: Iterator[T]
    begin: Callable[[T], B]
    room: threading.Semaphore
    stopped: bool = False
    _taken: deque[tuple[T, B]] = field(default_factory=deque)
    _news: threading.Condition = field(default_factory=threading.Condition)
    _ended: bool = False
    _error: BaseException | None = None

    def take(self) -> None:
        """Take one value after the other while there is room."""
        try:
            while self._has_room() and self._take_one():
                pass
        except BaseException as error:  # noqa: BLE001 - it is raised where the values are used
            self._error = error
        with self._news:
            self._ended = True
            self._news.notify()

    def values(self) -> Iterator[tuple[T, B]]:
        """Yield what was taken."""
        while True:
            with self._news:
                self._news.wait_for(lambda: self._taken or self._ended)
                if not self._taken:
                    break
                value = self._taken.popleft()
            yield value
            self.room.release()
        if self._error is not None:
            raise self._error

    def _has_room(self) -> bool:
        self.room.acquire()
        return not self.stopped

    def _take_one(self) -> bool:
        for value in self.source:
            begun = self.begin(value)
            with self._news:
                self._taken.append((value, begun))
                self._news.notify()
            return True
        return False
