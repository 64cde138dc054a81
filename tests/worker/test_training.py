"""Training as a job of the fleet: what it says is logged, and it ends with whoever began it."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Callable

import pytest

from worker.fleet import training
from worker.fleet.training import train

SECONDS = 60
GOES_ON = "print('begun', flush=True); import time; time.sleep(600)"


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Callable[[str], None]:
    """Let a piece of Python take the place of the training."""
    caplog.set_level(logging.INFO)
    return lambda code: monkeypatch.setattr(training, "COMMAND", (sys.executable, "-c", code))


def never() -> bool:
    return False


def test_what_it_says_is_logged_line_by_line(runs: Callable[[str], None], caplog: pytest.LogCaptureFixture) -> None:
    runs("import sys; print('learnt'); print(); print(*sys.argv[1:], file=sys.stderr)")
    assert train(["--base", "none"], never)
    assert {"training: learnt", "training: --base none", "training has ended"} <= set(caplog.messages)


def test_it_is_waited_for_as_long_as_it_takes(
    runs: Callable[[str], None], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "STEP", 0.01)
    runs("import time; time.sleep(0.5); print('learnt')")
    looks = []
    assert train([], lambda: bool(looks.append(1)))  # type: ignore[func-returns-value]
    assert len(looks) > 1
    assert "training: learnt" in caplog.messages


def test_a_failure_is_told_with_what_it_said_last(
    runs: Callable[[str], None], caplog: pytest.LogCaptureFixture
) -> None:
    runs("import sys; print('nothing to train on'); sys.exit(3)")
    assert train([], never)
    [error] = [each for each in caplog.records if each.levelno == logging.ERROR]
    assert error.getMessage() == "training failed (it ended with 3): nothing to train on"


@pytest.mark.parametrize("code", [GOES_ON, f"import signal; signal.signal(15, signal.SIG_IGN); {GOES_ON}"])
def test_it_is_ended_with_its_worker(
    runs: Callable[[str], None], caplog: pytest.LogCaptureFixture, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "PATIENCE", 0.2)
    runs(code)
    assert not train([], lambda: "training: begun" in caplog.messages)
    assert not [each for each in caplog.records if each.levelno == logging.ERROR]


def test_the_command_ends_when_its_input_does() -> None:
    code = (
        "import worker.cli.train as t, threading, time; threading.Thread(target=t._end_with_input, daemon=True).start()"
    )
    process = subprocess.Popen([sys.executable, "-c", f"{code}; time.sleep(600)"], stdin=subprocess.PIPE)
    process.communicate(timeout=SECONDS)
    assert process.returncode == 1
