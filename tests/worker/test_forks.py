"""The process that others are forked from: loaded beside everything else, and left alone by an interrupt."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

CODE = """
import os, signal, sys
from multiprocessing import get_context
from worker.reading.forks import get_ready
signal.signal(signal.SIGINT, lambda *_: None)
get_ready()
print("begun", flush=True)
sys.stdin.read()
process = get_context("forkserver").Process(target=os.getpid)
process.start()
process.join()
sys.exit(process.exitcode)
"""


def test_an_interrupt_while_it_loads_ends_nothing_and_prints_nothing() -> None:
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", CODE],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    ) as started:  # fmt: skip
        assert started.stdout
        assert started.stdout.readline() == "begun\n"
        # As a terminal does it: all processes of the group are told.
        os.killpg(started.pid, signal.SIGINT)
        _, errors = started.communicate("", timeout=60)
    assert (started.returncode, errors) == (0, "")
