"""What py3langid's identifier says of many texts at once: its own steps, done for all of them side by side.

It walks through a text byte by byte, from state to state, and counts what the states stand for. One step of all texts
together costs about as much as one step of one.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Any

import numpy as np

from classifier.vectors import counted


class SideBySide:
    """An identifier for many texts.

    Args:
        identifier: of py3langid, restricted to some languages.
    """

    def __init__(self, identifier: Any) -> None:
        self._languages: list[str] = identifier.nb_classes
        self._next = np.frombuffer(identifier.tk_nextmove, dtype=identifier.tk_nextmove.typecode)
        self._rows = np.array(identifier.tk_row, dtype=np.intp) << 8
        self._features = np.array(identifier.tk_output)
        self._tells = np.array(identifier.nb_ptc.T, dtype=np.float32, order="C")
        self._before = identifier.nb_pc

    def __call__(self, texts: Sequence[str]) -> list[str]:
        """Return the language of each text: the one that the identifier's `classify` names."""
        octets = [unicodedata.normalize("NFC", each).encode("utf-8", "surrogatepass") for each in texts]
        lengths = np.fromiter(map(len, octets), dtype=np.intp, count=len(octets))
        longest = int(lengths.max())
        padded = np.frombuffer(b"".join(each.ljust(longest, b"\0") for each in octets), dtype=np.uint8)
        letters = padded.reshape(len(octets), longest).T.astype(np.intp)
        passed = np.empty_like(letters)
        state = np.zeros(len(octets), dtype=np.intp)
        for step, letter in enumerate(letters):
            passed[step] = state = self._next[self._rows[state] + letter]
        features = self._features[passed]
        features[np.arange(longest)[:, None] >= lengths] = -1
        text_of = np.broadcast_to(np.arange(len(octets)), features.shape)[features >= 0]
        width = self._tells.shape[1]
        cells, counts = counted(text_of * width + features[features >= 0])
        text, feature = np.divmod(cells, width)
        weights = np.log1p(counts.astype(np.float32))
        scores = (
            np.stack([np.bincount(text, weights * row[feature], len(octets)) for row in self._tells])
            + (self._before[:, None])
        )
        # Without a single feature all languages are alike, and the first is named.
        best = np.where(np.bincount(text, minlength=len(octets)), scores.argmax(axis=0), 0)
        return [self._languages[at] for at in best]
