"""Convolution along a sequence with fewer multiplications (minimal filtering: Toom and Cook, Winograd).

Some outputs that follow each other are worked out together: their inputs and the weights are evaluated at a few points,
multiplied there, and the outputs are read off the products. Four outputs of a window of five take eight matrix products
that way in place of twenty; the numbers are the same but for rounding.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

TILE: Final = 4
"""Outputs that are worked out together."""
_POINTS: Final = (0.0, 1.0, -1.0, 0.5, -0.5, 2.0, -2.0)
"""Small ones, whose powers lose little; infinity is one more."""

Floats = NDArray[np.float32]
Exact = NDArray[np.float64]


class Filter:
    """One convolution, made ready for its weights.

    Args:
        weights: (window, inputs, outputs), what each place of the window is multiplied with; at most TILE + 1 places.
        bias: (outputs,), added to every output.
    """

    def __init__(self, weights: Floats, bias: Floats) -> None:
        window = len(weights)
        self._points = TILE + window - 1
        after = np.linalg.inv(_powers(self._points, self._points)).T
        # The largest number of each row goes to the weights, so that no product is larger than it need be.
        largest = np.abs(after).max(axis=1, keepdims=True)
        at_points = largest * _powers(self._points, window) @ weights.reshape(window, -1)
        self._weights: Floats = at_points.reshape(self._points, *weights.shape[1:]).astype(np.float32)
        self._before: Floats = (after / largest).astype(np.float32)
        # The bias stands behind the products as if it were one more.
        self._after: Floats = np.vstack((_powers(self._points, TILE), np.ones(TILE))).T.astype(np.float32, order="C")
        self._bias = bias

    def __call__(self, rows: Floats) -> Floats:
        """Return the outputs (TILE, tiles, outputs), in the order of the rows; the window of row i begins there.

        Args:
            rows: (TILE, tiles + 1, inputs), of which row i stands at [i % TILE, i // TILE].
        """
        inputs = np.concatenate((rows[:, :-1], rows[: self._points - TILE, 1:]))
        evaluated = (self._before @ inputs.reshape(self._points, -1)).reshape(inputs.shape)
        products = np.empty((self._points + 1, inputs.shape[1], len(self._bias)), dtype=np.float32)
        np.matmul(evaluated, self._weights, out=products[:-1])
        products[-1] = self._bias
        outputs: Floats = self._after @ products.reshape(len(products), -1)
        return outputs.reshape(TILE, *products.shape[1:])


def _powers(points: int, count: int) -> Exact:
    """Return the first powers of each point, a row each; at infinity the highest alone counts."""
    finite = np.vander(_POINTS[: points - 1], count, increasing=True)
    return np.vstack((finite, np.eye(1, count, count - 1)))
