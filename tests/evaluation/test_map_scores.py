"""Scores of heat-maps against worked examples and scipy.

SPDX-License-Identifier: Apache-2.0
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import distance_transform_edt
from sklearn.metrics import average_precision_score

from cxrlens.evaluation import HEAT_SHARES, MapScore, score_heatmap
from cxrlens.vocabulary import Geometry, Heatmap, InputError

NOTHING = (0.0,) * len(HEAT_SHARES)


def _map(grid: np.ndarray, geometry: Geometry) -> Heatmap:
    return Heatmap(grid.astype(np.float32), geometry, "pneumonia", "cam")


def _whole(height: int, width: int) -> Geometry:
    return Geometry((height, width), (224, 224), 0.0, 0.0, float(height), float(width))


def _mask(size: tuple[int, int], rows: slice, cols: slice) -> np.ndarray:
    mask = np.zeros(size, dtype=bool)
    mask[rows, cols] = True
    return mask


def test_worked_example_at_full_resolution() -> None:
    """4 x 4 cells on 4 x 4 pixels: heat 4 and 2 inside, 2 outside, -9 does not count."""
    grid = np.array([[4, 2, 0, 0], [0, 0, 0, 0], [0, 0, 1, 1], [0, 0, 0, -9]])
    mask = _mask((4, 4), slice(0, 2), slice(0, 2))
    score = score_heatmap(_map(grid, _whole(4, 4)), mask)
    # Ranked 4 | 2 | 1 1 | the other cells at 0, of which two belong to the mask | -9.
    precision = (1 / 4) * 1 + (1 / 4) * 1 + (2 / 4) * 4 / 15
    score_by_hand = MapScore(
        hit=True,
        pointing=True,
        heat_inside=0.75,
        iou=0.5,
        mask_share=4 / 16,
        average_precision=score.average_precision,
        ious=(2 / 6,) * 5 + (2 / 4,) * 5 + (1 / 4,) * 9,  # up to 0.25, up to 0.5, above
    )
    assert score == score_by_hand
    assert score.average_precision == pytest.approx(precision)


@pytest.mark.parametrize(("gap", "is_near"), [(15, True), (16, False)])
def test_pointing_forgives_15_pixels(gap: int, is_near: bool) -> None:
    grid = np.zeros((224, 224))
    grid[100, 50] = 1
    mask = _mask((224, 224), slice(90, 110), slice(50 + gap, 50 + gap + 10))
    score = score_heatmap(_map(grid, _whole(224, 224)), mask)
    assert (score.hit, score.pointing) == (False, is_near)


@pytest.mark.parametrize(("gap", "is_near"), [(30, True), (31, False)])
def test_tolerance_is_meant_at_224(gap: int, is_near: bool) -> None:
    grid = np.zeros((448, 112))
    grid[100, 50] = 1
    below = _mask((448, 112), slice(100 + gap, 100 + gap + 5), slice(50, 51))
    assert score_heatmap(_map(grid, _whole(448, 112)), below).pointing == is_near
    aside = _mask((448, 112), slice(100, 101), slice(50 + gap // 4, 60 + gap // 4))
    assert score_heatmap(_map(grid, _whole(448, 112)), aside).pointing


@settings(max_examples=40)
@given(seed=st.integers(0, 2**31))
def test_distance_is_scipys(seed: int) -> None:
    rng = np.random.default_rng(seed)
    height, width = (int(side) for side in rng.integers(20, 60, 2))
    mask = rng.random((height, width)) < 0.01
    mask[rng.integers(height), rng.integers(width)] = True
    heatmap = _map(rng.normal(size=(5, 7)), _whole(height, width))
    far = distance_transform_edt(~mask, sampling=(224 / height, 224 / width))
    row, col = (int(np.floor(place + 0.5)) for place in heatmap.peak)
    score = score_heatmap(heatmap, mask)
    assert score.pointing == (far[row, col] <= 15)
    assert score.hit == mask[row, col]
    assert score.hit <= score.pointing
    assert 0 <= score.heat_inside <= 1
    assert 0 <= score.iou <= 1


@pytest.mark.parametrize(
    "grid",
    [
        np.zeros((3, 3)),
        np.full((3, 3), 2.0),
        np.full((3, 3), np.nan),
        np.array([[1.0, np.inf]]),
        np.array([[-1.0, -2.0]]),
    ],
)
def test_a_map_that_says_nothing_is_a_miss(grid: np.ndarray) -> None:
    score = score_heatmap(_map(grid, _whole(6, 6)), _mask((6, 6), slice(0, 3), slice(0, 6)))
    assert score == MapScore(False, False, 0.0, 0.0, 0.5, score.average_precision, NOTHING, True)


def test_unseen_pixels_have_no_heat() -> None:
    """The network saw the middle 4 x 4 of 8 x 8 pixels; the mask is half seen."""
    crop = Geometry((8, 8), (4, 4), 2.0, 2.0, 4.0, 4.0)
    grid = np.ones((4, 4))
    grid[0, 0] = 1.5
    score = score_heatmap(_map(grid, crop), _mask((8, 8), slice(0, 4), slice(0, 8)))
    assert score.heat_inside == pytest.approx(8.5 / 16.5)
    assert score.iou == pytest.approx(8 / (32 + 8))
    assert score.hit


def test_heat_in_the_padding_is_a_miss() -> None:
    """A wide image in a square input: the strongest cell lies above the image."""
    padded = Geometry((4, 8), (8, 8), -2.0, 0.0, 8.0, 8.0)
    grid = np.zeros((8, 8))
    grid[0, 3] = 1
    score = score_heatmap(_map(grid, padded), np.ones((4, 8), dtype=bool))
    assert score == MapScore(False, False, 0.0, 0.0, 1.0, 1.0, NOTHING, True)
    grid[1, 3], grid[2, 3] = 0.9, 0.1
    score = score_heatmap(_map(grid, padded), _mask((4, 8), slice(0, 1), slice(0, 8)))
    assert score.hit  # the peak is taken to the nearest pixel of the image


@settings(max_examples=20)
@given(seed=st.integers(0, 2**31), scale=st.floats(1e-3, 1e3))
def test_units_do_not_matter(seed: int, scale: float) -> None:
    rng = np.random.default_rng(seed)
    grid, mask = rng.normal(size=(4, 4)), _mask((16, 16), slice(3, 9), slice(5, 11))
    a = score_heatmap(_map(grid, _whole(16, 16)), mask)
    b = score_heatmap(_map(grid * scale, _whole(16, 16)), mask)
    assert (a.hit, a.pointing) == (b.hit, b.pointing)
    assert (a.heat_inside, a.iou) == pytest.approx((b.heat_inside, b.iou), abs=0.01)


def test_masks_of_other_sizes_or_empty_are_refused() -> None:
    heatmap = _map(np.eye(2), _whole(6, 8))
    with pytest.raises(InputError, match=r"\(8, 6\).*\(6, 8\)"):
        score_heatmap(heatmap, np.ones((8, 6), dtype=bool))
    with pytest.raises(InputError, match=r"empty one of \(6, 8\)"):
        score_heatmap(heatmap, np.zeros((6, 8), dtype=bool))


@settings(max_examples=40)
@given(seed=st.integers(0, 2**31), levels=st.integers(2, 6))
def test_average_precision_is_sklearns_and_ious_are_counted(seed: int, levels: int) -> None:
    """Few levels make ties; every threshold is cut a second time, pixel by pixel."""
    rng = np.random.default_rng(seed)
    mask = rng.random((12, 9)) < 0.3
    mask[3, 3] = True
    grid = rng.integers(-levels, levels, (12, 9))
    grid[0, 0], grid[0, 1] = levels, -levels
    score = score_heatmap(_map(grid, _whole(12, 9)), mask)
    assert score.average_precision == pytest.approx(
        average_precision_score(mask.ravel(), grid.ravel())
    )
    for share, iou in zip(HEAT_SHARES, score.ious, strict=True):
        strong = np.clip(grid / levels, 0, None) >= share - 1e-9
        assert iou == pytest.approx((strong & mask).sum() / (strong | mask).sum())


def test_a_map_that_says_nothing_ranks_nothing() -> None:
    mask = _mask((4, 4), slice(0, 1), slice(0, 4))
    assert score_heatmap(_map(np.ones((2, 2)), _whole(4, 4)), mask).average_precision == 0.25
