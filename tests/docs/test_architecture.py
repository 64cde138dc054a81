"""The picture of the architecture shows the code as it is."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from docs import architecture, claims


def test_the_picture_is_current() -> None:
    assert architecture.drawn() == architecture.PICTURE.read_text("utf-8"), "run: python -m docs.architecture"


def test_every_file_that_the_tables_of_the_page_name_is_there() -> None:
    named = [path for table in claims.tables(claims.PAGE.read_text("utf-8")) for step in table for path in step.files]
    assert "worker/mailbox.py" in named
    assert [path for path in named if not (claims.CODE / path).exists()] == []


@pytest.mark.parametrize(
    ("told", "otherwise", "complaint"),
    [
        ("`classifier/message.py`", "`classifier/letter.py`", r"names classifier/letter\.py, which is not there"),
        ("| parse | `classifier/message.py`", "| parse | `worker/people/users.py`", "does not reach the step 'parse'"),
    ],
)
def test_a_page_that_tells_what_is_not_so_is_not_drawn(
    told: str, otherwise: str, complaint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = claims.PAGE.read_text("utf-8")
    assert told in page
    (tmp_path / "develop.md").write_text(page.replace(told, otherwise), "utf-8")
    monkeypatch.setattr(claims, "PAGE", tmp_path / "develop.md")
    with pytest.raises(SystemExit, match=complaint):
        architecture.drawn()


def test_an_import_that_is_not_drawn_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claims, "DRAWN", claims.DRAWN - {("console", "worker")})
    with pytest.raises(SystemExit, match=r"otherwise than drawn: \[\('console', 'worker'\)\]"):
        architecture.drawn()


def test_every_room_of_worker_stands_on_the_page_as_it_describes_itself() -> None:
    rooms = sorted(path.parent for path in (claims.CODE / "worker").glob("*/__init__.py"))
    described = {
        room.name: str(ast.get_docstring(ast.parse((room / "__init__.py").read_text("utf-8")))) for room in rooms
    }
    table = re.findall(r"^\| Room of `worker/` .*\n(?:\|.*\n)+", claims.PAGE.read_text("utf-8"), re.MULTILINE)[0]
    told = dict(re.findall(r"^\| `(\w+)/` \| (.+) \|$", table, re.MULTILINE))
    assert told == {name: words[0].lower() + words[1:].rstrip(".") for name, words in described.items()}
