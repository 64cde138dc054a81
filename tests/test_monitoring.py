"""The page about monitoring, the alert rules and the dashboard speak of numbers that are there."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from shutil import copyfile

import pytest

from config.settings import Settings
from models.session import open_engine
from tests.worker.small_world import NOW, furnish
from worker.reading.visit import PollReport
from worker.schedule import Daemon

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "monitor.md").read_text()
RULES = ROOT / "docs" / "deploy" / "prometheus"
DASHBOARD = ROOT / "docs" / "deploy" / "grafana" / "inbox-worker.json"
ASKING = [RULES / "alerts.yml", RULES / "alerts.test.yml", DASHBOARD]
OURS = re.compile(r"\binbox_worker_[a-z_]+\b")


@pytest.fixture(scope="module")
def told(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[set[str]]:
    """The names of all numbers that a daemon tells."""
    path = tmp_path_factory.mktemp("monitoring") / "test.sqlite"
    copyfile(sqlite_template, path)
    engine = open_engine(f"sqlite:///{path}")
    furnish(engine)
    daemon = Daemon(engine, Settings(), lambda *_: PollReport(), lambda: NOW)
    numbers = daemon.shown().answer("/metrics", "")[2].decode()
    daemon.close()
    names = re.findall(r"^# TYPE (inbox_worker_\w+) ", numbers, re.MULTILINE)
    # When a counter was made stands beside it in the text form.
    yield {name for name in names if not name.endswith("_created")}
    engine.dispose()


def _asked(text: str) -> set[str]:
    """The numbers a text asks for; of a histogram it asks for parts."""
    return {re.sub("_(bucket|sum|count)$", "", name) for name in OURS.findall(text)}


def test_every_number_is_on_the_page_and_no_other(told: set[str]) -> None:
    assert told == _asked(PAGE)


@pytest.mark.parametrize(
    "path", [RULES / "alerts.yml", RULES / "alerts.test.yml", DASHBOARD], ids=lambda path: path.name
)
def test_what_is_asked_for_is_told(told: set[str], path: Path) -> None:
    asked = _asked(path.read_text())
    assert len(asked) > 5
    assert asked - told == set()


def test_every_alert_is_on_the_page_and_is_tested() -> None:
    alerts = set(re.findall(r"- alert: (\w+)", (RULES / "alerts.yml").read_text()))
    assert alerts == set(re.findall(r"`(InboxWorker\w+)`", PAGE))
    assert alerts == set(re.findall(r"InboxWorker\w+", (RULES / "alerts.test.yml").read_text()))


@pytest.mark.parametrize(
    "words", ["check config prometheus.yml", "check rules alerts.yml", "test rules alerts.test.yml"]
)
def test_prometheus_takes_the_rules_and_the_alerts_fire_when_they_should(words: str) -> None:
    _promtool(*words.split(), folder=RULES)


def test_prometheus_understands_what_the_dashboard_asks(tmp_path: Path) -> None:
    queries = re.findall(r'"expr": (".*")', DASHBOARD.read_text())
    rules = [f"- record: x\n    expr: {query}" for query in queries]
    text = "groups:\n- name: x\n  rules:\n  " + "\n  ".join(rules)
    (tmp_path / "rules.yml").write_text(text.replace("$__rate_interval", "5m"))
    assert len(queries) > 20
    _promtool("check", "rules", "--lint=none", "rules.yml", folder=tmp_path)


def _promtool(*words: str, folder: Path) -> None:
    unpacked = ROOT / ".venv" / "servers" / "promtool"
    program = shutil.which("promtool") or (str(unpacked) if unpacked.exists() else None)
    assert program, "promtool is missing; run: make servers"
    done = subprocess.run([program, *words], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_dashboard_is_the_one_that_its_program_writes() -> None:
    spec = importlib.util.spec_from_file_location("dashboard", ROOT / "docs" / "dashboard.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert DASHBOARD.read_text() == module.text(), "run: make picture"
