"""The systemd units are understood, as locked in as they say, and leave the product what it needs."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from config.settings import Settings
from tests.deployed import DEPLOY, UNITS, longest_stop, parses
from tests.locked_in import settings_of
from tests.named_tests import ROOT

EXPOSURE = 1.2
"""As systemd-analyze counts it, from 0 (locked in) to 10."""


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """The units with a program that is there: systemd-analyze looks whether it is."""
    for unit in UNITS:
        program = Path(sys.executable).with_name("inbox-worker")
        (tmp_path / unit.name).write_text(re.sub(r"ExecStart=\S+", f"ExecStart={program}", unit.read_text()))
    return tmp_path


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_systemd_understands_every_line_of_a_unit(unit: Path, here: Path) -> None:
    said = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", here / unit.name], capture_output=True, text=True, check=False
    )
    assert (said.returncode, said.stderr) == (0, "")


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit_is_as_locked_in_as_it_says(unit: Path) -> None:
    said = subprocess.run(
        ["systemd-analyze", "security", "--offline=yes", "--no-pager", unit],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    (exposure,) = re.findall(r"exposure level for \S+: ([\d.]+)", said.stdout)
    assert float(exposure) <= EXPOSURE, said.stdout


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit_starts_a_daemon_again_always_and_gives_it_time_to_end(unit: Path) -> None:
    settings = settings_of(unit)
    ((program, *words),) = [line.split() for line in settings["ExecStart"]]
    assert program.endswith("/bin/inbox-worker")
    assert parses(words)
    assert settings["Restart"] == ["always"]
    assert int(settings["TimeoutStopSec"][0]) > longest_stop(words[0])


def test_the_settings_of_the_units_are_valid() -> None:
    values = tomllib.loads((DEPLOY / "systemd" / "inbox-worker.toml").read_text())
    assert Settings(**values).metrics_port


def test_the_main_job_is_done_with_the_system_calls_that_a_unit_leaves() -> None:
    unit = DEPLOY / "systemd" / "inbox-worker.service"
    done = subprocess.run(
        [sys.executable, "-m", "tests.locked_in", unit, sys.executable, "-m", "worker", "demo"],
        capture_output=True, text=True, check=False, cwd=ROOT,
    )  # fmt: skip
    assert (done.returncode, "Unsubscribed" in done.stdout) == (0, True), done.stderr


def test_a_unit_leaves_no_memory_that_is_written_and_then_run() -> None:
    unit = DEPLOY / "systemd" / "inbox-worker.service"
    code = "import mmap; mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)"
    done = subprocess.run(
        [sys.executable, "-m", "tests.locked_in", unit, sys.executable, "-c", code],
        capture_output=True, text=True, check=False, cwd=ROOT,
    )  # fmt: skip
    assert "PermissionError" in done.stderr
