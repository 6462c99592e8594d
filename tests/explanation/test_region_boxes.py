"""Boxes by runs of pixels are those of the map on every pixel.

SPDX-License-Identifier: Apache-2.0
"""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from cxrlens.explanation import cut, find_many_regions, find_regions, heat_on_source
from cxrlens.explanation.region_boxes import box_parts
from cxrlens.vocabulary import Geometry, Heatmap, Region

Found = list[tuple[float, int, int, int, int]]


def box_slowly(heatmap: Heatmap, share: float) -> Found:
    """The definition: all pixels that reach the share, those that touch along a side together."""
    heat = heat_on_source(heatmap)
    labels, _ = ndimage.label(cut(heat, share))
    boxes = []
    for number, (rows, cols) in enumerate(ndimage.find_objects(labels), start=1):
        score = float(heat[rows, cols][labels[rows, cols] == number].max())
        size = rows.stop - rows.start, cols.stop - cols.start
        boxes.append((score, rows.start, cols.start, *size))
    return sorted(boxes, key=lambda box: -box[0])


def box_quickly(heatmap: Heatmap, share: float) -> Found:
    return list_boxes(find_regions(heatmap, share))


def list_boxes(regions: tuple[Region, ...]) -> Found:
    return [(one.score, one.top, one.left, one.height, one.width) for one in regions]


SIDES = st.tuples(st.integers(1, 60), st.integers(1, 60))


@settings(max_examples=150)
@given(
    cells=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    size=SIDES,
    corner=st.tuples(st.floats(-30, 20), st.floats(-30, 20)),
    extent=st.tuples(st.floats(1, 90), st.floats(1, 90)),
    share=st.sampled_from([0.01, 0.3, 0.5, 0.9, 1.0]),
    seed=st.integers(0, 2**32 - 1),
)
def test_against_every_pixel(
    cells: tuple[int, int],
    size: tuple[int, int],
    corner: tuple[float, float],
    extent: tuple[float, float],
    share: float,
    seed: int,
) -> None:
    """Whole numbers make plateaus and ties; boxes may lie inside the source or beyond it."""
    rng = np.random.default_rng(seed)
    grid = rng.integers(-4, 5, size=cells) if seed % 2 else rng.normal(size=cells)
    heatmap = Heatmap(
        grid.astype(np.float32), Geometry(size, (32, 32), *corner, *extent), "covid", "cam"
    )
    assert box_quickly(heatmap, share) == box_slowly(heatmap, share)


def test_a_large_image_by_a_small_map() -> None:
    rng = np.random.default_rng(0)
    for cells in ((7, 7), (14, 10)):
        for size in ((1414, 1414), (1000, 1500)):
            box = Geometry(size, (224, 224), 0.0, 0.0, float(size[0]), float(size[1]))
            heatmap = Heatmap(rng.normal(size=cells).astype(np.float32), box, "covid", "cam")
            assert box_parts([heatmap], 0.5)[0] is not None  # not by every pixel
            assert box_quickly(heatmap, 0.5) == box_slowly(heatmap, 0.5)


@settings(max_examples=60)
@given(
    cells=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    sizes=st.lists(SIDES, min_size=1, max_size=5),
    share=st.sampled_from([0.01, 0.3, 0.5, 0.9, 1.0]),
    seed=st.integers(0, 2**32 - 1),
)
def test_many_maps_do_not_touch_each_other(
    cells: tuple[int, int], sizes: list[tuple[int, int]], share: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    maps = [
        Heatmap(
            rng.normal(size=cells).astype(np.float32) + number % 2,
            Geometry(size, (32, 32), 0.0, 0.0, float(size[0]), float(size[1])),
            "covid",
            "cam",
        )
        for number, size in enumerate(sizes)
    ]
    found = [list_boxes(one) for one in find_many_regions(maps, share)]
    assert found == [box_slowly(one, share) for one in maps]


def test_saddles_are_one_part_or_two() -> None:
    """Two opposite cells are joined over the middle between them, or are not."""
    box = Geometry((100, 100), (32, 32), 0.0, 0.0, 100.0, 100.0)
    for turns in (0, 1):
        for between, n_parts in ((0.0, 2), (0.4, 1)):
            grid = np.rot90(np.array([[1, between], [between, 0.9]], dtype=np.float32), turns)
            heatmap = Heatmap(np.ascontiguousarray(grid), box, "covid", "cam")
            assert box_parts([heatmap], 0.5)[0] is not None
            assert len(box_quickly(heatmap, 0.5)) == n_parts
            assert box_quickly(heatmap, 0.5) == box_slowly(heatmap, 0.5)


def test_two_peaks_joined_at_a_corner_only_are_two() -> None:
    grid = np.array([[4, 0], [0, 2]], dtype=np.float32)
    heatmap = Heatmap(grid, Geometry((2, 2), (32, 32), 0.0, 0.0, 2.0, 2.0), "covid", "cam")
    assert box_quickly(heatmap, 0.5) == [(4.0, 0, 0, 1, 1), (2.0, 1, 1, 1, 1)]
