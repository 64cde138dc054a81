"""Processes that understand messages side by side, while the next are fetched and the last are written."""

from __future__ import annotations

import gc
import os
import signal
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain, islice
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait
from typing import Final, Protocol

from classifier.judge import ReplyJudge
from config import logs
from config.settings import Settings
from worker.desk import Desk
from worker.imap.fetched import FetchedMessage
from worker.process import not_understood, understand
from worker.reading.ahead import ahead
from worker.reading.forks import count_of, get_ready
from worker.writing.record import Judged

log = logs.logger(__name__)

OTHERS: Final = 3
"""Pieces in hand besides those being understood: one is fetched, one is written, and one waits for either."""
ALONE: Final = 3
"""So many pieces, and no more, are understood in this process: to make others ready takes as long."""

Piece = list[FetchedMessage]
Understood = tuple[Piece, list[Judged]]


class Understanding(Protocol):
    """Understands one piece after the other, and gives them in their order; more may be fetched until it is closed.

    Of the messages in hand, taken from `pieces` and not done with, there are fewer than the settings allow if no piece
    has more than `most`.
    """

    @property
    def most(self) -> int:
        """Return how many messages a piece may have."""

    def __call__(self, desk: Desk, pieces: Iterable[Piece]) -> Generator[Understood, None, None]:
        """Yield each piece with what was understood of it."""


@dataclass(frozen=True, slots=True)
class InTurn:
    """Understands in this process, each piece when it is asked for."""

    most: int

    def __call__(self, desk: Desk, pieces: Iterable[Piece]) -> Generator[Understood, None, None]:
        """Yield each piece with what was understood of it."""
        for piece in pieces:
            yield piece, understand(desk, piece)


def in_turn(settings: Settings) -> InTurn:
    """Return what understands in this process."""
    return InTurn(max(1, settings.batch_messages // (2 + OTHERS)))


def settle() -> None:
    """Let the garbage collector of a process that is to work through very much mail look less often, and at less.

    All that is loaded by now stays. A message is a few hundred objects, none of which needs it, so it would look
    through everything in hand again and again: a fifth of the time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 50, 100)


@contextmanager
def side_by_side(settings: Settings, classifier: ReplyJudge | None) -> Iterator[Understanding]:
    """Give what understands with every CPU that the settings allow, where there is enough to do."""
    processes = count_of(settings)
    if processes == 1:
        yield in_turn(settings)
        return
    most = max(1, settings.batch_messages // (processes + OTHERS))
    crew = Crew(processes, most, partial(begin, classifier, settings.log_level, settings.log_format))
    try:
        yield crew
    finally:
        crew.close()


@dataclass(slots=True)
class Crew:
    """Understands in processes beside this one; `begin` runs first in each.

    A message that ends its process, whatever it does to it, is found and set aside, and the others are understood.
    """

    processes: int
    most: int
    begin: Callable[[], None]
    _pool: Executor | None = None
    _single: Executor | None = None
    """One process, for messages of a piece that ended another."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, desk: Desk, pieces: Iterable[Piece]) -> Generator[Understood, None, None]:
        """Yield each piece with what was understood of it."""
        rest = iter(pieces)
        first: list[Piece] = []
        failed: Exception | None = None
        try:
            for piece in islice(rest, ALONE):
                first.append(piece)  # noqa: PERF402 - what came before an error is kept
        except Exception as error:  # noqa: BLE001 - it is raised after what came before it
            failed = error
        if len(first) == ALONE:
            yield from self._side_by_side(desk, chain(first, rest))
            return
        yield from InTurn(self.most)(desk, first)
        if failed:
            raise failed

    def close(self) -> None:
        """End the processes."""
        for each in (self._pool, self._single):
            if each:
                each.shutdown(wait=True, cancel_futures=True)

    def _processes(self, count: int) -> Executor:
        get_ready()
        return ProcessPoolExecutor(count, mp_context=get_context("forkserver"), initializer=self.begin)

    def _side_by_side(self, desk: Desk, pieces: Iterator[Piece]) -> Iterator[Understood]:
        # Every process has the classifier already, which is large.
        bare = replace(desk, classifier=None)
        with ahead(pieces, self.processes + OTHERS - 1, partial(self._give, bare)) as coming:
            for piece, given in coming:
                yield piece, self._taken(bare, piece, given)

    def _give(self, desk: Desk, piece: Piece) -> tuple[Executor, Future[list[Judged]]]:
        """Give a piece to the processes."""
        with self._lock:
            pool = self._pool = self._pool or self._processes(self.processes)
        try:
            return pool, pool.submit(_understand, desk, piece)
        except RuntimeError:
            # A process of it died, or it was left for that.
            broken: Future[list[Judged]] = Future()
            broken.set_exception(BrokenExecutor())
            return pool, broken

    def _taken(self, desk: Desk, piece: Piece, given: tuple[Executor, Future[list[Judged]]]) -> list[Judged]:
        """Take a piece back; where a process died meanwhile, each message is understood alone."""
        pool, judged = given
        try:
            return _with_octets(judged.result(), piece)
        except BrokenExecutor:
            log.warning(
                "understanding_ended",
                says="mailbox {mailbox}: a process ended that understands mail; its messages are tried one by one",
                mailbox=desk.box.name,
            )
            self._leave(pool)
            return [self._alone(desk, each) for each in piece]

    def _alone(self, desk: Desk, message: FetchedMessage) -> Judged:
        """Understand a message in a process that does nothing else."""
        with self._lock:
            single = self._single = self._single or self._processes(1)
        try:
            return _with_octets(single.submit(_understand, desk, [message]).result(), [message])[0]
        except BrokenExecutor:
            log.exception(
                "understanding_ended_by_message",
                says="mailbox {mailbox}: message {uid} of {folder!r} ended the process that read it",
                mailbox=desk.box.name,
                uid=message.uid,
                folder=message.folder,
            )
            with self._lock:
                self._single = None if self._single is single else self._single
            return not_understood(message, "the process that read it was ended, maybe for all the memory it took")

    def _leave(self, pool: Executor) -> None:
        """Use a pool no more of which a process has died."""
        with self._lock:
            if self._pool is pool:
                self._pool = None
        pool.shutdown(wait=True, cancel_futures=True)


def begin(classifier: ReplyJudge | None, level: str, form: str) -> None:
    """Make a new process ready for work."""
    logs.start(level, form)
    # Whoever stops the command stops the process that gives the work; the piece in hand is finished.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    global _classifier  # noqa: PLW0603 - what every piece is judged with
    _classifier = classifier
    settle()


_classifier: ReplyJudge | None = None


def _end_with_parent() -> None:
    """End this process once its parent is gone, however that ended: nobody would take what it makes."""
    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def _understand(desk: Desk, piece: Sequence[FetchedMessage]) -> list[Judged]:
    # Whoever gave the piece has its octets: two thirds of what would be sent back.
    return _with_octets(understand(replace(desk, classifier=_classifier), piece), None)


def _with_octets(judged: list[Judged], piece: Sequence[FetchedMessage] | None) -> list[Judged]:
    """Put the octets of the messages back, or take them out; nobody else has the judged ones yet."""
    for at, each in enumerate(judged):
        object.__setattr__(each, "raw", piece[at].raw if piece else b"")
    return judged
