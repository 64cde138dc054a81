"""The demo ends where its own story says, polled for real, with nothing outside Python."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import Engine

from models.session import open_engine, reading
from models.tables.figures import Counted
from tests.journey.world import EndState, end_state
from worker.demo.sample import expected_statuses
from worker.queries.figures import figures


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("demo")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("INBOX_")}
    done = subprocess.run(
        [sys.executable, "-m", "worker", "demo"],
        env=environment | {"TMPDIR": str(folder), "PYTHONPATH": str(Path(__file__).parents[2])},
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def database(shown: str) -> Engine:
    found = re.search(r"sqlite:///(\S+demo\.sqlite)", shown)
    assert found
    return open_engine(f"sqlite:///{found[1]}")


@pytest.fixture(scope="module")
def state(shown: str) -> EndState:
    engine = database(shown)
    try:
        return end_state(engine)
    finally:
        engine.dispose()


def test_every_recipient_ends_where_the_story_says(state: EndState) -> None:
    told = {key: status.value for key, status in expected_statuses().items()}
    got = {key: status for key, (status, *_) in state.recipients.items() if not key[0].startswith("learnt:")}
    assert got == told


def test_the_sent_folder_adds_nobody_who_is_known(state: EndState) -> None:
    assert not [key for key in state.recipients if key[0].startswith("learnt:")]


def test_statuses_have_a_past(shown: str) -> None:
    engine = database(shown)
    try:
        with reading(engine) as session:
            found = figures(session, 1, Counted.STATUS, date.min)
    finally:
        engine.dispose()
    days = sorted(found)
    assert (days[-1] - days[0]).days + 1 == len(days) > 10
    active = [found[day]["Active"] for day in days]
    assert active[-1] < max(active)


def test_what_was_found_and_why_is_shown(shown: str) -> None:
    for words in ("What came back", "Recipients", "Do Not Email", "For a person to look at", "matched by", "judged"):
        assert words in shown
