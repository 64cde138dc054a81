"""A terminal with a shell in it: lines are typed one after the other, and what a reader would see is returned."""

from __future__ import annotations

import os
import pty
import re
import select
import shlex
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

SECONDS = 90
"""How long a line may take, on a machine that does much else besides."""
_DONE = re.compile(rb"\x1e(\d+)\r?\n")
_CONTROL = re.compile(r"(\x1b\[[0-9;?]*[A-Za-z]|\r?\n|\r)")
_ASKED = re.compile(rb"(?:assword[^\n]*|Repeat for confirmation|\[y/N\]): ?$")


@dataclass(frozen=True)
class Answer:
    """What a line said, and how it ended."""

    status: int
    text: str


@dataclass(frozen=True)
class Daemon:
    """A command that goes on until it is told to stop, and the file in which it tells of itself."""

    line: str
    pid: int
    log: Path


@dataclass
class Terminal:
    """One `sh` over a pseudo-terminal, so that passwords are asked for, exports last and jobs run beside each other."""

    folder: Path
    environment: Mapping[str, str]
    password: str = ""
    """What is typed where a password is asked for."""
    _daemons: list[Daemon] = field(default_factory=list)

    def __enter__(self) -> Self:
        # The lines come over a pipe of their own: what is typed is for the commands alone.
        pipe = self.folder / ".lines"
        os.mkfifo(pipe)
        self._screen, inside = pty.openpty()
        self._shell = subprocess.Popen(
            ["setsid", "--ctty", "sh", str(pipe)],
            stdin=inside, stdout=inside, stderr=inside, cwd=self.folder, env=self.environment,
        )  # fmt: skip
        os.close(inside)
        self._lines = pipe.open("w")
        pipe.unlink()
        return self

    def __exit__(self, *_: object) -> None:
        # Whatever is left of the story, the receivers of its pages among it.
        os.killpg(self._shell.pid, signal.SIGKILL)
        self._shell.wait()
        self._lines.close()
        os.close(self._screen)

    def run(self, line: str) -> Answer:
        """Type a line, answer where a password or a consent is asked for, and wait for the end."""
        self._lines.write(f"{{ {line}\n}}; printf '\\036%s\\n' $?\n")
        self._lines.flush()
        said, asked, deadline = b"", 0, time.monotonic() + SECONDS
        while not (done := _DONE.search(said)):
            left = deadline - time.monotonic()
            ready = left > 0 and select.select([self._screen], [], [], left)[0]
            assert ready, f"{line!r} does not end; it said: {said.decode(errors='replace')}"
            try:
                said += os.read(self._screen, 65536)
            except OSError as error:
                raise AssertionError(f"{line!r} ends the shell, which said: {said.decode(errors='replace')}") from error
            if _ASKED.search(said) and len(said) > asked:
                asked = len(said)
                typed = "y" if b"[y/N]" in said.splitlines()[-1] else self.password
                os.write(self._screen, f"{typed}\n".encode())
        return Answer(int(done[1]), _seen(said[: done.start()].decode(errors="replace")))

    def start(self, line: str) -> Daemon:
        """Start a command that goes on by itself."""
        log = self.folder / f".daemon-{len(self._daemons)}"
        answer = self.run(f"{line} >{shlex.quote(str(log))} 2>&1 & echo $!")
        daemon = Daemon(line, int(answer.text), log)
        self._daemons.append(daemon)
        return daemon

    def stop_daemons(self) -> dict[str, int]:
        """Tell every daemon to stop; return how each ended."""
        return {each.line: self.run(f"kill -TERM {each.pid} && wait {each.pid}").status for each in self._daemons}


def _seen(written: str) -> str:
    """Return what is left on the screen: progress bars wipe themselves off, colours do not matter."""
    lines, row = [""], 0
    for piece in _CONTROL.split(written):
        if piece.endswith("\n"):
            row += 1
            lines += [""] * (row == len(lines))
        elif piece == "\x1b[1A":
            row -= 1
        elif piece == "\x1b[2K":
            lines[row] = ""
        elif not _CONTROL.fullmatch(piece):
            lines[row] += piece
    return "\n".join(lines)
