"""Training as a job of the fleet: in a process of its own, whose memory goes with it."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from typing import IO, Final

from config import logs

log = logs.logger(__name__)

COMMAND: Final = (sys.executable, "-m", "worker", "train", "--tied")
STEP: Final = 0.2
"""Seconds between two looks whether to stop."""
PATIENCE: Final = 5.0
"""Seconds for which the process may end by itself once it is told to."""
LAST: Final = 20
"""Lines of its output that are told again where it fails."""


def train(words: Sequence[str], stopping: Callable[[], bool]) -> bool:
    """Train with these options of `inbox-worker train`; return False where it was stopped before its end.

    What it says is logged line by line. It ends with this process, however that ends, since its input does.
    """
    log.info("training_begins", says="training begins: {command}", command=" ".join(["train", *words]))
    process = subprocess.Popen(  # noqa: S603 - our own command
        [*COMMAND, *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    with process:
        lines: list[str] = []
        telling = threading.Thread(target=_tell, args=[process.stdout, lines], daemon=True)
        telling.start()
        code = _waited(process, stopping)
        # Its output is closed behind it, and nobody may read it then.
        telling.join(PATIENCE)
    if code is None:
        log.info("training_stopped", says="training was stopped; another worker begins it again")
        return False
    if code:
        log.error(
            "training_failed",
            says="training failed (it ended with {code}): {words}",
            code=code,
            words=" | ".join(lines[-LAST:]) or "it said nothing",
        )
    else:
        log.info("training_ended", says="training has ended")
    return True


def _waited(process: subprocess.Popen[str], stopping: Callable[[], bool]) -> int | None:
    """Wait until it ends and return its code; None where it was ended before."""
    while True:
        try:
            return process.wait(STEP)
        except subprocess.TimeoutExpired:
            if stopping():
                _end(process)
                return None


def _tell(output: IO[str] | None, lines: list[str]) -> None:
    for line in output or ():
        said = line.strip()
        if said:
            lines.append(said)
            log.info("training_says", says="training: {words}", words=said)


def _end(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
