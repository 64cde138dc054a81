"""Finds the words that decided about a mail in its text, so that a page can mark them; when in doubt, it marks none."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import accumulate

from classifier.features import LONGEST, NAMES, placed_tokens
from classifier.folding import folded
from classifier.verdict import Evidence

Span = tuple[int, int]
"""Where a stretch of text begins and ends."""

_WORD = re.compile(r"[^\W_]+")
_SAYS = re.compile(r"""says ('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")""")
_ESCAPE = re.compile(r"\\.")
_UNSPACED = re.compile("[\u1100-\u11ff\u2e80-\uffff]")
"""Letters of scripts that set no blanks between words, or hang other words on to them."""
_TERMS, _MEANING = "words: ", "; and the meaning of the whole"
_WORDS_ALONE = frozenset({"opt_out_words", "opt_out_by_program"})
"""Detectors whose reason is nothing but the words they found."""
_STAND_FOR = {tuple(said.split()): name for name, said in NAMES.items()}
_MOST_UNITS, _MOST_WORDS = 2, 4
"""Of a term: it is one or two units, and a unit is a word, or a placeholder, which is said in two words."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a text; `marked` says that these words decided."""

    text: str
    marked: bool


def marked(text: str, evidence: Iterable[Evidence]) -> list[Piece]:
    """Cut a text into pieces, so that the words that the evidence names are marked; joined they are the text."""
    reading = _Reading(text)
    return _cut(text, [span for each in evidence for span in reading.named_by(each)])


def marked_report(text: str, evidence: Iterable[Evidence], status: str | None, diagnostic: str | None) -> list[Piece]:
    """Cut the text of a bounce the same way; its status code and what the server said are marked as well."""
    reading = _Reading(text)
    found = [span for each in evidence for span in reading.named_by(each)] + reading.quoted(diagnostic or "")
    if status:
        code = rf"(?<![\d.]){re.escape(status)}(?!\.?\d)"
        found += [each.span() for each in re.finditer(code, text[:LONGEST])]
    return _cut(text, found)


def _cut(text: str, marks: Iterable[Span]) -> list[Piece]:
    pieces: list[Piece] = []
    done = 0
    for start, end in _merged(marks):
        pieces += [Piece(text[done:start], marked=False), Piece(text[start:end], marked=True)]
        done = end
    pieces.append(Piece(text[done:], marked=False))
    return [each for each in pieces if each.text]


def _merged(marks: Iterable[Span]) -> list[Span]:
    merged: list[Span] = []
    for start, end in sorted(marks):
        if merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((start, end))
    return merged


class _Reading:
    """A text the way detectors read it: as far as they do, in lower case and without accents, its words in a row."""

    def __init__(self, text: str) -> None:
        text = text[:LONGEST]
        letters = [_plain_letter(each) for each in text]
        self._plain = "".join(letters)
        self._places = [at for at, plain in enumerate(letters) for _ in plain] + [len(text)]

    def named_by(self, evidence: Evidence) -> list[Span]:
        """Return where the words stand that one reason names."""
        because = evidence.because
        if evidence.detector in _WORDS_ALONE:
            return self.quoted(because)
        if said := _SAYS.match(because):
            return self._said(_ESCAPE.sub(" ", said[1][1:-1]))
        if evidence.detector == "classifier" and because.startswith(_TERMS):
            terms = because.removeprefix(_TERMS).removesuffix(_MEANING).split(", ")
            return [span for term in terms for span in self._term(term)]
        return []

    def quoted(self, phrase: str) -> list[Span]:
        """Return where a phrase stands that a rule found: as whole words, else at the beginning of longer ones."""
        phrase = _plain(phrase)
        words = " ".join(_WORD.findall(phrase))
        edges = [(" ", " "), (" ", ""), *([("", "")] if _UNSPACED.search(phrase) else [])]
        found = (self._words.find(words, *edge) for edge in edges)
        return self._in_text(next(filter(None, found), []))

    def _said(self, phrase: str) -> list[Span]:
        """Return where the words stand that a text was found to say; of a notice two phrases are named in one."""
        if found := self.quoted(phrase):
            return found
        parts = phrase.split(", ")
        for at in range(1, len(parts)):
            both = [self.quoted(", ".join(some)) for some in (parts[:at], parts[at:])]
            if all(both):
                return [*both[0], *both[1]]
        return []

    def _term(self, term: str) -> list[Span]:
        """Return where a term of the classifier stands; nothing where it may be either of two."""
        found = [self._tokens.find(" ".join(each)) for each in _readings(tuple(_plain(term).split()))]
        there = list(filter(None, found))
        return self._in_text(there[0]) if len(there) == 1 else []

    @cached_property
    def _words(self) -> _Row:
        return _Row([(each[0], *each.span()) for each in _WORD.finditer(self._plain)])

    @cached_property
    def _tokens(self) -> _Row:
        return _Row(placed_tokens(self._plain))

    def _in_text(self, spans: Iterable[Span]) -> list[Span]:
        # One letter may have become two, and a mark that stood on the last one belongs to it.
        places = self._places
        return [(places[start], max(places[end], places[end - 1] + 1)) for start, end in spans]


class _Row:
    """Words, and where each begins and ends in a text, in a row in which phrases are looked for."""

    def __init__(self, words: Sequence[tuple[str, int, int]]) -> None:
        self._words = words
        self._text = " ".join(("", *(word for word, _, _ in words), ""))
        self._starts = list(accumulate((len(word) + 1 for word, _, _ in words), initial=1))

    def find(self, phrase: str, before: str = " ", after: str = " ") -> list[Span]:
        """Return where in the text words with one blank between them stand, each stretch of it once."""
        return list(self._find(phrase, before, after)) if phrase else []

    def _find(self, phrase: str, before: str, after: str) -> Iterator[Span]:
        wanted = before + phrase + after
        at = self._text.find(wanted)
        while at >= 0:
            start = at + len(before)
            end = start + len(phrase)
            yield self._place(start), self._place(end - 1, 1)
            at = self._text.find(wanted, end)

    def _place(self, at: int, past: int = 0) -> int:
        """Return where in the text a letter of the row stands, or where it ends."""
        number = bisect_right(self._starts, at) - 1
        word, start, end = self._words[number]
        within = at - self._starts[number] + past
        # A placeholder is not as long as what it stands for.
        return end if within == len(word) else start + within


def _readings(words: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Return what a term may be, as it was shown to a person: "a time" is two words, or stands for a time."""
    if len(words) > _MOST_WORDS:
        return []
    return [units for units in _units(words) if 0 < len(units) <= _MOST_UNITS]


def _units(words: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    if not words:
        yield ()
        return
    for following in _units(words[1:]):
        yield words[0], *following
    if name := _STAND_FOR.get(words[:2]):
        for following in _units(words[2:]):
            yield name, *following


def _plain(text: str) -> str:
    return "".join(map(_plain_letter, text))


@lru_cache(4_096)
def _plain_letter(letter: str) -> str:
    """Return a letter in the form to which both the rules' and the classifier's words come down."""
    return folded(letter.casefold())
