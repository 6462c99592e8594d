"""Maps keep their class, their values and their place.

SPDX-License-Identifier: Apache-2.0
"""

import numpy as np
import pytest

from cxrlens.explanation import make_heatmaps
from cxrlens.vocabulary import Geometry

WHOLE = Geometry((40, 60), (32, 32), 0.0, 0.0, 40.0, 60.0)


def test_one_map_a_class_in_order() -> None:
    maps = np.random.default_rng(0).normal(size=(3, 4, 6)).astype(np.float32)
    heatmaps = make_heatmaps(maps, ("a", "b", "c"), WHOLE)
    assert [heatmap.class_name for heatmap in heatmaps] == ["a", "b", "c"]
    assert {heatmap.method for heatmap in heatmaps} == {"cam"}
    for heatmap, expected in zip(heatmaps, maps, strict=True):
        np.testing.assert_array_equal(heatmap.grid, expected)
        assert heatmap.geometry is WHOLE


@pytest.mark.parametrize("classes", [("a",), ("a", "b", "c")])
def test_another_number_of_classes_is_a_fault(classes: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="zip"):
        make_heatmaps(np.zeros((2, 4, 4), dtype=np.float32), classes, WHOLE)
