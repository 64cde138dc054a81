"""docs/reliability.md answers every complaint, and names a test that shows it."""

from __future__ import annotations

import re

import pytest

from tests.named_tests import NAMED, ROOT, missing

PAGE = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
COMPLAINTS = [line for line in PAGE.splitlines() if re.match(r"\| \d+ \|", line)]
FAULTS = PAGE.partition("\n## Faults\n")[2].partition("\n## ")[0]


def test_every_test_that_the_page_names_is_there() -> None:
    assert missing(PAGE) == []


def test_each_of_the_43_complaints_has_its_row() -> None:
    assert [int(line.split()[1]) for line in COMPLAINTS] == list(range(1, 44))


def test_every_complaint_and_every_fault_names_a_test() -> None:
    faults = [line for line in FAULTS.splitlines() if line.startswith("| ")][1:]
    assert len(faults) > 1
    assert [line for line in (*COMPLAINTS, *faults) if not NAMED.search(line)] == []


@pytest.mark.sources
def test_every_file_that_the_page_names_is_there() -> None:
    named = re.findall(r"`((?:worker|models)/\w+\.py)`", PAGE)
    assert named
    assert [each for each in named if not (ROOT / each).is_file()] == []
