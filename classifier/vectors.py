"""From a document to numbers: which terms count, and how much each weighs.

Training and judging share this file, so that both see the same. Two blocks of columns lie side by side, words first,
pieces of words second, each of length one. A weight is (1 + ln count) x idf.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from classifier.features import pieces, tokens, word_terms

_REMEMBERED = 16_384
"""Words whose pieces are kept: those of a language that occur again and again."""
_AT_ONCE = 100_000
"""Characters that are weighed together, so that all numbers stay in the processor's cache."""

Ids = NDArray[np.intp]
Weights = NDArray[np.float64]
Idf = NDArray[np.float32]


class Columns(Protocol):
    """Says in which column a term is counted."""

    def __len__(self) -> int:
        """How many columns there are."""
        ...

    @property
    def of(self) -> Callable[[str], int | None]:
        """The column of a term, None for a term that was not learnt."""
        ...


class Listed:
    """Every learnt term has a column of its own."""

    def __init__(self, terms: Sequence[str]) -> None:
        self.terms = terms
        self.of = dict(zip(terms, range(len(terms)), strict=True)).get

    def __len__(self) -> int:
        return len(self.terms)


class Hashed:
    """Terms share 2**bits columns by their CRC-32: nothing is kept of the terms, however many there are."""

    def __init__(self, bits: int) -> None:
        self.bits = bits

    def __len__(self) -> int:
        return 1 << self.bits

    def of(self, term: str) -> int:
        """The column of a term."""
        return crc32(term.encode()) & ((1 << self.bits) - 1)


@dataclass(frozen=True, slots=True)
class Vector:
    """The columns of one document that hold something, each once, and their weights; `words` of them are words."""

    ids: Ids
    weights: Weights
    words: int


class Vectoriser:
    """Weighs the terms of documents.

    Args:
        words: columns of single words and pairs of neighbours.
        pieces: columns of pieces of words.
        word_idf: (words,), how much each of them tells.
        piece_idf: (pieces,), the same.
    """

    def __init__(self, words: Columns, pieces: Columns, word_idf: Idf, piece_idf: Idf) -> None:
        self.words = words
        self.pieces = pieces
        self.word_idf = word_idf
        self.piece_idf = piece_idf
        self._idf = np.concatenate((word_idf, piece_idf))
        self._pieces_of = lru_cache(_REMEMBERED)(self._look_up_pieces)

    def __reduce__(self) -> tuple[type[Vectoriser], tuple[Columns, Columns, Idf, Idf]]:
        # What is remembered stays behind where it is sent to another process.
        return Vectoriser, (self.words, self.pieces, self.word_idf, self.piece_idf)

    @property
    def width(self) -> int:
        """How many columns there are."""
        return len(self.words) + len(self.pieces)

    def weigh(self, document: str) -> Vector:
        """Return the weights of a normalised document."""
        return next(self.weigh_all([document]))

    def weigh_all(self, documents: Iterable[str]) -> Iterator[Vector]:
        """Yield the weights of each normalised document, its columns in order."""
        together: list[str] = []
        characters = 0
        for each in documents:
            together.append(each)
            characters += len(each)
            if characters >= _AT_ONCE:
                yield from self._weigh(together)
                together, characters = [], 0
        yield from self._weigh(together)

    def _weigh(self, documents: Sequence[str]) -> Iterator[Vector]:
        """Weigh documents together: the columns found in all of them are sorted, counted and weighed in one go."""
        found = [tokens(each) for each in documents]
        words = [_known(map(self.words.of, word_terms(each))) for each in found]
        parts = [list(map(self._pieces_of, each)) for each in found]
        # Words and pieces of a document are two blocks, each of length one.
        sizes = [size for word, part in zip(words, parts, strict=True) for size in (len(word), sum(map(len, part)))]
        columns = [
            column for word, part in zip(words, parts, strict=True) for column in (np.array(word, np.intp), *part)
        ]
        if not columns:
            return
        blocks = np.arange(len(sizes))
        cells, counts = counted(np.repeat(blocks * self.width, sizes) + np.concatenate(columns))
        block, ids = np.divmod(cells, self.width)
        weights = (1.0 + np.log(counts)) * self._idf[ids]
        lengths = np.sqrt(np.bincount(block, weights * weights, minlength=len(sizes)))
        weights /= np.where(lengths, lengths, 1)[block]
        starts = np.searchsorted(block, np.arange(len(sizes) + 1)).tolist()
        for at in range(0, len(sizes), 2):
            start, pieces_start, end = starts[at : at + 3]
            yield Vector(ids[start:end], weights[start:end], pieces_start - start)

    def names(self, document: str, ids: Iterable[int]) -> list[str]:
        """Return which word or pair of words of a normalised document stands for each of these word columns."""
        if isinstance(self.words, Listed):
            return [self.words.terms[at] for at in ids]
        named = {self.words.of(term): term for term in reversed(word_terms(tokens(document)))}
        return [named[at] for at in ids]

    def _look_up_pieces(self, word: str) -> Ids:
        return np.array(_known(map(self.pieces.of, pieces(word))), dtype=np.intp) + len(self.words)


def learn_terms(documents: Iterable[str], *, least: int = 1, most: int | None = None) -> Vectoriser:
    """Learn a column for each term that `least` documents hold, of each block the `most` frequent."""
    words, parts, total = _count(documents)
    word_terms, word_counts = _kept(words, least, most)
    piece_terms, piece_counts = _kept(parts, least, most)
    return Vectoriser(
        Listed(word_terms), Listed(piece_terms), _idf(np.array(word_counts), total), _idf(np.array(piece_counts), total)
    )


def learn_hashed(documents: Iterable[str], bits: int) -> Vectoriser:
    """Learn how much each of 2**bits shared columns tells, in memory that does not grow with the documents."""
    columns = Hashed(bits)
    empty = np.ones(len(columns), dtype=np.float32)
    plain = Vectoriser(columns, columns, empty, empty)
    counts = np.zeros(plain.width, dtype=np.int64)
    total = 0
    for vector in plain.weigh_all(documents):
        counts[vector.ids] += 1
        total += 1
    return Vectoriser(columns, columns, _idf(counts[: len(columns)], total), _idf(counts[len(columns) :], total))


def _count(documents: Iterable[str]) -> tuple[Counter[str], Counter[str], int]:
    words: Counter[str] = Counter()
    parts: Counter[str] = Counter()
    total = 0
    for document in documents:
        found = tokens(document)
        words.update(set(word_terms(found)))
        parts.update({piece for word in set(found) for piece in pieces(word)})
        total += 1
    return words, parts, total


def _kept(counts: Counter[str], least: int, most: int | None) -> tuple[list[str], list[int]]:
    kept = [(term, count) for term, count in counts.items() if count >= least]
    if most is not None and len(kept) > most:
        kept = sorted(kept, key=lambda each: (-each[1], each[0]))[:most]
    kept.sort()
    return [term for term, _ in kept], [count for _, count in kept]


def _idf(counts: NDArray[np.int64], total: int) -> Idf:
    smooth: Idf = (np.log((1 + total) / (1 + counts)) + 1).astype(np.float32)
    return smooth


def _known(columns: Iterable[int | None]) -> list[int]:
    return [column for column in columns if column is not None]


def counted(found: Ids) -> tuple[Ids, Ids]:
    """Return each of the numbers once, in order, and how often it is there."""
    found.sort()
    first = np.flatnonzero(np.diff(found, prepend=-1))
    return found[first], np.diff(first, append=len(found))
