from dataclasses import replace

import numpy as np
import pytest

from cxrlens.report import Case, shrink_case
from cxrlens.vocabulary import Geometry, Heatmap, InputError


@pytest.fixture
def large(cases: tuple[Case, ...]) -> Case:
    """An image of 900 x 600 with one bright spot, its map seen through a crop."""
    pixels = np.zeros((900, 600), dtype=np.float32)
    pixels[440:460, 290:310] = 1
    grid = np.zeros((6, 6), dtype=np.float32)
    grid[2, 3] = 1
    geometry = Geometry((900, 600), (224, 224), 150.0, 0.0, 600.0, 600.0)
    mask = np.zeros((900, 600), dtype=bool)
    mask[100, 50:200] = True
    heatmap = Heatmap(grid, geometry, "normal", "cam")
    prediction = replace(cases[0].prediction, heatmaps=(heatmap,))
    return Case("a.png", pixels, "normal", prediction, mask)


def test_everything_keeps_its_place(large: Case) -> None:
    small = shrink_case(large, 300)
    assert small.pixels.shape == (300, 200)
    assert 0 <= small.pixels.min() <= small.pixels.max() <= 1
    rows, cols = np.nonzero(small.pixels > 0.5)
    assert (rows.mean() + 0.5, cols.mean() + 0.5) == pytest.approx((450 / 3, 300 / 3))
    before, after = large.prediction.heatmaps[0], small.prediction.heatmaps[0]
    expected = (np.array(before.peak) + 0.5) / 3 - 0.5
    assert after.peak == pytest.approx(tuple(expected))
    # What the network never saw stays unseen.
    assert np.isnan(after.on_source()[:50]).all()
    assert np.isfinite(after.on_source()[51:249]).all()


def test_a_lesion_of_one_line_is_not_lost(large: Case) -> None:
    small = shrink_case(large, 90)
    assert small.mask is not None
    assert small.mask.shape == small.pixels.shape
    rows, cols = np.nonzero(small.mask)
    assert set(rows) == {10}
    assert (cols.min(), cols.max()) == (5, 19)


def test_small_cases_stay_as_they_are(cases: tuple[Case, ...]) -> None:
    assert shrink_case(cases[0], 256) is cases[0]


def test_another_images_map_is_refused(large: Case) -> None:
    with pytest.raises(InputError, match="source image"):
        shrink_case(replace(large, pixels=large.pixels[:899], mask=None))
