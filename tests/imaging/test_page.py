"""Marks on an even ground are counted; a radiograph has none.

SPDX-License-Identifier: Apache-2.0
"""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from cxrlens.imaging.framing import shrink
from cxrlens.imaging.page import count_marks
from cxrlens.phantom import draw_nth

CHEST = draw_nth(0, seed=0).pixels.astype(np.float32) / 255


def draw_squares(n: int, ground: int) -> np.ndarray:
    page = Image.new("L", (512, 512), ground)
    for i in range(n):
        left, top = 40 + 90 * (i % 5), 40 + 90 * (i // 5)
        ImageDraw.Draw(page).rectangle((left, top, left + 20, top + 20), fill=255 - ground)
    return np.asarray(page, dtype=np.float32) / 255


@pytest.mark.parametrize("ground", [60, 180, 255])
@pytest.mark.parametrize("n", [0, 1, 7, 20])
def test_each_square_is_a_mark(n: int, ground: int) -> None:
    page = draw_squares(n, ground)
    assert count_marks(page, shrink(page)) == n


def test_a_black_ground_is_a_collimator_s() -> None:
    page = draw_squares(7, 0)
    assert count_marks(page, shrink(page)) == 0


def test_radiographs_have_no_ground_and_framed_ones_are_one_mark() -> None:
    assert count_marks(CHEST, shrink(CHEST)) == 0
    framed = np.pad(CHEST, 60, constant_values=1)
    assert count_marks(framed, shrink(framed)) == 1


def test_a_line_across_the_edge_does_not_hide_the_ground() -> None:
    page = draw_squares(12, 255)
    page[:, 250:260] = 0
    assert count_marks(page, shrink(page)) >= 10
