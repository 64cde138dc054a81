"""The image, run for real: by an ordinary user, on a read-only file system, as the first process, and stalled."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from tests.container.conftest import FIGURES
from tests.container.engine import LOCKED, Podman
from tests.keys import SECRET_KEY
from tests.servers import PASSWORD, PrivateDovecot, PrivatePostgres
from tests.servers.private import free_ports
from tests.small_mails import exchanges

MAILBOX = "mila@outreach.example"
PATIENCE_SECONDS = 60
STOP_SECONDS = 45
"""As long as compose.yaml waits."""


@dataclass
class Box:
    """A running container, on this machine's network."""

    podman: Podman
    name: str
    port: int
    begun: float = field(default_factory=time.monotonic)

    def healthy(self) -> bool:
        """Do what the image tells engines to do."""
        return self.podman("healthcheck", "run", self.name, check=False).returncode == 0

    def number(self, name: str) -> float:
        try:
            lines = httpx.get(f"http://127.0.0.1:{self.port}/metrics").text.splitlines()
        except httpx.TransportError:
            return 0
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name))

    def signal(self, name: str) -> None:
        self.podman("kill", f"--signal={name}", self.name, check=False)

    def runs(self) -> bool:
        return bool(self.podman.inspect(self.name)["State"]["Running"])

    def stop(self) -> tuple[int, float]:
        """Have it end as an engine does; return its exit status, and how long that took."""
        begun = time.monotonic()
        self.podman("stop", f"--time={STOP_SECONDS}", self.name)
        return int(self.podman.inspect(self.name)["State"]["ExitCode"]), time.monotonic() - begun

    def log(self) -> str:
        said = self.podman("logs", self.name)
        return said.stdout + said.stderr


@dataclass
class Host:
    """Starts containers that share a volume and settings."""

    podman: Podman
    image: str
    port: int
    settings: dict[str, str]
    volume: str = field(default_factory=lambda: f"data-{uuid4().hex[:8]}")

    def options(self) -> list[str]:
        passed = [f"--env={name}={value}" for name, value in self.settings.items()]
        return [*LOCKED, "--network=host", f"--volume={self.volume}:/data", *passed]

    def do(self, *words: str, options: Sequence[str] = ()) -> str:
        return self.podman("run", "--rm", *self.options(), *options, self.image, *words).stdout

    @contextmanager
    def running(self, *words: str, options: Sequence[str] = ()) -> Iterator[Box]:
        name = f"box-{uuid4().hex[:8]}"
        box = Box(self.podman, name, self.port)
        self.podman("run", "--detach", f"--name={name}", *self.options(), *options, self.image, *words)
        try:
            yield box
        finally:
            self.podman("rm", "--force", "--time=0", name)


def until(what: str, is_so: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < end, what
        time.sleep(0.1)


@pytest.fixture
def host(podman: Podman, image: str) -> Host:
    """Starts containers that keep everything in a SQLite file in their volume."""
    (port,) = free_ports(1)
    watch = {"INBOX_METRICS_HOST": "127.0.0.1", "INBOX_METRICS_PORT": str(port), "INBOX_STALL_SECONDS": "3"}
    return Host(podman, image, port, {"INBOX_SECRET_KEYS": SECRET_KEY, "INBOX_POLL_SECONDS": "1"} | watch)


@pytest.fixture
def polled(host: Host, dovecot: PrivateDovecot, imap_user: str, tmp_path: Path) -> Host:
    """The same with one mailbox, in which mail lies."""
    (tmp_path / "password").write_text(PASSWORD)
    mails = exchanges(5, datetime.now(UTC).replace(microsecond=0) - timedelta(days=1))
    dovecot.deliver_many(imap_user, [(each.raw, each.arrived_at) for each in mails])
    way = ["--host", "127.0.0.1", "--port", str(dovecot.port), "--security", "plain", "--username", imap_user]
    secret = [f"--volume={tmp_path}/password:/run/secrets/password:ro"]
    host.do("mailboxes", "add", MAILBOX, *way, "--password-file", "/run/secrets/password", options=secret)
    return host


def _python(podman: Podman, image: str, code: str, *options: str) -> str:
    return podman("run", "--rm", *options, "--entrypoint=python", image, "-c", code).stdout.strip()


def test_the_image_runs_as_an_ordinary_user_who_may_write_to_its_data_alone(podman: Podman, image: str) -> None:
    code = """
import os
found = [place for place, folders, _ in os.walk("/") if os.access(place, os.W_OK)
         and not folders.clear() and not place.startswith(("/proc", "/sys", "/dev"))]
print(os.getuid(), os.getgid(), *sorted(found))
"""
    assert _python(podman, image, code, "--network=none") == "10001 10001 /data /run/lock /tmp /var/tmp"
    assert _python(podman, image, code, *LOCKED, "--read-only-tmpfs=false") == "10001 10001 /data /tmp"


def test_every_module_comes_with_its_byte_code_which_nothing_has_to_write_again(podman: Podman, image: str) -> None:
    code = """
from importlib.util import cache_from_source
from pathlib import Path
modules = [path for path in Path("/app/lib").rglob("*.py")]
print(len(modules) > 1000, [str(path) for path in modules if not Path(cache_from_source(path)).exists()])
"""
    assert _python(podman, image, code) == "True []"


def test_the_image_holds_no_pip_and_nothing_that_is_not_the_product(podman: Podman, image: str) -> None:
    code = """
import sys
from importlib.util import find_spec
print([name for name in ("pip", "setuptools", "hatchling", "pytest", "tests", "bench") if find_spec(name)])
"""
    assert _python(podman, image, code, "--entrypoint=/app/bin/python") in {"[]", "['pip', 'setuptools']"}


def test_the_demo_works_where_nothing_can_be_written(podman: Podman, image: str) -> None:
    told = podman("run", "--rm", *LOCKED, "--network=none", image, "demo").stdout
    assert "Unsubscribed" in told
    assert "Do Not Email" in told


def test_a_classifier_is_trained_and_its_report_drawn_without_what_was_left_out(host: Host) -> None:
    host.do("train", "--base", "default", "--out", "/data/own.artifact")
    host.do("evaluate", "/data/own.artifact", "--html", "/data/report.html")


def test_a_daemon_polls_is_seen_when_it_freezes_and_ends_well(polled: Host) -> None:
    with polled.running("run") as box:
        until("the daemon takes in what lies there", lambda: box.number("inbox_worker_messages_total{") >= 5)
        FIGURES.append(f"from the start of a container to its mail written: {time.monotonic() - box.begun:.1f} seconds")
        until("the engine finds it healthy", box.healthy)
        box.signal("STOP")
        until("the engine finds it unhealthy", lambda: not box.healthy())
        box.signal("CONT")
        until("the engine finds it healthy again", box.healthy)
        status, seconds = box.stop()
        FIGURES.append(f"from SIGTERM to the end of a daemon: {seconds:.1f} seconds")
        assert status == 0, box.log()


def test_a_worker_whose_database_goes_away_is_unhealthy_until_it_is_back(host: Host, postgres: PrivatePostgres) -> None:
    host.settings["INBOX_DATABASE_URL"] = postgres.create_database(f"c{uuid4().hex}")
    host.do("migrate")
    try:
        with host.running("worker") as box:
            until("the engine finds it healthy", box.healthy)
            postgres.down()
            until("the engine finds it unhealthy", lambda: not box.healthy())
            postgres.up()
            until("the engine finds it healthy again", box.healthy)
            postgres.down()
            status, seconds = box.stop()
            FIGURES.append(f"from SIGTERM to the end of a worker without its database: {seconds:.1f} seconds")
            assert status == 0, box.log()
    finally:
        postgres.up()


def test_a_console_answers_and_ends_well(host: Host) -> None:
    (port,) = free_ports(1)
    asked = f"from urllib.request import urlopen; urlopen('http://127.0.0.1:{port}/readyz', timeout=5)"
    health = ["--health-cmd", f'["python", "-c", "{asked}"]']
    with host.running("console", "--port", str(port), options=health) as box:
        until("the engine finds it healthy", box.healthy)
        page = httpx.get(f"http://127.0.0.1:{port}/sign-in")
        assert (page.status_code, "password" in page.text) == (200, True)
        assert box.stop()[0] == 0, box.log()


@pytest.mark.parametrize(("words", "statuses"), [(["demo"], {143}), (["run"], {0, 143}), (["console"], {0, 143})])
def test_sigterm_ends_the_first_process_whatever_it_does_just_then(
    host: Host, words: list[str], statuses: set[int]
) -> None:
    with host.running(*words) as box:
        # Said again and again: before Python has begun nobody hears it, which no program can change.
        until("it ends", lambda: box.signal("TERM") or not box.runs())
        assert box.podman.inspect(box.name)["State"]["ExitCode"] in statuses, box.log()


def test_a_console_is_not_taken_for_a_daemon_that_polls(host: Host) -> None:
    with host.running("console", "--port", "0") as box:
        assert not box.healthy(), "no daemon is there to ask"
