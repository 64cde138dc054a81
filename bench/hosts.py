"""Network namespaces as hosts on one bridge, each of which can be cut off so that its packets vanish without a word.

Needs root and Debian's iproute2; `why_not` says what is missing.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import ExitStack, suppress
from types import TracebackType
from typing import Self

BRIDGE = "02:69:77:00:00:01"
"""The bridge's hardware address, one that nobody else has (the second bit: given locally)."""
LONGEST_NAME = 15
"""Characters of an interface's name."""


class HostsError(Exception):
    """The system makes no hosts; the message says why."""


def why_not() -> str | None:
    """Return why no hosts can be made here, or None."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    if shutil.which("ip") is None:
        return "the command ip is missing; run: apt-get install iproute2"
    try:
        with Hosts(1):
            return None
    except HostsError as error:
        return f"{error}"


class Hosts:
    """So many hosts on a bridge that this machine has the address `gateway` on; all is gone at the end.

    Each one's neighbours are written down, so that one that is cut off asks into the void instead of learning that
    nobody is there.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        # Those of several processes may be there at a time.
        high, low = divmod(os.getpid(), 250)
        self._tag = f"iw{os.getpid() % 1_000_000}"
        self._net = f"10.{200 + high % 50}.{low}"
        self.gateway = f"{self._net}.1"
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with self._stack:
            # Without an address of its own a bridge takes one of its ports', and another whenever one is added.
            _ip("link", "add", self._tag, "address", BRIDGE, "type", "bridge")
            self._stack.callback(_try, "link", "del", self._tag)
            _ip("addr", "add", f"{self.gateway}/24", "dev", self._tag)
            _ip("link", "set", self._tag, "up")
            for number in range(self.count):
                self._add(number)
            self._stack = self._stack.pop_all()
        return self

    def __exit__(self, _type: type[BaseException] | None, _value: object, _trace: TracebackType | None) -> None:
        self._stack.close()

    def address(self, number: int) -> str:
        """Return a host's address."""
        return f"{self._net}.{number + 10}"

    def within(self, number: int) -> list[str]:
        """Return the words that, put before a command, run it on a host; they leave no process of their own."""
        return ["ip", "netns", "exec", self._name(number)]

    def cut(self, number: int) -> None:
        """Let every packet from and to a host vanish."""
        _ip("link", "set", self._outside(number), "nomaster")

    def join(self, number: int) -> None:
        """Let packets pass again."""
        _ip("link", "set", self._outside(number), "master", self._tag)

    def _add(self, number: int) -> None:
        name, outside, inside = self._name(number), self._outside(number), "eth0"
        _ip("netns", "add", name)
        self._stack.callback(_try, "netns", "del", name)
        _ip("link", "add", outside, "type", "veth", "peer", "name", inside, "netns", name)
        # A process that lives on keeps a namespace, but not its way out.
        self._stack.callback(_try, "link", "del", outside)
        _ip("link", "set", outside, "master", self._tag, "up")
        _ip("-n", name, "link", "set", "lo", "up")
        _ip("-n", name, "addr", "add", f"{self.address(number)}/24", "dev", inside)
        _ip("-n", name, "link", "set", inside, "up")
        known = ("nud", "permanent", "dev")
        _ip("-n", name, "neigh", "replace", self.gateway, "lladdr", BRIDGE, *known, inside)
        mine = _link_address(inside, "-n", name)
        _ip("neigh", "replace", self.address(number), "lladdr", mine, *known, self._tag)

    def _name(self, number: int) -> str:
        return f"{self._tag}-{number}"

    def _outside(self, number: int) -> str:
        return f"{self._tag}v{number}"[:LONGEST_NAME]


def _link_address(interface: str, *where: str) -> str:
    """Return an interface's hardware address."""
    words = _ip(*where, "link", "show", interface).split()
    return words[words.index("link/ether") + 1]


def _ip(*words: str) -> str:
    done = subprocess.run(["ip", *words], check=False, capture_output=True, text=True)
    if done.returncode:
        raise HostsError(f"ip {' '.join(words)}: {done.stderr.strip()}")
    return done.stdout


def _try(*words: str) -> None:
    with suppress(HostsError):
        _ip(*words)
