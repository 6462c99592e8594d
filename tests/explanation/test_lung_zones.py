"""Regions get their place in words, from lungs whose zones are known.

SPDX-License-Identifier: Apache-2.0
"""

import numpy as np
import pytest

from cxrlens.explanation import divide_lungs, find_regions
from cxrlens.explanation.lung_zones import UNKNOWN
from cxrlens.imaging import LungField
from cxrlens.phantom import draw_nth
from cxrlens.vocabulary import Geometry, Heatmap

SIZE = (60, 60)


def _lungs(confidence: float = 0.9) -> LungField:
    """Two boxes: the patient's right lung on the left of the picture, rows 6 to 54."""
    mask = np.zeros(SIZE, dtype=bool)
    mask[6:54, 5:25] = True
    mask[6:54, 35:55] = True
    return LungField(mask, confidence)


def _place(rows: slice, cols: slice, field: LungField | None = None) -> str | None:
    grid = np.zeros(SIZE, dtype=np.float32)
    grid[rows, cols] = 1
    whole = Geometry(SIZE, SIZE, 0.0, 0.0, 60.0, 60.0)
    zones = divide_lungs(field or _lungs())
    (region,) = find_regions(Heatmap(grid, whole, "pneumonia", "cam"), zones=zones)
    return region.place


@pytest.mark.parametrize(
    ("rows", "cols", "place"),
    [
        (slice(8, 18), slice(8, 20), "right upper zone"),
        (slice(40, 52), slice(8, 20), "right lower zone"),
        (slice(25, 35), slice(38, 50), "left middle zone"),
        (slice(26, 50), slice(38, 50), "left middle and lower zones"),
        (slice(8, 52), slice(38, 50), "left upper, middle and lower zones"),
        (slice(28, 32), slice(10, 50), "right middle zone, left middle zone, outside the lungs"),
        (slice(20, 40), slice(27, 33), "outside the lungs"),
        (slice(40, 60), slice(6, 24), "right lower zone, outside the lungs"),
    ],
)
def test_places(rows: slice, cols: slice, place: str) -> None:
    assert _place(rows, cols) == place


def test_a_guess_names_no_place() -> None:
    assert _place(slice(8, 18), slice(8, 20), _lungs(confidence=0.3)) == UNKNOWN
    one = LungField(np.pad(np.ones((40, 20), dtype=bool), ((10, 10), (20, 20))), 0.9)
    assert _place(slice(8, 18), slice(8, 20), one) == UNKNOWN


def test_no_zone_holds_a_quarter() -> None:
    """A ring over all six zones: the fullest part is named, whatever its share."""
    assert _place(slice(0, 60), slice(0, 59)) == "outside the lungs"


def test_zones_are_equal_thirds_of_each_lung() -> None:
    zones = divide_lungs(_lungs()).zones
    assert np.bincount(zones.ravel()).tolist() == [3600 - 2 * 960, *[320] * 6]
    assert zones[:, :30].max() == 3
    assert set(np.unique(zones[:, 30:])) == {0, 4, 5, 6}


def test_a_phantoms_lungs_are_found_on_their_sides() -> None:
    phantom = draw_nth(0, seed=7)
    zones = divide_lungs(LungField(phantom.lungs, 1.0))
    quarter = zones.zones.shape[1] // 4
    assert zones.is_known
    assert set(np.unique(zones.zones[:, :quarter])) <= {0, 1, 2, 3}
    assert set(np.unique(zones.zones[:, -quarter:])) <= {0, 4, 5, 6}
