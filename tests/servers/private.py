"""A server process with a folder of its own: started, waited for, stopped, and nothing of it left."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from random import SystemRandom
from typing import Any, Self

_PORTS = tuple(range(start, start + 4_000) for start in range(12_000, 32_000, 4_000))
_CHANCE = SystemRandom()
HOST = "127.0.0.1"
START_SECONDS = 20.0


class ServerMissingError(Exception):
    """A server is not installed; the message says how to install it."""


class PrivateServer:
    """A server process with a folder of its own, both gone at the end."""

    def __init__(self) -> None:
        # Short, for a unix socket's path may have 107 characters only.
        self.folder = Path(tempfile.mkdtemp(prefix="iw", dir="/tmp"))
        self.log = self.folder / "server.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._launched: tuple[list[str], int, str | None] | None = None

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        self.down()
        shutil.rmtree(self.folder, ignore_errors=True)

    def down(self) -> None:
        """End the process, whoever is connected; what it holds on disk stays for `up`."""
        if self._process:
            self._process.send_signal(self._stop_signal())
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    def up(self) -> None:
        """Start again after `down`, on the same ports with the same data."""
        if self._launched is None:
            raise RuntimeError("a server must have run before it can run again")
        self._launch(*self._launched)

    def _start(self) -> None:
        raise NotImplementedError

    def _stop_signal(self) -> int:
        return signal.SIGTERM

    def _run(self, command: list[str], port: int, user: str | None = None) -> None:
        """Start the server process and wait until it listens."""
        self._launched = command, port, user
        self._launch(command, port, user)

    def _environment(self) -> dict[str, str]:
        return dict(os.environ)

    def _launch(self, command: list[str], port: int, user: str | None) -> None:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder, env=self._environment(),
                # Cyrus ends every process of its group when it stops, those of another test process among them.
                start_new_session=True, **identity(user),
            )  # fmt: skip
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            with suppress(OSError), socket.create_connection((HOST, port), timeout=1):
                return
            time.sleep(0.02)
        raise RuntimeError(f"{command[0]} does not start: {self.log.read_text(errors='replace')[-2000:]}")


def free_ports(count: int) -> list[int]:
    """Return ports nobody listens on, all different.

    They lie below those that the system gives to outgoing connections, one of which could take a server's port while it
    is down; and each process of a test run has its own.
    """
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % len(_PORTS)
    found: list[int] = []
    while len(found) < count:
        port = _CHANCE.choice(_PORTS[number])
        with suppress(OSError), socket.create_server((HOST, port)):
            found.append(port)
    return found


def identity(user: str | None) -> dict[str, Any]:
    """Return the arguments that make a child process run as another user, with none of root's groups."""
    return {"user": user, "group": user, "extra_groups": []} if user else {}


def program(name: str) -> str:
    """Return the path of a program.

    Raises:
        ServerMissingError: it is not installed.
    """
    path = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin:/usr/bin")
    if path is None:
        raise ServerMissingError(f"{name} is not installed; run: make servers")
    return path


def make_certificate(folder: Path) -> None:
    """Write tls.key and tls.crt for localhost, and for the host that the pages name."""
    names = "subjectAltName=DNS:localhost,DNS:imap.outreach.example,IP:127.0.0.1"
    command = f"req -x509 -newkey rsa:2048 -nodes -days 3650 -subj /CN=localhost -addext {names}".split()
    subprocess.run(
        [program("openssl"), *command, "-keyout", str(folder / "tls.key"), "-out", str(folder / "tls.crt")],
        check=True,
        capture_output=True,
    )
