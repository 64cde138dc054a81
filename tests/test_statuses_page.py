"""docs/statuses.md names every cause of every status; what it points to is there and shows that."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from models.events import DneReason, Status
from models.table import CODES, PICTURE, Column
from tests.journey.test_every_status import DNE, NURTURE, STANDING
from worker.cli import cli

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "statuses.md").read_text()


def rows(heading: str) -> list[list[str]]:
    """Return the cells of the table behind a line that begins with `heading`."""
    _, _, behind = PAGE.partition(f"\n{heading}")
    lines = behind.split("\n\n")[1 if heading.startswith("And") else 2].splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


CAUSES = rows("## Every status")
CONTACTS = rows("And the contact:")


def given() -> set[tuple[str, str]]:
    """Return every (status, column) of the table in the code, and what the rules of the fold add to it."""
    header, *lines = (line.split() for line in PICTURE.strip().splitlines())
    by_table = {
        (CODES[cell.partition("/")[0]].value, column)
        for _, *cells in lines
        for column, cell in zip(header, cells, strict=True)
        if cell.partition("/")[0] in CODES
    }
    by_person = {(status.value, Column.MANUAL.value) for status in Status}
    by_fold = {("Active", "joining"), ("Active", "pause ends"), ("Active", "booked")}
    by_rules = {("Engaged", "automation"), ("Not Interested", "automation")}
    return by_table | by_person | by_fold | by_rules


def test_every_cause_of_every_status_stands_in_the_table_and_no_other() -> None:
    assert {(row[0], re.findall(r"`([^`]+)`", row[1])[0]) for row in CAUSES} == given()


def test_every_reason_of_do_not_email_stands_in_the_table() -> None:
    assert all(reason.value in CONTACTS[0][1] for reason in DneReason)
    assert set(DNE.values()) == {reason.value for reason in DneReason} - {"manual"}


@pytest.mark.parametrize("row", CAUSES, ids=lambda row: f"{row[0]}: {row[1]}")
def test_what_shows_a_cause_shows_that_status(row: list[str]) -> None:
    status, shown = row[0], re.findall(r"`([^`]+)`", row[3])
    assert shown
    for name in shown:
        if name in STANDING and f"`{NURTURE}`" not in row[3]:
            assert STANDING[name][0] == status
        elif name not in {*STANDING, NURTURE, "twin"}:
            check_test(name)


@pytest.mark.parametrize("row", CONTACTS, ids=lambda row: row[0])
def test_what_shows_a_contact_status_is_there(row: list[str]) -> None:
    for name in re.findall(r"`([^`]+)`", row[2]):
        if name not in STANDING:
            check_test(name)


def check_test(name: str) -> None:
    path, _, function = name.partition("::")
    assert f"\ndef {function}(" in (ROOT / path).read_text()


@pytest.mark.parametrize("command", sorted({row[-1].strip("`") for row in (*CAUSES, *CONTACTS)}))
def test_every_command_to_try_is_understood(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program, *words = shlex.split(command)
    assert program == "inbox-worker"
    for word in words:
        if word.endswith((".json", ".eml")):
            (tmp_path / word).touch()
    monkeypatch.chdir(tmp_path)
    found: click.Command | None = cli
    while isinstance(found, click.Group):
        found = found.get_command(click.Context(cli), words.pop(0))
    assert found is not None
    # Parses and checks every word, and runs nothing.
    found.make_context(command, words)
