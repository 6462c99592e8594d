"""Boxes lie around what reaches half of the maximum.

SPDX-License-Identifier: Apache-2.0
"""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxrlens.explanation import cut, find_regions, heat_on_source
from cxrlens.vocabulary import Geometry, GreyImage, Heatmap, InputError

Box = tuple[int, int, int, int]


def _make(grid: object, geometry: Geometry | None = None) -> Heatmap:
    cells = np.asarray(grid, dtype=np.float32)
    rows, cols = cells.shape
    whole = Geometry((rows, cols), (32, 32), 0.0, 0.0, float(rows), float(cols))
    return Heatmap(cells, geometry or whole, "pneumonia", "cam")


def _fill_slowly(heat: GreyImage) -> list[tuple[float, Box]]:
    """Flood fill over the four neighbours of each pixel that reaches half of the maximum."""
    open_pixels = {(int(r), int(c)) for r, c in np.argwhere(heat >= 0.5 * np.nanmax(heat))}
    boxes = []
    while open_pixels:
        front, part = [open_pixels.pop()], []
        while front:
            r, c = front.pop()
            part.append((r, c))
            near = {(r + 1, c), (r - 1, c), (r, c + 1), (r, c - 1)} & open_pixels
            open_pixels -= near
            front += near
        top, left = min(r for r, _ in part), min(c for _, c in part)
        bottom, right = max(r for r, _ in part), max(c for _, c in part)
        score = max(float(heat[place]) for place in part)
        boxes.append((score, (top, left, bottom - top + 1, right - left + 1)))
    return boxes


@given(
    st.tuples(st.integers(1, 6), st.integers(1, 6)),
    st.tuples(st.integers(4, 24), st.integers(4, 24)),
    st.booleans(),
    st.integers(0, 2**32 - 1),
)
def test_against_a_slow_flood_fill(
    cells: tuple[int, int], size: tuple[int, int], is_crop: bool, seed: int
) -> None:
    grid = np.random.default_rng(seed).normal(size=cells)
    height, width = float(size[0]), float(size[1])
    box = (1.0, 1.0, height - 2, width - 2) if is_crop else (0.0, 0.0, height, width)
    heatmap = _make(grid, Geometry(size, (32, 32), *box))
    regions = find_regions(heatmap)
    if not heatmap.is_usable or np.nanmax(heatmap.on_source()) <= 0:
        assert regions == ()
        return
    found = [(r.score, (r.top, r.left, r.height, r.width)) for r in regions]
    assert sorted(found) == sorted(_fill_slowly(heatmap.on_source()))
    assert [r.score for r in regions] == sorted((r.score for r in regions), reverse=True)
    assert all(r.class_name == "pneumonia" for r in regions)


def test_two_regions_by_hand() -> None:
    grid = np.zeros((6, 8))
    grid[1, 1:3] = 6.0
    grid[3:5, 5:8] = 10.0
    grid[0, 7] = 4.0  # below half of the maximum
    first, second = find_regions(_make(grid))
    assert (first.score, first.top, first.left, first.height, first.width) == (10.0, 3, 5, 2, 3)
    assert (second.score, second.top, second.left, second.height, second.width) == (6.0, 1, 1, 1, 2)


@pytest.mark.parametrize(
    "grid",
    [
        [[0.0, 0.0], [0.0, 0.0]],
        [[3.0]],
        [[-2.0, -1.0], [-4.0, -3.0]],
        [[-1.0, 0.0], [0.0, 0.0]],
        [[math.nan, 1.0], [0.0, 0.0]],
        [[math.inf, 1.0], [0.0, 0.0]],
    ],
)
def test_a_map_that_says_nothing_has_no_region(grid: list[list[float]]) -> None:
    assert find_regions(_make(grid)) == ()


def test_a_peak_beyond_the_source_is_no_region() -> None:
    """The one positive cell lies in the padding, above the source."""
    grid = np.full((4, 4), -1.0)
    grid[0, 0] = 5.0
    padded = Geometry((20, 20), (32, 32), -60.0, 0.0, 80.0, 20.0)
    assert np.nanmax(_make(grid, padded).on_source()) < 0
    assert find_regions(_make(grid, padded)) == ()


@given(st.floats(0.01, 100), st.integers(0, 1000))
def test_the_unit_of_the_map_moves_no_box(factor: float, seed: int) -> None:
    grid = np.random.default_rng(seed).integers(-8, 9, size=(5, 5)).astype(float)
    boxes = [
        {(r.top, r.left, r.height, r.width) for r in find_regions(_make(scaled))}
        for scaled in (grid, 2.0 ** round(math.log2(factor)) * grid)
    ]
    assert boxes[0] == boxes[1]


@pytest.mark.parametrize("share", [0.2, 0.9, 1.0])
def test_a_share_cuts_where_it_says(share: float) -> None:
    grid = np.random.default_rng(3).normal(size=(5, 5))
    heatmap = _make(grid)
    heat = heat_on_source(heatmap)
    strong = cut(heat, share)
    np.testing.assert_array_equal(strong, heat >= share * heat.max())
    covered = sum(int(strong[r.top : r.top + r.height, r.left : r.left + r.width].any())
                  for r in find_regions(heatmap, share))  # fmt: skip
    assert covered == len(find_regions(heatmap, share)) > 0


@pytest.mark.parametrize("share", [0.0, -1.0, 1.5, math.nan])
def test_a_share_that_is_none_is_refused(share: float) -> None:
    with pytest.raises(InputError, match=r"in \(0, 1\]; got"):
        find_regions(_make(np.eye(3)), share)
