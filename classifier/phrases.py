"""Many patterns over one text, searched only where a piece of text that each of them needs is there at all.

A pattern of words cannot match a text that holds none of its words, and asking Python for a plain piece of text is
twenty times cheaper than searching with a pattern. The pieces are taken from the pattern itself, so that nobody has to
keep them in step with it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from re import _constants as ops  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

_MOST_PIECES = 60
_SHORTEST = 2

Pieces = frozenset[str]


class Phrases:
    """Patterns in order; texts are given as the patterns expect them, usually in lower case."""

    def __init__(self, *patterns: str) -> None:
        self._patterns = tuple((tuple(sorted(needed(each))), re.compile(each)) for each in patterns)

    def search(self, text: str) -> re.Match[str] | None:
        """Return the first match of the first pattern that matches."""
        for pattern in self._possible(text):
            if found := pattern.search(text):
                return found
        return None

    def finditer(self, text: str) -> Iterator[re.Match[str]]:
        """Yield every match of every pattern, pattern by pattern."""
        for pattern in self._possible(text):
            yield from pattern.finditer(text)

    def _possible(self, text: str) -> Iterator[re.Pattern[str]]:
        for pieces, pattern in self._patterns:
            if not pieces or any(piece in text for piece in pieces):
                yield pattern


def needed(pattern: str) -> Pieces:
    """Return pieces of which every text that the pattern matches holds at least one; none where nothing can be said."""
    return _of_sequence(parser.parse(pattern)) or frozenset()


def _of_sequence(sequence: Iterable[tuple[Any, Any]]) -> Pieces | None:
    """Return the most telling of what the items of a sequence need."""
    best: Pieces | None = None
    run = ""
    for op, argument in [*sequence, (None, None)]:
        if op is ops.LITERAL:
            run += chr(argument)
            continue
        for found in (frozenset({run}) if run else None, _of_item(op, argument)):
            if found and (best is None or _worth(found) > _worth(best)):
                best = found
        # An anchor or a look around takes no text: what stands before and after it still touches.
        if op not in {ops.AT, ops.ASSERT, ops.ASSERT_NOT}:
            run = ""
    return best if best and min(map(len, best)) >= _SHORTEST else None


def _of_item(op: Any, argument: Any) -> Pieces | None:
    if op is ops.SUBPATTERN:
        return _of_sequence(argument[-1])
    if op in {ops.MAX_REPEAT, ops.MIN_REPEAT}:
        return _of_sequence(argument[-1]) if argument[0] else None
    if op is ops.BRANCH:
        branches = [_of_sequence(each) for each in argument[1]]
        every = frozenset().union(*(each or () for each in branches))
        return every if all(branches) and len(every) <= _MOST_PIECES else None
    return None


def _worth(pieces: Pieces) -> tuple[int, int]:
    return min(map(len, pieces)), -len(pieces)
