"""What went wrong for a reason we know is one line that names the next step; a bug keeps its traceback."""

from __future__ import annotations

import errno
import sys
from io import StringIO

import click
import pytest
from sqlalchemy.exc import OperationalError, ProgrammingError

from models.session import DatabaseUnavailable
from worker import cli
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


@pytest.mark.parametrize(
    ("error", "status", "says"),
    [
        (InputError("no team x"), 1, "inbox-worker: no team x\n"),
        (click.UsageError("no such option: --x"), 2, "Error: no such option: --x\n"),
        (click.Abort(), 1, "stopped\n"),
    ],
)
def test_a_command_that_failed_says_so_and_in_its_status(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: Exception, status: int, says: str
) -> None:
    assert ended(monkeypatch, error) == status
    assert capsys.readouterr().err == says


def test_a_reader_of_our_output_who_goes_is_told_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    err = StringIO()
    monkeypatch.setattr(sys, "stderr", err)
    assert ended(monkeypatch, BrokenPipeError()) == 1
    # Python would complain about the broken pipe as it ends.
    assert err.closed


def test_a_bug_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(KeyError):
        ended(monkeypatch, KeyError("team"))


def ended(monkeypatch: pytest.MonkeyPatch, error: Exception) -> int:
    """Run the command line into an error; return its exit status."""

    def fails(**_: object) -> None:
        raise error

    monkeypatch.setattr(cli, "choose_kernels", lambda _: None)
    monkeypatch.setattr(cli.cli, "main", fails)
    with pytest.raises(SystemExit) as left:
        cli.main()
    assert isinstance(left.value.code, int)
    return left.value.code


def test_a_database_that_fails_without_a_word_is_told_too() -> None:
    assert describe(OperationalError("SELECT 1", {}, Exception(""))) is not None
