"""Contours close around what they enclose.

SPDX-License-Identifier: Apache-2.0
"""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.path import Path

from cxrlens.explanation.contours import trace_contours


def test_a_box_is_traced_at_its_place() -> None:
    """A single pixel: a diamond around its centre, half a pixel away."""
    (line,) = trace_contours(np.array([[True]]), top=4, left=7)
    assert set(line) == {(4.0, 7.5), (5.0, 7.5), (4.5, 7.0), (4.5, 8.0)}
    assert line[0] == line[-1]


def test_a_hole_has_its_own_line() -> None:
    ring = np.ones((5, 5), dtype=bool)
    ring[2, 2] = False
    outer, inner = trace_contours(ring, 0, 0)
    assert len(outer) > len(inner)


@given(st.integers(0, 2**31))
def test_centres_inside_the_lines_are_the_pixels(seed: int) -> None:
    """The even-odd rule over all lines gives back the mask."""
    part = np.random.default_rng(seed).random((7, 9)) < 0.6
    part[3, 4] = True
    lines = trace_contours(part, top=10, left=20)
    rows, cols = np.indices(part.shape)
    centres = np.column_stack([rows.ravel() + 10.5, cols.ravel() + 20.5])
    inside = sum(Path(np.array(line)).contains_points(centres).astype(int) for line in lines)
    np.testing.assert_array_equal((inside % 2 == 1).reshape(part.shape), part)
