"""What the tests of the commands ask for."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.keys import SECRET_KEY
from tests.worker.commanding import Commands


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Commands]:
    """The command line over an empty database, with no setting of this machine in its way."""
    for name in [name for name in os.environ if name.startswith("INBOX_")]:
        monkeypatch.delenv(name)
    commands = Commands(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("INBOX_DATABASE_URL", commands.url)
    monkeypatch.setenv("INBOX_SECRET_KEYS", SECRET_KEY)
    monkeypatch.setenv("LOGNAME", "petra")
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield commands
    root.handlers[:] = handlers
    root.setLevel(level)
