"""A daemon that polls no more says so to whoever watches over it, and when it polls again."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.faulty_proxy import Faults, FaultyProxy
from tests.journey.world import NAME, World
from tests.servers import PASSWORD, PrivateDovecot
from tests.servers.private import free_ports

pytestmark = pytest.mark.server

PATIENCE_SECONDS = 60


@dataclass
class Watched:
    world: World
    proxy: FaultyProxy
    url: str

    def healthy(self) -> bool:
        try:
            return httpx.get(f"{self.url}/healthz").status_code == 200
        except httpx.ConnectError:
            return False

    def polls(self) -> float:
        page = httpx.get(f"{self.url}/metrics").text
        lines = [line for line in page.splitlines() if line.startswith('inbox_worker_polls_total{result="well"}')]
        return float(lines[0].rpartition(" ")[2]) if lines else 0

    def healthcheck(self) -> tuple[int, str]:
        done = subprocess.run(
            [sys.executable, "-m", "worker", "healthcheck"],
            env=self.world.environment, cwd=self.world.folder, capture_output=True, text=True, check=False,
        )  # fmt: skip
        return done.returncode, done.stdout + done.stderr


@pytest.fixture
def watched(dovecot: PrivateDovecot, imap_user: str, tmp_path: Path) -> Iterator[Watched]:
    (port,) = free_ports(1)
    extra = {
        "INBOX_METRICS_PORT": str(port),
        "INBOX_POLL_SECONDS": "1",
        "INBOX_STALL_SECONDS": "2",
        # Longer than this journey: only the watch tells that nothing is heard.
        "INBOX_IMAP_TIMEOUT": "600",
    }
    world = World(dovecot, imap_user, f"sqlite:///{tmp_path}/a.sqlite", tmp_path, extra)
    (tmp_path / "password").write_text(PASSWORD)
    with FaultyProxy(dovecot.port) as proxy:
        way = ["--host", "127.0.0.1", "--port", str(proxy.port), "--security", "plain"]
        who = ["--username", imap_user, "--password-file", str(tmp_path / "password")]
        world.prepare("mailboxes", "add", NAME, *way, *who)
        daemon = world.start("run")
        try:
            yield Watched(world, proxy, f"http://127.0.0.1:{port}")
            proxy.faults = Faults()
            daemon.send_signal(signal.SIGTERM)
            _, log = daemon.communicate(timeout=PATIENCE_SECONDS)
            assert (daemon.returncode, f"127.0.0.1:{port}/metrics" in log) == (0, True), log
        finally:
            if daemon.poll() is None:
                daemon.kill()
                daemon.communicate()


def _until(what: str, is_so: Callable[[], object]) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < until, what
        time.sleep(0.05)


def test_a_server_that_is_heard_no_more_turns_the_daemon_unhealthy_until_it_is_heard_again(watched: Watched) -> None:
    _until("the daemon polls", lambda: watched.healthy() and watched.polls() >= 2)
    assert watched.healthcheck() == (0, "polling goes on\n")
    watched.proxy.faults = Faults(stall_after=0)
    _until("it says that polling stalls", lambda: not watched.healthy())
    code, says = watched.healthcheck()
    assert (code, "no poll ended" in says, "mailboxes check" in says) == (1, True, True)
    before = watched.polls()
    watched.proxy.faults = Faults()
    _until("it polls again", lambda: watched.healthy() and watched.polls() > before)
