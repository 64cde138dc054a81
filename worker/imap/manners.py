"""Manners towards mail servers: how many connections, how fast they are opened, how long one waits after a refusal."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Final

from worker.errors import MailboxError, Trouble

LONGEST_PAUSE: Final = timedelta(hours=1)
"""The pause doubles from the poll interval up to this."""
PATIENT: Final = (timedelta(minutes=15), timedelta(hours=4))
"""The first and the longest pause after a server said that we ask too much of it."""
REFUSED_PAUSE: Final = timedelta(minutes=10)
"""The first pause after a sign-in was refused: a mistake of the provider may pass before the mailbox is stopped."""
BUDGET_PAUSE: Final = timedelta(hours=1)
TURN_SECONDS: Final = 15
STOPS_AT: Final = 3
"""Refused sign-ins in a row after which a mailbox is left alone: providers lock accounts that go on."""

WINDOW: Final = timedelta(minutes=10)
"""Time in which refusals are held against the connections opened meanwhile."""
REFUSALS: Final = 3
LOWERED: Final = timedelta(hours=1)


@dataclass(slots=True)
class _Host:
    """What is open to one host, the tokens for new connections, and what it refused lately."""

    tokens: float
    filled_at: datetime
    window_at: datetime
    open: int = 0
    tried: int = 0
    refused: int = 0
    lowered: int | None = None
    lowered_at: datetime | None = None
    asked: int = 0
    silent: bool = False


@dataclass(slots=True)
class Hosts:
    """Caps the connections of this process to each host, kept ones included, and how fast new ones are opened.

    Safe to use from several threads; every time is aware UTC.
    """

    most_connections: int
    connects_a_second: float
    _hosts: dict[str, _Host] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, host: str, now: datetime) -> bool:
        """Say whether a connection to the host may be opened now, and count it as open if so."""
        with self._lock:
            state = self._at(host, now)
            if not self._is_free(state, now):
                return False
            state.open += 1
            state.tried += 1
            state.tokens -= 1
            return True

    def ask(self, host: str, now: datetime) -> bool:
        """Say whether the host may be spoken to now: one that is silent keeps one thread waiting, and no more."""
        with self._lock:
            state = self._at(host, now)
            if _is_waited_for(state):
                return False
            state.asked += 1
            return True

    def asked(self, host: str, *, answered: bool) -> None:
        """Note whether a host that was asked has answered at all."""
        with self._lock:
            state = self._hosts[_folded(host)]
            state.asked -= 1
            state.silent = not answered

    def give_back(self, host: str) -> None:
        """Count a connection as closed that `take` allowed, whatever became of it."""
        with self._lock:
            self._hosts[_folded(host)].open -= 1

    def crowded(self, now: datetime) -> frozenset[str]:
        """Return the hosts, in lower case, to which no connection may be opened now."""
        with self._lock:
            for host in [host for host, state in self._hosts.items() if _is_forgettable(state, now)]:
                del self._hosts[host]
            states = {host: self._at(host, now) for host in self._hosts}
            return frozenset(
                host for host, state in states.items() if not self._is_free(state, now) or _is_waited_for(state)
            )

    def may_keep(self, host: str) -> bool:
        """Say whether an open connection may stay open between polls: the last tenth is for those that have none."""
        with self._lock:
            state = self._hosts[_folded(host)]
            return state.open <= self._cap(state, state.filled_at) * 9 // 10

    def refused(self, host: str, now: datetime) -> None:
        """Heed that the host called connections too many: have fewer for an hour, then ever more until it says so anew.

        Providers say the same where one account has too many clients, which is nothing against the others: only where
        most of the connections opened lately were refused is the host itself full.
        """
        with self._lock:
            state = self._at(host, now)
            state.refused += 1
            if state.refused >= REFUSALS and state.refused * 2 > state.tried:
                state.lowered = max(1, state.open - max(1, state.open // 10))
                state.lowered_at = now
                state.refused = state.tried = 0

    def _at(self, host: str, now: datetime) -> _Host:
        """Return a host's state as of now; a clock that was set back gives no tokens."""
        full = max(1.0, self.connects_a_second)
        state = self._hosts.setdefault(_folded(host), _Host(full, now, now))
        passed = max(0.0, (now - state.filled_at).total_seconds())
        state.tokens = min(full, state.tokens + passed * self.connects_a_second)
        state.filled_at = now
        if abs(now - state.window_at) >= WINDOW:
            state.window_at, state.tried, state.refused = now, 0, 0
        return state

    def _is_free(self, state: _Host, now: datetime) -> bool:
        return state.open < self._cap(state, now) and state.tokens >= 1

    def _cap(self, state: _Host, now: datetime) -> int:
        if state.lowered is None or state.lowered_at is None:
            return self.most_connections
        hours = max(0, (now - state.lowered_at) // LOWERED)
        cap = state.lowered << min(hours, 32)
        if cap >= self.most_connections:
            state.lowered = state.lowered_at = None
        return min(self.most_connections, cap)


def longest_pause(poll_seconds: int) -> timedelta:
    """Return the longest time for which a mailbox is ever left alone without being stopped."""
    return max(timedelta(seconds=poll_seconds), PATIENT[1]) * 1.2


def counts(error: Exception) -> bool:
    """Say whether an error counts among the failures of its mailbox: our own limits do not."""
    return not (isinstance(error, MailboxError) and error.trouble in {Trouble.TURN, Trouble.BUDGET})


def stops(error: Exception, failures: int) -> bool:
    """Say whether a mailbox is to be left alone until a person acts.

    Args:
        error: why its poll failed.
        failures: how many polls in a row have failed, this one included.
    """
    refused = isinstance(error, MailboxError) and error.permanent and error.trouble is Trouble.SIGN_IN
    return refused and failures >= STOPS_AT


def pause_after(error: Exception, failures: int, poll_seconds: int, random: Random) -> timedelta:
    """Return how long a mailbox is left alone after a failed poll, with a little chance in it so that they spread out.

    A session that broke once costs nothing: servers restart, and end sessions when they like.

    Args:
        error: why the poll failed.
        failures: how many polls in a row have failed, this one included.
        poll_seconds: the time between two polls when all is well.
        random: where the chance comes from.
    """
    trouble = error.trouble if isinstance(error, MailboxError) else Trouble.OTHER
    poll = timedelta(seconds=poll_seconds)
    if trouble is Trouble.TURN:
        return timedelta(seconds=random.uniform(1, max(1, min(TURN_SECONDS, poll_seconds))))
    if trouble is Trouble.BUDGET:
        pause = BUDGET_PAUSE
    elif trouble is Trouble.FOLDER:
        # The others are read all the same, and should be as often.
        pause = poll
    elif trouble in {Trouble.THROTTLED, Trouble.QUOTA}:
        pause = _doubled(PATIENT[0], failures - 1, PATIENT[1])
    else:
        once = trouble is Trouble.NETWORK
        first = max(poll, REFUSED_PAUSE / 2) if trouble is Trouble.SIGN_IN else poll
        pause = _doubled(first, failures - once, max(LONGEST_PAUSE, poll))
    return pause * random.uniform(0.9, 1.1)


def _is_waited_for(state: _Host) -> bool:
    return state.silent and state.asked > 0


def _doubled(first: timedelta, times: int, longest: timedelta) -> timedelta:
    doubled: timedelta = first * 2 ** max(0, min(times, 20))
    return min(longest, doubled)


def _is_forgettable(state: _Host, now: datetime) -> bool:
    return not (state.open or state.asked or state.lowered) and now - state.filled_at >= WINDOW


def _folded(host: str) -> str:
    return host.lower()
