"""Checks the plane: streams, soft edges and noise.

SPDX-License-Identifier: Apache-2.0
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxrlens.phantom.plane import SIZE, make_noise, open_stream, round_edge, soften, upsample


def test_streams_of_other_names_differ() -> None:
    draws = {open_stream(*names).random_sample() for names in [(0,), (1,), (0, 1), ("0", "ribs")]}
    assert len(draws) == 4


def test_stream_is_frozen() -> None:
    # sha256("0/ribs") as eight little-endian words seeds the Mersenne Twister
    assert open_stream(0, "ribs").random_sample() == pytest.approx(0.1505151851144234, abs=0)


@given(st.floats(-2, 2), st.floats(0.01, 1))
def test_round_edge_is_a_quarter_circle(distance: float, reach: float) -> None:
    got = round_edge(np.array([[distance]]), reach)[0, 0]
    inwards = min(max(distance / reach, 0.0), 1.0)
    assert got**2 + (1 - inwards) ** 2 == pytest.approx(1)


def test_soften_steps_from_zero_to_one() -> None:
    got = soften(np.array([[-1.0, 0.0, 0.25, 0.5, 1.0, 3.0]]))
    np.testing.assert_allclose(got, [[0, 0, 0.15625, 0.5, 1, 1]])


def test_upsample_keeps_a_plane_and_its_mean() -> None:
    np.testing.assert_allclose(upsample(np.full((4, 4), 3.0), 8), np.full((32, 32), 3.0))
    ramp = upsample(np.arange(8.0)[None, :].repeat(8, axis=0), 4)
    np.testing.assert_allclose(np.diff(ramp[3, 4:-4]), 0.25)


@pytest.mark.parametrize("cell", [4, 8, 16])
def test_noise_has_mean_zero_and_unit_spread(cell: int) -> None:
    noise = np.stack([make_noise(open_stream("noise", n), cell) for n in range(20)])
    assert noise.shape == (20, SIZE, SIZE)
    assert abs(noise.mean()) < 0.1
    assert noise.std() == pytest.approx(1, abs=0.1)
