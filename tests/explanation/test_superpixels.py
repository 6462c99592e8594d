"""Every pixel has its piece, numbered without gaps.

SPDX-License-Identifier: Apache-2.0
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from cxrlens.explanation.superpixels import segment
from cxrlens.vocabulary import GreyImage, SegmentKind

KINDS: tuple[SegmentKind, ...] = ("slic", "quickshift", "grid")


@pytest.mark.parametrize("kind", KINDS)
def test_pieces_are_numbered_without_gaps_and_the_same_each_time(
    kind: SegmentKind, small_chest: GreyImage
) -> None:
    found = segment(small_chest, kind, 20)
    assert found.shape == small_chest.shape
    assert np.unique(found).tolist() == list(range(found.max() + 1))
    assert found.max() >= 1
    np.testing.assert_array_equal(segment(small_chest, kind, 20), found)


@pytest.mark.parametrize("kind", ["slic", "grid"])
def test_about_as_many_pieces_as_asked_for_each_of_one_part(
    kind: SegmentKind, small_chest: GreyImage
) -> None:
    for n in (10, 30):
        found = segment(small_chest, kind, n)
        assert 0.5 * n <= found.max() + 1 <= 1.2 * n
        for piece in range(found.max() + 1):
            assert ndimage.label(found == piece)[1] == 1


@given(st.integers(1, 12), st.integers(1, 12), st.integers(1, 40))
def test_a_grid_cuts_rectangles_of_like_size(height: int, width: int, n: int) -> None:
    image = np.arange(height * width, dtype=np.float32).reshape(height, width)
    found = segment(image, "grid", n)
    assert np.unique(found).tolist() == list(range(found.max() + 1))
    boxes = ndimage.find_objects(found + 1)
    tall = {box[0].stop - box[0].start for box in boxes}
    wide = {box[1].stop - box[1].start for box in boxes}
    assert max(tall) - min(tall) <= 1
    assert max(wide) - min(wide) <= 1
    for piece, box in enumerate(boxes):
        assert (found[box] == piece).all()


def test_a_grid_by_hand() -> None:
    image = np.arange(24, dtype=np.float32).reshape(4, 6)
    assert segment(image, "grid", 6).tolist() == [[0, 0, 1, 1, 2, 2]] * 2 + [[3, 3, 4, 4, 5, 5]] * 2


@pytest.mark.parametrize("kind", KINDS)
def test_an_image_that_is_the_same_everywhere_is_one_piece(kind: SegmentKind) -> None:
    assert not segment(np.full((32, 32), 0.4, np.float32), kind, 20).any()


def test_slic_follows_an_edge() -> None:
    image = np.zeros((40, 40), np.float32)
    image[:, 17:] = 1.0
    found = segment(image, "slic", 16)
    assert not set(found[:, :16].ravel()) & set(found[:, 18:].ravel())
