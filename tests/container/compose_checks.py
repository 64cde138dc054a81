"""compose.yaml, run for real: PostgreSQL, the migration, two workers, the console, in their networks and locked in."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from shutil import copyfile

import httpx
import pytest

from tests.container.conftest import FIGURES
from tests.container.engine import ROOT, Podman
from tests.container.image_checks import until
from tests.keys import SECRET_KEY
from tests.servers.private import free_ports

PASSWORD = "swordfish"
SERVICES = ("db_1", "worker_1", "worker_2", "console_1")
STATUS = ("CapEff:\t0000000000000000", "CapBnd:\t0000000000000000", "NoNewPrivs:\t1", "Seccomp:\t2", "Uid:\t10001")


@dataclass
class Project:
    """compose.yaml in a folder of its own, with secrets."""

    podman: Podman
    folder: Path
    port: int

    def compose(self, *words: str) -> str:
        ports = {"CONSOLE_PORT": str(self.port)}
        done = subprocess.run(
            [Path(sys.executable).with_name("podman-compose"), "--in-pod=false", *words],
            cwd=self.folder, env=self.podman.environment | ports, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def healthy(self, service: str) -> bool:
        return self.podman("healthcheck", "run", f"inbox-worker_{service}", check=False).returncode == 0


@pytest.fixture(scope="module")
def project(podman: Podman, image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    assert image
    folder = tmp_path_factory.mktemp("compose")
    copyfile(ROOT / "compose.yaml", folder / "compose.yaml")
    (folder / "secrets").mkdir(mode=0o700)
    url = f"postgresql://inbox_worker:{PASSWORD}@db/inbox_worker"
    for name, secret in {"postgres-password": PASSWORD, "database-url": url, "secret-keys": SECRET_KEY}.items():
        (folder / "secrets" / name).write_text(secret)
        (folder / "secrets" / name).chmod(0o444)
    (port,) = free_ports(1)
    yield Project(podman, folder, port)
    podman.clear()


@pytest.fixture(scope="module")
def up(project: Project) -> Project:
    """Everything started in the order that compose.yaml asks for, which this engine is too old to keep by itself."""
    begun = time.monotonic()
    project.compose("up", "--detach", "--no-build", "--no-deps", "db")
    until("the database is healthy", lambda: project.healthy("db_1"))
    assert "schema: empty -> " in project.compose("run", "--rm", "--no-deps", "migrate")
    project.compose("up", "--detach", "--no-build", "--no-deps", "--scale", "worker=2", "worker", "console")
    for service in SERVICES:
        until(f"{service} is healthy", lambda service=service: project.healthy(service))
    FIGURES.append(f"from nothing to all of compose.yaml healthy: {time.monotonic() - begun:.0f} seconds")
    return project


def test_everything_of_compose_gets_healthy_and_the_console_answers_this_machine(up: Project) -> None:
    assert httpx.get(f"http://127.0.0.1:{up.port}/readyz").status_code == 200
    assert httpx.get(f"http://127.0.0.1:{up.port}/sign-in").status_code == 200


def test_workers_share_the_work_through_the_database(up: Project) -> None:
    query = (
        "SELECT count(DISTINCT queue_name) FROM procrastinate_jobs WHERE task_name = 'presence' AND status = 'doing'"
    )
    told = ["psql", "--username=inbox_worker", "--tuples-only", "--no-align", "--command", query]
    until(
        "both workers are there",
        lambda: up.podman("exec", "--user=postgres", "inbox-worker_db_1", *told).stdout.strip() == "2",
    )


@pytest.mark.parametrize("service", ["worker_1", "console_1"])
def test_what_runs_has_no_rights_and_no_place_to_write(up: Project, service: str) -> None:
    status = up.podman("exec", f"inbox-worker_{service}", "cat", "/proc/1/status").stdout
    assert [each for each in STATUS if each not in status] == []
    assert up.podman("exec", f"inbox-worker_{service}", "touch", "/app/x", check=False).returncode != 0


def test_the_database_is_reached_by_ours_alone_and_reaches_nobody(up: Project) -> None:
    routes = up.podman("exec", "inbox-worker_db_1", "cat", "/proc/net/route").stdout.splitlines()[1:]
    assert routes
    assert [line for line in routes if line.split()[1] == "00000000"] == [], "it has a way out"
    assert up.podman.inspect("inbox-worker_db_1")["HostConfig"]["PortBindings"] == {}


def test_everything_ends_well_when_it_is_told_to(up: Project) -> None:
    for service in ("worker_1", "worker_2", "console_1"):
        up.podman("stop", "--time=45", f"inbox-worker_{service}")
        assert up.podman.inspect(f"inbox-worker_{service}")["State"]["ExitCode"] == 0, service
