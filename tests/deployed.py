"""What is given for deploying, read for the tests about it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import yaml

from console import serve
from console.app import health
from tests.named_tests import ROOT
from worker import queue, schedule
from worker.cli import cli

DEPLOY = ROOT / "docs" / "deploy"
DOCKERFILE = (ROOT / "Dockerfile").read_text()
MANIFESTS = sorted(path for path in (DEPLOY / "kubernetes").glob("*.yaml") if path.name != "kustomization.yaml")
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))


def objects_of(path: Path) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(path.read_text()))


def served_by_console() -> set[str]:
    return {route.path for route in health.routes if hasattr(route, "path")}


def longest_stop(command: str) -> float:
    """How many seconds a daemon may take until it ends by itself."""
    return serve.GRACE_SECONDS if command == "console" else schedule.GRACE_SECONDS + queue.GRACE


def parses(words: list[str]) -> bool:
    """Whether there is such a command, with such options."""
    command = cli.get_command(click.Context(cli), words[0])
    return command is not None and command.make_context(words[0], words[1:]) is not None
