"""Processes under measurement: what a command, or a daemon, takes of time and memory, with all that it starts."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
PYTHON = [sys.executable, "-W", "ignore"]
LOOK_SECONDS = 0.5
MEMORY_SECONDS = 2.0
"""Between two looks at memory: the system walks through all of it for each, so that often costs a tenth of a core."""
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")
OPEN = "01"
"""State of an established connection in /proc/net/tcp."""


@dataclass(frozen=True)
class Run:
    """One run."""

    name: str
    mails: int
    seconds: float
    cpu_seconds: float
    peak_mb: float

    @property
    def rate(self) -> float:
        return self.mails / self.seconds


class Process:
    """A command under measurement, with the processes that it starts."""

    def __init__(self, command: list[str], environment: Mapping[str, str]) -> None:
        self._popen = subprocess.Popen(
            [*PYTHON, *command], env=dict(environment), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True, start_new_session=True,
        )  # fmt: skip
        self.start = time.perf_counter()
        self.peak_mb = 0.0
        self._cpu: dict[int, float] = {}
        """CPU seconds of each of its processes, as they were seen last."""
        self._ended = threading.Event()
        self._watch = threading.Thread(target=self._look)
        self._watch.start()

    def end(self, name: str) -> tuple[float, float]:
        """Wait until it has ended well; return its seconds, and the CPU seconds of all its processes.

        Those of the processes that it starts are read twice a second, so the last of each may be missing.
        """
        output, errors = self._popen.stdout, self._popen.stderr
        said = (output.read() if output else "") + (errors.read() if errors else "")
        _, status, usage = os.wait4(self._popen.pid, 0)
        seconds = time.perf_counter() - self.start
        self._popen.returncode = status
        self._leave()
        if status:
            raise SystemExit(f"{name} failed: {said}")
        others = sum(cpu for pid, cpu in self._cpu.items() if pid != self._popen.pid)
        return seconds, usage.ru_utime + usage.ru_stime + others

    def kill(self) -> None:
        """Kill it, and it alone: what it has started has to notice."""
        self._popen.send_signal(signal.SIGKILL)
        self._popen.communicate()
        self._leave()

    def is_running(self) -> bool:
        return (
            bool(Path(f"/proc/{self._popen.pid}/stat").exists())
            and "State:\tZ" not in Path(f"/proc/{self._popen.pid}/status").read_text()
        )

    def memory_mb(self) -> float:
        """Return what all its processes hold; what they share is counted once (PSS)."""
        total = 0.0
        for process in self._processes():
            with suppress(OSError, StopIteration):
                lines = (process / "smaps_rollup").read_text().splitlines()
                total += next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024
        return total

    def _processes(self) -> Iterator[Path]:
        for process in Path("/proc").iterdir():
            with suppress(OSError):
                if process.name.isdigit() and os.getsid(int(process.name)) == self._popen.pid:
                    yield process

    def _look(self) -> None:
        due = 0.0
        while not self._ended.wait(LOOK_SECONDS):
            if time.monotonic() >= due:
                self.peak_mb = max(self.peak_mb, self.memory_mb())
                due = time.monotonic() + MEMORY_SECONDS
            for process in self._processes():
                with suppress(OSError):
                    fields = (process / "stat").read_text().rpartition(") ")[2].split()
                    self._cpu[int(process.name)] = (int(fields[11]) + int(fields[12])) / CLOCK_TICKS

    def _leave(self) -> None:
        self._ended.set()
        self._watch.join()


def timed(name: str, mails: int, command: list[str], environment: Mapping[str, str]) -> Run:
    process = Process(command, environment)
    seconds, cpu_seconds = process.end(name)
    return Run(name, mails, seconds, cpu_seconds, process.peak_mb)


@dataclass
class Daemon:
    """`inbox-worker run` in a process of its own, started as often as need be, and what it costs.

    `words` are other words than `run`; `within` is what puts the process into a host of its own.
    """

    environment: Mapping[str, str]
    log: Path
    words: Sequence[str] = ("run",)
    within: Sequence[str] = ()
    _process: subprocess.Popen[bytes] | None = None
    _ended_cpu: float = 0.0

    def start(self) -> None:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*self.within, *PYTHON, "-m", "worker", *self.words],
                env=dict(self.environment), cwd=ROOT, stdout=log, stderr=log,
            )  # fmt: skip

    def end(self, number: int = signal.SIGTERM) -> None:
        """Send a signal to the process, if there is one, and wait until it is gone."""
        if self._process is None:
            return
        self.signal(number)
        # Popen would wait without asking what the process cost.
        _, _, usage = os.wait4(self._process.pid, 0)
        self._ended_cpu += usage.ru_utime + usage.ru_stime
        self._process.returncode, self._process = -number, None

    def signal(self, number: int) -> None:
        """Send a signal to the process, which stays."""
        if self._process is not None:
            # Popen would take note of an end by itself, and what the process cost would be lost.
            os.kill(self._process.pid, number)

    def is_alive(self) -> bool:
        return self._process is not None and "State:\tZ" not in self._file("status").read_text()

    def has_failed(self) -> bool:
        """Say whether the process ended, and nobody ended it."""
        return self._process is not None and not self.is_alive()

    def cpu(self) -> float:
        """Return the CPU seconds of all its processes until now."""
        if self._process is None:
            return self._ended_cpu
        fields = self._file("stat").read_text().rpartition(") ")[2].split()
        return self._ended_cpu + (int(fields[11]) + int(fields[12])) / CLOCK_TICKS

    def memory_mb(self) -> float:
        """Return what the process holds in memory (RSS)."""
        lines = self._file("status").read_text().splitlines()
        return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS:")), 0.0)

    def connections(self, port: int) -> int:
        """Return how many connections to a port of this machine the process holds."""
        inodes = set()
        for each in self._file("fd").iterdir():
            with suppress(OSError):
                inodes.add(str(each.readlink()).removeprefix("socket:[").removesuffix("]"))
        found = 0
        for table in ("tcp", "tcp6"):
            for line in self._file(f"net/{table}").read_text().splitlines()[1:]:
                fields = line.split()
                found += fields[9] in inodes and int(fields[2].rpartition(":")[2], 16) == port and fields[3] == OPEN
        return found

    def _file(self, name: str) -> Path:
        if self._process is None:
            raise RuntimeError("the daemon is not running")
        return Path(f"/proc/{self._process.pid}/{name}")


def wait_until(what: str, is_so: Callable[[], bool], daemon: Daemon, seconds: float) -> float:
    """Wait until something is so; return after how many seconds it was."""
    start = time.monotonic()
    while not is_so():
        if not daemon.is_alive():
            raise SystemExit(f"the daemon ended: {daemon.log.read_text()[-2000:]}")
        if time.monotonic() - start > seconds:
            raise SystemExit(f"{what}: not within {seconds:.0f} seconds; {daemon.log.read_text()[-2000:]}")
        time.sleep(0.25)
    return time.monotonic() - start
