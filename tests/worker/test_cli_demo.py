"""The demo where the console is not installed; where it is, the journey goes through it."""

from __future__ import annotations

import tempfile

import pytest

from models.tables.people import User
from tests.worker.commanding import Commands
from worker.cli import demo


def test_without_the_console_nobody_is_added_and_how_to_get_it_is_said(
    run: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(run.folder))
    monkeypatch.setattr(demo, "find_spec", lambda _: None)
    out = run.done("demo").out
    assert "Pages for people: pip install 'inbox-worker[console]'" in out
    assert "password" not in out
    (file,) = run.folder.glob("inbox-worker-demo-*/demo.sqlite")
    monkeypatch.setattr(run, "url", f"sqlite:///{file}")
    assert run.count(User) == 0
