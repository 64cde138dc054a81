"""Minimal filtering gives the numbers of the plain convolution."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from classifier.filtering import TILE, Filter


@given(window=st.integers(1, TILE + 1), tiles=st.integers(1, 4), seed=st.integers(0, 2**32 - 1))
def test_outputs_are_those_of_the_plain_convolution(window: int, tiles: int, seed: int) -> None:
    chance = np.random.default_rng(seed)
    weights = chance.standard_normal((window, 5, 3)).astype(np.float32)
    bias = chance.standard_normal(3).astype(np.float32)
    rows = chance.standard_normal(((tiles + 1) * TILE, 5)).astype(np.float32)

    outputs = Filter(weights, bias)(rows.reshape(-1, TILE, 5).transpose(1, 0, 2))

    assert outputs.shape == (TILE, tiles, 3)
    for row in range(tiles * TILE):
        plain = sum(rows[row + place].astype(np.float64) @ weights[place] for place in range(window)) + bias
        np.testing.assert_allclose(outputs[row % TILE, row // TILE], plain, rtol=0, atol=1e-4)
