"""A map lies on the source where it was seen.

SPDX-License-Identifier: Apache-2.0
"""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.functional import interpolate

from cxrlens.vocabulary import Geometry, GreyImage, Grid, Heatmap

SMALL = st.integers(1, 9)


def _make(grid: Grid, geometry: Geometry) -> Heatmap:
    return Heatmap(np.asarray(grid, dtype=np.float32), geometry, "pneumonia", "cam")


def _stretch(grid: Grid, size: tuple[int, int]) -> Heatmap:
    return _make(grid, Geometry(size, (32, 32), 0.0, 0.0, float(size[0]), float(size[1])))


def _write_slowly(heatmap: Heatmap) -> GreyImage:
    """Pixel by pixel: where does its centre lie among the centres of the cells?"""
    box, grid = heatmap.geometry, heatmap.grid.astype(float)
    rows, cols = grid.shape
    height, width = box.source_size
    result = np.full((height, width), math.nan)
    for r in range(height):
        for c in range(width):
            down, across = r + 0.5 - box.top, c + 0.5 - box.left
            if not (0 <= down <= box.height and 0 <= across <= box.width):
                continue
            y = min(max(down * rows / box.height - 0.5, 0.0), rows - 1.0)
            x = min(max(across * cols / box.width - 0.5, 0.0), cols - 1.0)
            y0, x0 = math.floor(y), math.floor(x)
            y1, x1 = min(y0 + 1, rows - 1), min(x0 + 1, cols - 1)
            upper = (1 - (x - x0)) * grid[y0, x0] + (x - x0) * grid[y0, x1]
            lower = (1 - (x - x0)) * grid[y1, x0] + (x - x0) * grid[y1, x1]
            result[r, c] = (1 - (y - y0)) * upper + (y - y0) * lower
    return result.astype(np.float32)


@given(
    st.tuples(SMALL, SMALL),
    st.tuples(st.integers(1, 20), st.integers(1, 20)),
    st.tuples(st.integers(-16, 16), st.integers(-16, 16)),
    st.tuples(st.integers(1, 100), st.integers(1, 100)),
    st.integers(0, 2**32 - 1),
)
def test_on_source_is_the_slow_writing(
    cells: tuple[int, int], source: tuple[int, int], corner: tuple[int, int],
    extent: tuple[int, int], seed: int,
) -> None:  # fmt: skip
    grid = np.random.default_rng(seed).normal(size=cells)
    # Quarters are exact in binary: no pixel lies on the rim in one writing and off in the other.
    box = Geometry(source, (32, 32), *(edge / 4 for edge in corner), *(e / 4 for e in extent))
    heatmap = _make(grid, box)
    np.testing.assert_allclose(
        heatmap.on_source(), _write_slowly(heatmap), rtol=1e-5, atol=1e-5, equal_nan=True
    )


@given(
    st.tuples(SMALL, SMALL),
    st.tuples(st.integers(1, 40), st.integers(1, 40)),
    st.integers(0, 2**32 - 1),
)
def test_a_plain_resize_is_torchs(cells: tuple[int, int], size: tuple[int, int], seed: int) -> None:
    grid = np.random.default_rng(seed).normal(size=cells).astype(np.float32)
    theirs = interpolate(
        torch.from_numpy(grid)[None, None].double(), size, mode="bilinear", align_corners=False
    )
    ours = _stretch(grid, size).on_source()
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, theirs[0, 0].numpy(), rtol=1e-5, atol=1e-5)


def test_a_crop_is_nan_outside() -> None:
    heatmap = _make(np.ones((2, 2)), Geometry((6, 10), (32, 32), 0.0, 2.0, 6.0, 6.0))
    on_source = heatmap.on_source()
    assert np.isnan(on_source[:, [0, 1, 8, 9]]).all()
    np.testing.assert_array_equal(on_source[:, 2:8], np.ones((6, 6)))


@given(st.tuples(SMALL, SMALL), st.tuples(SMALL, SMALL), st.integers(0, 2**32 - 1))
def test_the_range_is_kept(cells: tuple[int, int], factor: tuple[int, int], seed: int) -> None:
    grid = np.random.default_rng(seed).normal(size=cells)
    on_source = _stretch(grid, (cells[0] * factor[0], cells[1] * factor[1])).on_source()
    assert on_source.min() >= grid.min() - 1e-5
    assert on_source.max() <= grid.max() + 1e-5


@given(st.tuples(SMALL, SMALL), st.sampled_from((1, 3, 5)), st.integers(0, 2**32 - 1))
def test_the_peak_is_where_the_map_on_the_source_is_largest(
    cells: tuple[int, int], factor: int, seed: int
) -> None:
    """With an odd number of pixels a cell, its centre is a pixel's."""
    grid = np.random.default_rng(seed).normal(size=cells)
    heatmap = _stretch(grid, (cells[0] * factor, cells[1] * factor))
    row, col = heatmap.peak
    on_source = heatmap.on_source()
    assert row == int(row)
    assert col == int(col)
    assert on_source[int(row), int(col)] == on_source.max()


def test_the_peak_by_hand() -> None:
    grid = np.zeros((2, 4))
    grid[1, 2] = 1
    # Cells of 50 x 25 pixels behind a margin of (10, 20): its centre is (85, 82.5) in edges.
    heatmap = _make(grid, Geometry((200, 200), (64, 64), 10.0, 20.0, 100.0, 100.0))
    assert heatmap.peak == (84.5, 82.0)


def test_the_peak_of_a_piece_is_its_middle() -> None:
    grid = np.zeros((8, 8))
    grid[2:7, 1:4] = 0.5
    heatmap = _make(grid, Geometry((8, 8), (8, 8), 0.0, 0.0, 8.0, 8.0))
    assert heatmap.peak == (4.0, 2.0)
    grid[2:7, 2] = 0  # no longer in the piece: the middle one of what is left
    assert _make(grid, heatmap.geometry).peak == (4.0, 1.0)


@pytest.mark.parametrize(
    ("grid", "is_usable"),
    [
        ([[0.0, 1.0]], True),
        ([[-2.0, -1.0]], True),
        ([[0.0, 0.0]], False),
        ([[7.0]], False),
        ([[math.nan, 1.0]], False),
        ([[math.inf, 1.0]], False),
        ([[-math.inf, 1.0]], False),
    ],
)
def test_usable(grid: list[list[float]], is_usable: bool) -> None:
    assert _stretch(np.array(grid), (8, 8)).is_usable is is_usable
