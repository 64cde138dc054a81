"""Runs a command with the system calls that a systemd unit leaves it, where no systemd runs.

`python -m tests.locked_in UNIT COMMAND...`: the lists of calls are expanded by systemd-analyze, the filter is made by
libseccomp, as systemd makes it.
"""

from __future__ import annotations

import errno
import mmap
import os
import socket
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pyseccomp

_PROTECTION = 2
"""Which argument of mmap and mprotect says what may be done with the memory; of shmat, how it is attached."""
_SHM_EXEC = 0o100000
_FAMILIES = {name: getattr(socket, name) for name in ("AF_INET", "AF_INET6", "AF_UNIX")}


def settings_of(unit: Path) -> dict[str, list[str]]:
    """Return what each line of a unit sets, in its order."""
    found: dict[str, list[str]] = {}
    for line in unit.read_text(encoding="utf-8").splitlines():
        name, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found.setdefault(name, []).append(value)
    return found


def calls_of(filters: Iterable[str]) -> set[str]:
    """Return the system calls that the SystemCallFilter lines of a unit allow."""
    allowed: set[str] = set()
    for line in filters:
        named = {call for word in line.removeprefix("~").split() for call in _expanded(word)}
        allowed = allowed - named if line.startswith("~") else allowed | named
    return allowed


def _expanded(word: str) -> set[str]:
    if not word.startswith("@"):
        return {word}
    said = subprocess.run(
        ["systemd-analyze", "syscall-filter", word, "--no-pager"], check=True, capture_output=True, text=True
    ).stdout
    inside = [line.strip() for line in said.splitlines()[1:]]
    return {call for each in inside if each and not each.startswith("#") for call in _expanded(each)}


def lock_in(settings: dict[str, list[str]]) -> None:
    """Take every other system call from this process for good."""
    allowed = calls_of(settings["SystemCallFilter"])
    rules = pyseccomp.SyscallFilter(pyseccomp.ERRNO(errno.EPERM))
    if settings.get("MemoryDenyWriteExecute") == ["yes"]:
        for call, argument, mask in (
            ("mmap", _PROTECTION, mmap.PROT_WRITE), ("mmap", _PROTECTION, mmap.PROT_EXEC),
            ("mprotect", _PROTECTION, mmap.PROT_EXEC), ("pkey_mprotect", _PROTECTION, mmap.PROT_EXEC),
            ("shmat", _PROTECTION, _SHM_EXEC),
        ):  # fmt: skip
            rules.add_rule(pyseccomp.ALLOW, call, pyseccomp.Arg(argument, pyseccomp.MASKED_EQ, mask, 0))
        allowed -= {"mmap", "mmap2", "mprotect", "pkey_mprotect", "shmat"}
    for family in " ".join(settings.get("RestrictAddressFamilies", [])).split():
        rules.add_rule(pyseccomp.ALLOW, "socket", pyseccomp.Arg(0, pyseccomp.EQ, _FAMILIES[family]))
        allowed.discard("socket")
    for call in allowed:
        if pyseccomp.resolve_syscall(pyseccomp.system_arch(), call) >= 0:  # else one of another architecture
            rules.add_rule(pyseccomp.ALLOW, call)
    rules.load()


def main() -> None:
    unit, *command = sys.argv[1:]
    lock_in(settings_of(Path(unit)))
    os.execvp(command[0], command)  # noqa: S606 - what the caller asked for


if __name__ == "__main__":
    main()
