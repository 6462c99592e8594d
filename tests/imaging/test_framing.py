"""The frame is cut off, whatever its colour, and nothing else.

SPDX-License-Identifier: Apache-2.0
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxrlens.imaging.framing import SIDE, cut_frame, measure_contrast, shrink
from cxrlens.phantom import draw_nth

CHEST = shrink(draw_nth(0, seed=0).pixels.astype(np.float32) / 255)


def test_shrinking_gives_the_means_of_boxes() -> None:
    pixels = np.random.default_rng(0).random((512, 384), dtype=np.float32)
    slow = pixels.reshape(SIDE, 4, SIDE, 3).mean(axis=(1, 3))
    np.testing.assert_allclose(shrink(pixels), slow, atol=1e-5)


@settings(max_examples=30, deadline=None)
@given(
    margins=st.tuples(*[st.integers(0, 40)] * 4),
    is_white=st.booleans(),
    dark=st.floats(0.3, 0.45),
)
def test_a_frame_is_cut_off_to_the_line(
    margins: tuple[int, int, int, int], is_white: bool, dark: float
) -> None:
    top, bottom, left, right = margins
    rng = np.random.default_rng(0)
    image = np.full((SIDE, SIDE), float(is_white), dtype=np.float32)
    field = rng.uniform(dark, 0.7, (SIDE - top - bottom, SIDE - left - right))
    image[top : SIDE - bottom, left : SIDE - right] = field
    assert cut_frame(image).shape == field.shape


def test_letters_in_the_frame_do_not_keep_it() -> None:
    image = np.zeros((SIDE, SIDE), dtype=np.float32)
    image[30:] = np.random.default_rng(0).uniform(0.3, 0.7, (SIDE - 30, SIDE))
    image[10:16, 20:30] = 1
    assert cut_frame(image).shape == (SIDE - 30, SIDE)


def test_inverted_images_are_cut_alike() -> None:
    framed = np.pad(CHEST, 20)
    assert cut_frame(framed).shape == cut_frame(1 - framed).shape


@pytest.mark.parametrize("grey", [0.0, 0.5, 1.0])
def test_one_grey_stays_whole(grey: float) -> None:
    image = np.full((SIDE, SIDE), grey, dtype=np.float32)
    assert cut_frame(image).shape == (SIDE, SIDE)
    assert measure_contrast(image) == (grey, grey)


def test_contrast_is_the_first_and_the_last_hundredth() -> None:
    image = np.random.default_rng(0).permutation(np.linspace(0, 1, SIDE**2, dtype=np.float32))
    black, white = measure_contrast(image.reshape(SIDE, SIDE))
    assert (black, white) == pytest.approx((0.01, 0.99), abs=1e-3)
