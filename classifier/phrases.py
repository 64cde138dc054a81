"""Many patterns over one text in one pass.

RE2 runs all patterns at once, in time that grows with the text alone, and says which of them may match; only those
are then searched with Python's `re`. The patterns given to RE2 are loosened forms, derived from the pattern itself:
what RE2 has not (look-arounds), or takes for ASCII only (word characters, blanks), is left out or widened, so that it
never rules out what `re` would find.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from re import _constants as ops  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

import re2

_MEMORY = 64 * 1024 * 1024
"""Bytes RE2 may use for one set; it uses a fraction of them."""
_MOST_COPIES = 3
"""A counted repetition is copied so often in the loosened form; beyond that it counts as endless."""
_ANY = r"(?s:.)"
_HALVES = re.compile("[\ud800-\udfff]")
_NOT_ASCII = r"\x{80}-\x{10ffff}"
_CATEGORIES = {
    ops.CATEGORY_DIGIT: rf"\d{_NOT_ASCII}",
    ops.CATEGORY_SPACE: rf"\s\x0b\x1c-\x1f{_NOT_ASCII}",
    ops.CATEGORY_WORD: rf"\w{_NOT_ASCII}",
    ops.CATEGORY_NOT_DIGIT: rf"\D{_NOT_ASCII}",
    ops.CATEGORY_NOT_SPACE: rf"\S{_NOT_ASCII}",
    ops.CATEGORY_NOT_WORD: rf"\W{_NOT_ASCII}",
}


Rows = dict[str, tuple[str, ...]]
"""Patterns language by language."""


class Phrases:
    """Patterns in order; texts are given as the patterns expect them, usually in lower case."""

    def __init__(self, *patterns: str) -> None:
        self.patterns = patterns
        self._compiled: dict[int, re.Pattern[str]] = {}

    def search(self, text: str) -> re.Match[str] | None:
        """Return the first match of the first pattern that matches."""
        return next((found for _, found in self.finditer(text)), None)

    def finditer(self, text: str) -> Iterator[tuple[int, re.Match[str]]]:
        """Yield every match of every pattern with the pattern's place, pattern by pattern."""
        for place in self.may_match(text):
            pattern = self._compiled.get(place)
            if pattern is None:
                pattern = self._compiled[place] = re.compile(self.patterns[place])
            for found in pattern.finditer(text):
                yield place, found

    def may_match(self, text: str) -> list[int]:
        """Return the places of the patterns that RE2 does not rule out, in order."""
        try:
            found = self._set.Match(text)
        except UnicodeEncodeError:
            # Half a character, as JSON may hold one, is none that RE2 can be given.
            found = self._set.Match(_HALVES.sub("\ufffd", text))
        return sorted(found or ())

    @cached_property
    def _set(self) -> Any:
        options = re2.Options()
        options.max_mem = _MEMORY
        together = re2.Set.SearchSet(options)
        for pattern in self.patterns:
            together.Add(loosened(pattern))
        together.Compile()
        return together


def loosened(pattern: str) -> str:
    """Return a pattern for RE2 that matches wherever the given one does, and perhaps elsewhere.

    Of what stands around a wide gap the more telling part is enough: what may follow anywhere later would keep the
    automaton in a state of its own for each combination, by the thousand.
    """
    parsed = parser.parse(pattern)
    try:
        _refuse(parsed.state.flags & ~re.UNICODE)
        return _telling_part(parsed)
    except _UnsupportedError as error:
        raise ValueError(f"phrases take no {error}: {pattern!r}") from None


class _UnsupportedError(Exception):
    """Names what a pattern holds that RE2 would have to guess."""


def _refuse(flags: int) -> None:
    if flags:
        raise _UnsupportedError(str(re.RegexFlag(flags)))


def _telling_part(sequence: Any) -> str:
    if len(sequence) == 1:
        op, argument = sequence[0]
        if op is ops.SUBPATTERN and not (argument[1] or argument[2]):
            return _telling_part(argument[-1])
        if op is ops.BRANCH:
            return f"(?:{'|'.join(_telling_part(each) for each in argument[1])})"
    gaps = [at for at, item in enumerate(sequence) if _is_gap(*item)]
    starts, ends = [0, *(at + 1 for at in gaps)], [*gaps, len(sequence)]
    parts: list[Any] = [sequence[start:end] for start, end in zip(starts, ends, strict=True)]
    return _sequence(max(parts, key=_least_width))


def _least_width(part: Any) -> int:
    least: int = part.getwidth()[0]
    return least


def _is_gap(op: Any, argument: Any) -> bool:
    if op not in {ops.MAX_REPEAT, ops.MIN_REPEAT} or argument[1] <= _MOST_COPIES or len(argument[2]) != 1:
        return False
    inner, members = argument[2][0]
    return inner in {ops.ANY, ops.NOT_LITERAL} or (inner is ops.IN and members[0][0] is ops.NEGATE)


def _sequence(items: Iterable[tuple[Any, Any]]) -> str:
    return "".join(_item(op, argument) for op, argument in items)


def _item(op: Any, argument: Any) -> str:
    if op not in _LOOSENED:
        raise _UnsupportedError(str(op).lower().replace("_", " "))
    return _LOOSENED[op](argument)


def _branch(argument: Any) -> str:
    return f"(?:{'|'.join(_sequence(each) for each in argument[1])})"


def _group(argument: Any) -> str:
    _refuse(argument[1] | argument[2])
    return f"(?:{_sequence(argument[-1])})"


def _nothing(_: Any) -> str:
    return ""


def _repeated(argument: Any) -> str:
    least, most = int(argument[0]), int(argument[1])
    one = f"(?:{_sequence(argument[-1])})"
    if least <= _MOST_COPIES and most <= _MOST_COPIES:
        return f"{one}{{{least},{most}}}"
    return one * min(least, _MOST_COPIES) + f"{one}*"


def _class(members: list[tuple[Any, Any]]) -> str:
    negated = members[0][0] is ops.NEGATE
    inside = "".join(_member(*each) for each in members[negated:])
    if negated and any(op is ops.CATEGORY for op, _ in members):
        # The complement of a widened class would be too narrow.
        inside = "".join(_member(*each) for each in members[1:] if each[0] is not ops.CATEGORY)
    if negated:
        return f"[^{inside}]" if inside else _ANY
    return f"[{inside}]"


def _member(op: Any, argument: Any) -> str:
    if op is ops.RANGE:
        return f"{_char(argument[0])}-{_char(argument[1])}"
    return _CATEGORIES[argument] if op is ops.CATEGORY else _char(argument)


def _char(code: int) -> str:
    return chr(code) if chr(code).isalnum() else rf"\x{{{code:x}}}"


_LOOSENED: dict[Any, Callable[[Any], str]] = {
    ops.LITERAL: _char,
    ops.NOT_LITERAL: lambda code: f"[^{_char(code)}]",
    ops.ANY: lambda _: r"[^\n]",
    ops.IN: _class,
    ops.BRANCH: _branch,
    ops.SUBPATTERN: _group,
    ops.MAX_REPEAT: _repeated,
    ops.MIN_REPEAT: _repeated,
    ops.AT: _nothing,
    ops.ASSERT: _nothing,
    ops.ASSERT_NOT: _nothing,
}
"""How each thing a pattern may hold is loosened; what is not here, phrases do not use."""
