"""What a simulated mail server holds: thousands of mailboxes in little memory, and a count of what is asked of them.

A mail is a moment and a number; its text is made where it is asked for, of a few made mails that all mailboxes share.
"""

from __future__ import annotations

import time
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

UIDVALIDITY = 1
FOLDERS: Mapping[str, str] = {"INBOX": "", "Sent": "\\Sent", "Junk": "\\Junk"}
"""Each folder with its special use."""
MOST_OCTETS = 128 * 1024
"""Larger mails are fetched by their structure, which nobody here tells."""

Mail = tuple[float, int]
"""When it arrived, in seconds since 1970, and its number."""


class Listener(Protocol):
    """A connection that waits for mail."""

    peer: str

    def tell(self, folder: str, exists: int) -> None:
        """Hear that a folder holds so many messages now."""


@dataclass(frozen=True)
class Texts:
    """The made mails; `first` + its number stands in each, and is what makes a copy another mail."""

    samples: Sequence[bytes]
    first: int

    def size(self, number: int) -> int:
        return len(self.samples[number % len(self.samples)])

    def text(self, number: int) -> bytes:
        of_sample = number % len(self.samples)
        own, others = b"%d" % (self.first + number), b"%d" % (self.first + of_sample)
        return self.samples[of_sample].replace(others, own)


@dataclass(slots=True)
class Turn:
    """The commands between a sign-in or a wait and the next wait or farewell: one poll of one mailbox."""

    number: int
    peer: str
    is_overtaken: bool = False


@dataclass(slots=True)
class Box:
    """One mailbox: its mail, who waits for more, and whose turn was the newest."""

    folders: dict[str, list[Mail]] = field(default_factory=dict)
    listeners: set[Listener] = field(default_factory=set)
    newest: Turn | None = None

    def mails(self, folder: str) -> Sequence[Mail]:
        return self.folders.get(folder, ())


class Boxes:
    """The mailboxes box0 to box<count - 1>, and what was asked of each.

    An overlap is a turn that goes on after a turn of another peer has begun in the same mailbox. So a peer that is
    dead, cut off or halted overlaps with nobody unless it speaks again.
    """

    def __init__(self, count: int, texts: Texts) -> None:
        self.texts = texts
        self.boxes = [Box() for _ in range(count)]
        self.logins, self.polls, self.fetched = (array("L", bytes(8 * count)) for _ in range(3))
        self.polled_at = array("d", bytes(8 * count))
        """When each one's last turn was over, in seconds since 1970."""
        self.overlaps = self._turns = 0

    def find(self, user: str) -> int | None:
        """Return the number of a user's mailbox."""
        number = user.removeprefix("box")
        known = user.startswith("box") and number.isascii() and number.isdigit() and int(number) < len(self.boxes)
        return int(number) if known else None

    def deliver(self, box: int, number: int, folder: str = "INBOX") -> tuple[int, float]:
        """Put a mail into a mailbox, and tell whoever waits; return its UID and when it arrived."""
        mails = self.boxes[box].folders.setdefault(folder, [])
        mails.append((time.time(), number))
        for listener in tuple(self.boxes[box].listeners):
            listener.tell(folder, len(mails))
        return len(mails), mails[-1][0]

    def begin(self, box: int, peer: str) -> Turn:
        """Note that a peer begins to work on a mailbox."""
        self._turns += 1
        self.polls[box] += 1
        self.boxes[box].newest = turn = Turn(self._turns, peer)
        return turn

    def go_on(self, box: int, turn: Turn) -> None:
        """Note that a peer has said something more in its turn."""
        newest = self.boxes[box].newest
        if newest and newest.number > turn.number and newest.peer != turn.peer and not turn.is_overtaken:
            turn.is_overtaken = True
            self.overlaps += 1

    def end(self, box: int) -> None:
        """Note that a mailbox was polled."""
        self.polled_at[box] = time.time()

    def held_twice(self) -> int:
        """Return in how many mailboxes connections of several peers wait for mail now."""
        return sum(len({each.peer for each in box.listeners}) > 1 for box in self.boxes)

    def totals(self) -> dict[str, float]:
        """Return what was asked of all mailboxes, and what that cost this process."""
        return {
            "logins": sum(self.logins),
            "polls": sum(self.polls),
            "fetched": sum(self.fetched),
            "overlaps": self.overlaps,
            "held_twice": self.held_twice(),
            "waiting": sum(len(box.listeners) for box in self.boxes),
            "cpu": time.process_time(),
        }

    def each(self) -> dict[str, list[int] | list[float] | list[str]]:
        """Return what was asked of each mailbox, and who did so last."""
        return {
            "logins": self.logins.tolist(),
            "polls": self.polls.tolist(),
            "fetched": self.fetched.tolist(),
            "polled_at": self.polled_at.tolist(),
            "peer": [box.newest.peer if box.newest else "" for box in self.boxes],
        }
