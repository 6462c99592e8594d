"""A landmark survives the way to the network and back.

SPDX-License-Identifier: Apache-2.0
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxrlens.vocabulary import Geometry

SIDES = st.integers(1, 5000)
EDGES = st.floats(-500, 500)
EXTENTS = st.floats(0.5, 6000)
POSITIONS = st.floats(-1000, 6000)


def _draw_geometry(
    source: tuple[int, int], network: tuple[int, int], corner: tuple[float, float],
    extent: tuple[float, float],
) -> Geometry:  # fmt: skip
    return Geometry(source, network, *corner, *extent)


GEOMETRIES = st.builds(
    _draw_geometry,
    st.tuples(SIDES, SIDES),
    st.tuples(SIDES, SIDES),
    st.tuples(EDGES, EDGES),
    st.tuples(EXTENTS, EXTENTS),
)


@given(GEOMETRIES, st.lists(st.tuples(POSITIONS, POSITIONS), min_size=1, max_size=5))
def test_there_and_back(geometry: Geometry, places: list[tuple[float, float]]) -> None:
    points = np.array(places)
    there = geometry.to_network(points)
    np.testing.assert_allclose(geometry.to_source(there), points, rtol=1e-9, atol=1e-6)


@given(GEOMETRIES)
def test_corners_of_the_box_are_corners_of_the_network(geometry: Geometry) -> None:
    top_left = np.array([[geometry.top - 0.5, geometry.left - 0.5]])
    extent = np.array([[geometry.height, geometry.width]])
    scale = max(geometry.network_size) / min(geometry.height, geometry.width)
    tolerance = 1e-9 * (1 + scale) * 1000
    np.testing.assert_allclose(geometry.to_network(top_left), [[-0.5, -0.5]], atol=tolerance)
    height, width = geometry.network_size
    np.testing.assert_allclose(
        geometry.to_network(top_left + extent), [[height - 0.5, width - 0.5]], atol=tolerance
    )


@pytest.mark.parametrize("factor", [1, 2, 3, 4])
def test_a_pixel_is_the_middle_of_what_it_was_made_of(factor: int) -> None:
    """Averaging f x f pixels puts their common centre at (f - 1) / 2 of the first."""
    whole = Geometry((4 * factor, 6 * factor), (4, 6), 0.0, 0.0, 4.0 * factor, 6.0 * factor)
    rows, cols = np.meshgrid(np.arange(4), np.arange(6), indexing="ij")
    pixels = np.stack([rows.ravel(), cols.ravel()], axis=1).astype(float)
    middles = np.array([[r * factor + (factor - 1) / 2, c * factor + (factor - 1) / 2]
                        for r, c in pixels])  # fmt: skip
    np.testing.assert_allclose(whole.to_source(pixels), middles)


def test_a_crop_by_hand() -> None:
    """A 300 x 400 image, its middle 300 x 300 shown at 150 x 150."""
    crop = Geometry((300, 400), (150, 150), 0.0, 50.0, 300.0, 300.0)
    np.testing.assert_allclose(crop.to_network(np.array([[0.5, 50.5]])), [[0, 0]])
    np.testing.assert_allclose(crop.to_network(np.array([[299.5, 349.5]])), [[149.5, 149.5]])
    np.testing.assert_allclose(crop.to_source(np.array([[149.0, 0.0]])), [[298.5, 50.5]])
