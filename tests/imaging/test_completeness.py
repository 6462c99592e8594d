"""A whole chest is told from one that is cut.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Callable

import numpy as np
import pytest

from cxrlens.imaging.chest_likeness import measure_likeness
from cxrlens.imaging.completeness import Completeness, measure_completeness
from cxrlens.imaging.framing import cut_frame, shrink
from cxrlens.phantom import draw_nth
from cxrlens.vocabulary import GreyImage

CHESTS = [shrink(draw_nth(number, seed=0).pixels.astype(np.float32) / 255) for number in range(8)]


def measure(image: GreyImage) -> Completeness:
    return measure_completeness(measure_likeness(cut_frame(np.ascontiguousarray(image))))


def test_a_whole_chest_has_its_mediastinum_in_the_middle_and_a_diaphragm() -> None:
    for chest in CHESTS:
        found = measure(chest)
        assert found.off_centre <= 0.1
        assert found.centre > 0.3
        assert found.bottom > 0.3
        assert found.cut < 1


@pytest.mark.parametrize(
    "cut",
    [lambda x: x[:, :70], lambda x: x[:, 55:], lambda x: x[:64, :64], lambda x: x[64:, 64:]],
    ids=["left half", "right half", "top left", "bottom right"],
)
def test_a_cut_chest_is_more_likely_cut(cut: Callable[[GreyImage], GreyImage]) -> None:
    assert all(measure(cut(chest)).cut > measure(chest).cut + 2 for chest in CHESTS)


def test_what_is_more_than_enough_proves_nothing_more() -> None:
    assert Completeness(0.0, 2.0, 2.0, 12.0).cut == Completeness(0.0, 0.8, 0.6, 12.0).cut
    assert Completeness(0.0, 0.8, 0.6, 12.0).cut == pytest.approx(15 - 0.9 * 12 - 3.6 - 2.8)
