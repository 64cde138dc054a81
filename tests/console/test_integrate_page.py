"""The page about the sending side: its lines of Python; what it shows on a command line is run by tests/docs."""

from __future__ import annotations

import re
from email.message import EmailMessage
from pathlib import Path

import pytest

from tests.worker.commanding import Commands
from tests.worker.conftest import run as run  # noqa: PLC0414 - the fixture

PAGE = Path(__file__).parent.parent.parent / "docs" / "integrate.md"
PYTHON = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE)


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
