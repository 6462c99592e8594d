"""Dilation and erosion are scipy's, to the bit.

SPDX-License-Identifier: Apache-2.0
"""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from cxrlens.imaging.morphology import dilate, erode

SIDES = st.integers(1, 40)


@settings(max_examples=60, deadline=None)
@given(rows=SIDES, cols=SIDES, width=st.integers(1, 20), seed=st.integers(0, 2**31))
def test_they_are_scipys(rows: int, cols: int, width: int, seed: int) -> None:
    """Scipy mirrors the border, which brings no value that is not there already."""
    grey = np.random.default_rng(seed).random((rows, cols), dtype=np.float32)
    for plane in (grey, grey > 0.8):
        np.testing.assert_array_equal(dilate(plane, width), ndimage.maximum_filter(plane, width))
        np.testing.assert_array_equal(erode(plane, width), ndimage.minimum_filter(plane, width))
        assert dilate(plane, width).dtype == plane.dtype
