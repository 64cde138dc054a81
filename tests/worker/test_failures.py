"""What went wrong for a reason we know is one line that names the next step; a bug keeps its traceback."""

from __future__ import annotations

import errno

import pytest
from sqlalchemy.exc import OperationalError, ProgrammingError

from models.session import DatabaseUnavailable
from worker.cli.failures import describe
from worker.errors import InputError


@pytest.mark.parametrize("error", [InputError("no team x"), DatabaseUnavailable("no team x")])
def test_what_we_foresaw_speaks_for_itself(error: Exception) -> None:
    assert describe(error) == "no team x"


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (OperationalError("SELECT 1", {}, Exception("no such table: team")), "run: inbox-worker migrate"),
        (ProgrammingError("SELECT 1", {}, Exception('relation "team" does not exist\nLINE 1')), "inbox-worker migrate"),
        (OperationalError("INSERT", {}, Exception("database or disk is full")), "make room and run it again"),
        (OperationalError("INSERT", {}, Exception("could not extend file: No space left")), "nothing is lost"),
        (OperationalError("SELECT 1", {}, Exception("disk I/O error\nmore")), "disk I/O error; see INBOX_DATABASE_URL"),
        (FileNotFoundError(errno.ENOENT, "No such file or directory", "sends.csv"), "directory (sends.csv)"),
        (OSError("the network is down"), "the network is down"),
    ],
)
def test_a_failure_around_us_names_the_next_step(error: Exception, says: str) -> None:
    line = describe(error)
    assert line is not None
    assert says in line
    assert "\n" not in line


def test_a_bug_is_described_by_nobody() -> None:
    assert describe(KeyError("team")) is None
