"""The page about the sending side: its examples are run, in order, against the real command."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from email.message import EmailMessage
from pathlib import Path

import pytest

from tests.console.test_console_process import Machine
from tests.worker.commanding import Commands
from tests.worker.conftest import run as run  # noqa: PLC0414 - the fixture

PAGE = Path(__file__).parent.parent.parent / "docs" / "integrate.md"
PYTHON = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE)
EXAMPLES = re.findall(r"^```sh\n(.*?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE)


@pytest.mark.skipif(shutil.which("curl") is None, reason="the examples are written with curl")
def test_every_example_does_what_the_page_says(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    (tmp_path / "inbox-worker").write_text(f'#!/bin/sh\nexec {sys.executable} -m worker "$@"\n')
    (tmp_path / "inbox-worker").chmod(0o755)
    environment = machine.environment | {"PATH": f"{tmp_path}:{machine.environment['PATH']}"}
    answers = []
    with machine.console():
        for example in EXAMPLES:
            done = subprocess.run(
                ["sh", "-ec", example.replace("127.0.0.1:8025", f"127.0.0.1:{machine.port}")],
                env=environment, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60,
            )  # fmt: skip
            assert done.returncode == 0, f"{example}\n{done.stdout}{done.stderr}"
            answers.append(done.stdout)
    _, campaign, recipients, check, events, links, booking = answers
    assert json.loads(campaign)["auto_response"] == "pause"
    assert [row["state"] for row in json.loads(recipients)["recipients"]] == ["joined", "joined"]
    assert json.loads(check) == {"suppressed": []}
    assert json.loads(events) == {"new": 5, "known": 0, "unknown": 0, "unknown_rows": []}
    assert "List-Unsubscribe-Post: List-Unsubscribe=One-Click" in links
    assert (tmp_path / "links.csv").read_text().count("\n") == 3
    assert "booking: https://calendly.com/mila/30min?utm_content=" in booking
    (story,) = machine.run("recipients", "list", "--status", "Bounced")
    assert story["address"] == "boris@shop.example"


def test_the_lines_of_python_give_the_same_link_as_the_command(run: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    key, message = "k" * 40, EmailMessage()
    monkeypatch.setenv("INBOX_LINK_KEYS", key)
    monkeypatch.setenv("INBOX_PUBLIC_URL", "https://go.outreach.example")
    run.send("anna@client.example")
    (lines,) = PYTHON
    exec(lines, {"key": key, "database_url": run.url, "team_id": 1, "message": message})  # noqa: S102 - our own page
    (made,) = run.done("links", "make", "anna@client.example", "--json").rows
    assert message["List-Unsubscribe-Post"] == made["list_unsubscribe_post"] == "List-Unsubscribe=One-Click"
    link, mail = message["List-Unsubscribe"].split(", ")
    assert link == f"<{made['unsubscribe']}>"
    assert mail.startswith("<mailto:out@outreach.example?subject=unsubscribe%20")
