"""The maps of several methods beside each other.

SPDX-License-Identifier: Apache-2.0
"""

import numpy as np
import pytest

from cxrlens.report import draw_methods
from cxrlens.vocabulary import Geometry, Heatmap

WHOLE = Geometry((64, 64), (64, 64), 0.0, 0.0, 64.0, 64.0)
SIGNED, UNSIGNED = [[1.0, -1.0]], [[1.0, 0.2]]


def _make(method: str, grid: list[list[float]], class_name: str = "covid") -> Heatmap:
    return Heatmap(np.array(grid, np.float32), WHOLE, class_name, method)


@pytest.mark.parametrize(
    ("heatmaps", "words"),
    [
        ([_make("gradcam", UNSIGNED), _make("centre", UNSIGNED)], None),
        ([_make("cam", SIGNED), _make("gradcam", UNSIGNED)], "In cam: orange speaks for"),
        ([_make("cam", SIGNED), _make("lime", SIGNED)], "In cam, lime: orange speaks for"),
        (
            [_make("cam", SIGNED), _make("cam", UNSIGNED, "normal")],
            "In cam (covid): orange speaks for",
        ),
    ],
)
def test_it_says_which_maps_have_a_sign(heatmaps: list[Heatmap], words: str | None) -> None:
    """The weak heat of the others is purple too, and speaks against nothing."""
    figure = draw_methods(np.full((64, 64), 0.5, np.float32), heatmaps)
    under = " ".join(str(getattr(figure, "_supxlabel").get_text()).split())  # noqa: B009 (no other way)
    if words is None:
        assert "range speaks for" not in under
    else:
        assert words in under
