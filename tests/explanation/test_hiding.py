"""What a hidden pixel shows.

SPDX-License-Identifier: Apache-2.0
"""

import numpy as np

from cxrlens.explanation.hiding import hide_all
from cxrlens.vocabulary import GreyImage

PIECES = np.array([[0, 0, 1], [2, 2, 1]])
IMAGE = np.array([[0.25, 0.75, 0.0], [1.0, 0.5, 0.5]], dtype=np.float32)


def test_one_grey() -> None:
    assert (hide_all(IMAGE, PIECES, 0.0) == 0).all()
    assert (hide_all(IMAGE, PIECES, 0.5) == 0.5).all()


def test_the_mean_of_each_piece_by_hand() -> None:
    assert hide_all(IMAGE, PIECES, "mean").tolist() == [[0.5, 0.5, 0.25], [0.75, 0.75, 0.25]]


def test_a_blur_keeps_the_brightness_and_loses_the_detail(small_chest: GreyImage) -> None:
    pieces = np.zeros(small_chest.shape, np.int64)
    blurred = hide_all(small_chest, pieces, "blur")
    assert abs(blurred.mean() - small_chest.mean()) < 0.05
    assert np.abs(np.diff(blurred, axis=1)).max() < np.abs(np.diff(small_chest, axis=1)).max() / 2
    assert blurred.dtype == np.float32
