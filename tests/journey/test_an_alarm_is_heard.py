"""A mailbox that cannot be reached: the daemon opens an alarm, and another system hears of it."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook

from tests.journey.world import NAME, World
from tests.servers import PrivateDovecot, free_ports
from tests.worker.receiver import receiving

pytestmark = pytest.mark.server
PATIENCE = 60


def test_a_mailbox_that_cannot_be_reached_is_heard_of(
    dovecot: PrivateDovecot, imap_user: str, database_url: str, tmp_path: Path
) -> None:
    world = World(dovecot, imap_user, database_url, tmp_path, {"INBOX_POLL_SECONDS": "1"})
    (nobody,) = free_ports(1)
    password = tmp_path / "password"
    password.write_text("sesame")
    with receiving() as receiver:
        world.prepare(
            "mailboxes", "add", NAME, "--host", "127.0.0.1", "--port", str(nobody), "--password-file", str(password)
        )
        secret = world.prepare("webhooks", "add", "pager", receiver.url, "--allow-private").out.strip()
        follower = world.start("events", "tail", "--json", "--follow")
        daemon = world.start("run")
        try:
            deadline = time.monotonic() + PATIENCE
            while not receiver.heard and time.monotonic() < deadline and daemon.poll() is None:
                time.sleep(0.05)
            assert follower.stdout is not None
            followed: dict[str, Any] = json.loads(follower.stdout.readline())
            daemon.send_signal(signal.SIGTERM)
            _, log = daemon.communicate(timeout=PATIENCE)
            assert daemon.returncode == 0, log
        finally:
            for process in (daemon, follower):
                process.kill()
                process.communicate()
    (heard,) = receiver.heard
    told = Webhook(secret).verify(heard.body, dict(heard.headers))
    assert told["type"] == followed["type"] == "alarm.opened"
    assert told["data"] == followed["data"]
    assert (told["data"]["kind"], told["data"]["subject"]) == ("mailbox failing", f"mailbox {NAME}")
    assert "alarm: " not in world.run("doctor", check=False).stdout
    assert "mailbox failing" in world.run("alarms", "list").stdout
