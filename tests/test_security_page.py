"""docs/security.md promises nothing that no test shows."""

from __future__ import annotations

import re

import pytest

from tests.named_tests import NAMED, ROOT, missing

PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")


def test_every_test_that_the_page_names_is_there() -> None:
    assert NAMED.search(PAGE)
    assert missing(PAGE) == []


def test_a_test_that_is_not_there_is_seen() -> None:
    assert missing("`tests/test_house.py::test_that_nobody_wrote`") == ["tests/test_house.py::test_that_nobody_wrote"]
    assert missing("`tests/test_nowhere.py::test_x`") == ["tests/test_nowhere.py::test_x"]


@pytest.mark.sources
def test_every_file_that_the_page_names_is_there() -> None:
    named = re.findall(r"`((?:worker|classifier|console|models|config)/[\w/]+\.py)`", PAGE)
    assert named
    assert [each for each in named if not (ROOT / each).is_file()] == []
