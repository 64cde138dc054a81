"""Leaves out of messages what only a command line could do, for the people who read them on a page."""

from __future__ import annotations

import re
from itertools import takewhile

_COMMAND = re.compile(r"inbox-worker |(?<![\w-])--[a-z]")
_ASIDE = re.compile(r"\s*\([^()]*\)")
_BETWEEN = re.compile(r"((?<=\.) |\n)")


def names_a_command(text: str) -> bool:
    """Say whether a text names a command of ours, or an option of one."""
    return _COMMAND.search(text) is not None


def plain_words(message: str) -> str:
    """Return a message without what names a command; all of it where nothing else would be left."""
    told = _ASIDE.sub(lambda aside: "" if names_a_command(aside[0]) else aside[0], message)
    first, *more = _BETWEEN.split(told)
    left = _without(first)
    if not left:
        return message
    for between, sentence in zip(more[::2], more[1::2], strict=True):
        kept = _without(sentence)
        left += between + kept if kept else ""
    return left


def _without(sentence: str) -> str:
    """Return a sentence up to the clause that names a command; what follows that one leans on it."""
    clauses = sentence.split("; ")
    kept = list(takewhile(lambda clause: not names_a_command(clause), clauses))
    end = "." if kept and len(kept) < len(clauses) and sentence.endswith(".") else ""
    return "; ".join(kept) + end
