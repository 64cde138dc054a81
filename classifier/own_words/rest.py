"""What a reader sees of a mail besides the sender's own words: the quoted mail, the signature, footers."""

from __future__ import annotations

from collections import Counter

from classifier.message import ParsedMessage
from classifier.own_words.quotes import PERHAPS_QUOTED
from classifier.own_words.words import bare, unflowed


def rest_of(parsed: ParsedMessage, own: str) -> str:
    """Return what a reader sees of a mail but its sender's own lines; a line that differs from all of those stays.

    A line that was cut within stays whole, so some words may stand in both, but none is lost.
    """
    text = parsed.text
    if text.startswith(own) and text[len(own) : len(own) + 1] in {"", "\n"}:
        # The common case, at a fraction of the cost: an answer above everything else.
        return _without_blank_edges(text[len(own) :])
    if parsed.plain:
        text = unflowed(parsed).replace(PERHAPS_QUOTED, "")
    return _without_blank_edges("\n".join(_other_lines(bare(text), own)))


def _other_lines(text: str, own: str) -> list[str]:
    """Return the lines of a text without those of another one, as often as they stand there."""
    left = Counter(map(str.strip, own.split("\n")))
    kept: list[str] = []
    for line in text.split("\n"):
        words = line.strip()
        if not words:
            # What was taken out leaves its blank lines behind.
            if kept and kept[-1]:
                kept.append("")
        elif left[words] > 0:
            left[words] -= 1
        else:
            kept.append(line)
    return kept


def _without_blank_edges(text: str) -> str:
    return text.rstrip().lstrip("\n")
