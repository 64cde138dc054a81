"""Commands of a journey run in this process: a start of the program costs more than what most of them do."""

from __future__ import annotations

import logging
import os
import subprocess
from collections.abc import Mapping

from click.testing import CliRunner

from tests.journey.world import World
from worker.cli import cli
from worker.cli.failures import describe


class Here(World):
    """A world whose commands run in this process, for journeys that are not about the process."""

    def run(self, *words: str, check: bool = True, seconds: int = 0) -> subprocess.CompletedProcess[str]:  # noqa: ARG002
        return run_here(self.environment, *words, check=check)


def run_here(environment: Mapping[str, str], *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a command in this process as if it were one of its own."""
    unset = dict.fromkeys(name for name in os.environ if name.startswith("INBOX_"))
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        done = CliRunner().invoke(cli, words, env={**unset, **environment})
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
    known = isinstance(done.exception, Exception) and describe(done.exception)
    assert known or done.exception is None or isinstance(done.exception, SystemExit), repr(done.exception)
    assert not check or done.exit_code == 0, f"{words}: {done.stdout}\n{done.stderr}\n{known}"
    return subprocess.CompletedProcess(words, done.exit_code, done.stdout, f"{done.stderr}{known or ''}")
