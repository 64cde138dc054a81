"""A journey: the real command in a process of its own, one click over HTTP, and what the command line shows then."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.keys import SECRET_KEY

KEY = "a-key-of-thirty-two-characters-or-more"
ANNA = "anna@client.example"


class Machine:
    """A folder with a database, and the settings of one installation."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        ours = {name: value for name, value in os.environ.items() if not name.startswith("INBOX_")}
        self.environment = ours | {
            "INBOX_DATABASE_URL": f"sqlite:///{folder}/inbox.sqlite",
            "INBOX_PUBLIC_URL": self.url,
            "INBOX_LINK_KEYS": KEY,
            "INBOX_SECRET_KEYS": SECRET_KEY,
        }

    def run(self, *words: str) -> list[dict[str, Any]]:
        done = subprocess.run(
            [sys.executable, "-m", "worker", *words, "--json"],
            env=self.environment, cwd=self.folder, capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    def start(self, port: int) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "worker", "console", "--port", str(port)],
            env=self.environment, cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    @contextmanager
    def console(self) -> Iterator[subprocess.Popen[str]]:
        process = self.start(self.port)
        try:
            self.wait(process)
            yield process
        finally:
            process.kill()
            process.communicate()

    def wait(self, process: subprocess.Popen[str]) -> None:
        for _ in range(300):
            assert process.poll() is None, process.communicate()
            try:
                if httpx.get(f"{self.url}/healthz").status_code == 200:
                    return
            except httpx.TransportError:
                time.sleep(0.1)
        raise AssertionError("the console does not answer")


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_one_click_over_http_ends_the_mail(machine: Machine) -> None:
    (token,) = machine.run("tokens", "add", "sender")
    headers = {"Authorization": f"Bearer {token['token']}"}
    with machine.console() as process:
        httpx.post(f"{machine.url}/v1/campaigns", json={"key": "spring"}, headers=headers).raise_for_status()
        asked = {"campaign": "spring", "addresses": [ANNA]}
        joined = httpx.post(f"{machine.url}/v1/recipients", json=asked, headers=headers).json()
        link = joined["recipients"][0]["unsubscribe"]
        assert httpx.get(link).status_code == 200
        assert machine.run("recipients", "list")[0]["status"] == "Active"
        assert httpx.post(link, content="List-Unsubscribe=One-Click").status_code == 200
        (story,) = machine.run("recipients", "show", ANNA)
        assert "Unsubscribe link" in json.dumps(story)
        assert httpx.post(f"{machine.url}/v1/recipients", json=asked, headers=headers).json()["refused"] == 1
        large = httpx.post(f"{machine.url}/v1/campaigns", content=b" " * (17 * 1024 * 1024), headers=headers)
        assert large.status_code == 413
        process.send_signal(signal.SIGTERM)
        _, log = process.communicate(timeout=30)
    assert process.returncode == 0, log
    assert link.rpartition("/")[2] not in log
    assert "Traceback" not in log


def test_a_port_in_use_is_told_and_ends_the_command(machine: Machine) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        process = machine.start(taken.getsockname()[1])
        _, said = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "Address already in use" in said
    assert "Traceback" not in said
