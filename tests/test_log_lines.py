"""Every line of the log in the code: a constant key, a sentence over its fields, a row in docs/monitor.md."""

from __future__ import annotations

import ast
import re
import string
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from config.logs import OWN

pytestmark = pytest.mark.sources

ROOT = Path(__file__).parent.parent
FILES = sorted(path for folder in ("config", "models", "worker", "console") for path in (ROOT / folder).rglob("*.py"))
LEVELS = {"debug": "DEBUG", "info": "INFO", "warning": "WARNING", "error": "ERROR", "exception": "ERROR"}
PASSED_ON = {"says", "exc_info"}


@dataclass(frozen=True)
class Line:
    """One call that writes a line; what is no constant in it is None."""

    where: str
    method: str
    key: str | None
    says: str | None
    fields: frozenset[str]

    @property
    def placeholders(self) -> set[str]:
        return {name for _, name, *_ in string.Formatter().parse(self.says or "") if name is not None}

    @property
    def row(self) -> str:
        """What docs/monitor.md says of it."""
        return f"| `{self.key}` | {LEVELS[self.method]} | {re.sub('!r}', '}', self.says or '')} |"


def uses() -> Iterator[tuple[Path, ast.Attribute, ast.Call | None]]:
    """Yield each use of a module's `log`, with the call that it is, if it is one."""
    for path in FILES:
        tree = ast.parse(path.read_text())
        calls = {each.func: each for each in ast.walk(tree) if isinstance(each, ast.Call)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "log":
                yield path, node, calls.get(node)


def constant(node: ast.expr | None) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def read(path: Path, call: ast.Call) -> Line:
    given = {each.arg or "**": each.value for each in call.keywords}
    return Line(
        where=f"{path.relative_to(ROOT)}:{call.lineno}",
        method=call.func.attr if isinstance(call.func, ast.Attribute) else "",
        key=constant(call.args[0]) if len(call.args) == 1 else None,
        says=constant(given.get("says")),
        fields=frozenset(given.keys() - PASSED_ON),
    )


LINES = [read(path, call) for path, _, call in uses() if call]
PAGE = (ROOT / "docs" / "monitor.md").read_text().partition("\n## Log lines\n")[2]
ROWS = re.findall(r"^\| `\w+` \| [A-Z]+ \| .* \|$", PAGE, re.MULTILINE)


def test_lines_are_written_by_calls_at_a_level_that_stands_in_the_code() -> None:
    assert len(LINES) > 50
    assert [f"{path.name}:{use.lineno}" for path, use, call in uses() if call is None or use.attr not in LEVELS] == []


def test_modules_log_with_the_logger_of_the_house() -> None:
    assert [path.name for path in FILES if "getLogger(__name__)" in path.read_text()] == []


def test_every_line_has_a_constant_key_in_snake_case() -> None:
    assert [each for each in LINES if not re.fullmatch(r"[a-z]+(_[a-z]+)*", each.key or "")] == []


def test_a_key_means_one_line() -> None:
    assert [key for key, times in Counter(each.key for each in LINES).items() if times > 1] == []


def test_every_line_says_a_constant_sentence_over_its_fields() -> None:
    assert [each for each in LINES if not each.says or not each.placeholders <= each.fields] == []


def test_a_line_that_only_repeats_an_error_has_fields_that_say_whose_it_is() -> None:
    bare = [each for each in LINES if each.says == "{error}" and each.fields == {"error"}]
    assert [each.key for each in bare] == ["no_folder_for_uploads"]


def test_no_field_is_called_as_a_line_calls_its_own() -> None:
    assert [each for each in LINES if each.fields & {*OWN, "**", "stack_info", "positional_args"}] == []


def test_the_page_has_a_row_for_every_line_and_no_other() -> None:
    wanted = [each.row for each in LINES]
    assert sorted(set(wanted) - set(ROWS)) == [], "add these rows to docs/monitor.md, Log lines"
    assert sorted(set(ROWS) - set(wanted)) == [], "no line of the code is like these rows of docs/monitor.md"
    assert len(ROWS) == len(set(ROWS))
