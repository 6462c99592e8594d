"""Letters, markers and boxes are found; ribs, wires and noise are not.

SPDX-License-Identifier: Apache-2.0
"""

import matplotlib as mpl
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFont

from cxrlens.imaging import find_burned_in, find_lung_field
from cxrlens.phantom import Traps, draw_nth
from cxrlens.vocabulary import GreyImage, PixelMask

FONT = mpl.get_data_path() + "/fonts/ttf/DejaVuSans-Bold.ttf"


def draw_grey(number: int, side: int = 512) -> GreyImage:
    image = Image.fromarray(draw_nth(number, seed=21).pixels)
    return np.asarray(image.resize((side, side), Image.Resampling.BICUBIC), np.float32) / 255


def write(
    pixels: GreyImage, words: str, at: tuple[int, int], height: int, ink: int = 255,
    paper: int | None = None,
) -> tuple[GreyImage, PixelMask]:  # fmt: skip
    """Give the image with words at (row, column) and where they are."""
    image = Image.fromarray(np.rint(255 * pixels).astype(np.uint8))
    pen, font = ImageDraw.Draw(image), ImageFont.truetype(FONT, height)
    left, top, right, bottom = pen.textbbox((at[1], at[0]), words, font=font)
    if paper is not None:
        pen.rectangle((left - 8, top - 8, right + 8, bottom + 8), fill=paper)
    pen.text((at[1], at[0]), words, font=font, fill=ink)
    drawn = np.asarray(image, np.float32) / np.float32(255)
    return drawn, np.abs(drawn - pixels) > 0.2


def test_the_marker_of_a_phantom_is_found_and_nothing_else() -> None:
    for number in range(4):
        bare = draw_nth(number, seed=22, findings=("normal",))
        marked = draw_nth(number, 22, ("normal",), Traps(marker_on=("normal",)))
        where = marked.pixels != bare.pixels
        for pixels, is_there in ((bare.pixels, False), (marked.pixels, True)):
            grey = pixels.astype(np.float32) / np.float32(255)
            found = find_burned_in(grey, find_lung_field(grey))
            assert found[where].mean() > 0.95 if is_there else not found.any()
            assert found.mean() < 0.02


@pytest.mark.parametrize("side", [224, 1000])
@pytest.mark.parametrize(
    ("words", "share", "ink", "paper"),
    [
        ("L", 0.05, 255, None), ("PORTABLE", 0.03, 255, None), ("AP 10:32", 0.035, 230, None),
        ("B", 0.06, 255, 0), ("C1", 0.06, 0, 255),
    ],
)  # fmt: skip
def test_written_signs_are_found(
    words: str, share: float, ink: int, paper: int | None, side: int
) -> None:
    pixels = draw_grey(1, side)
    at = (round(0.02 * side), round(0.02 * side))
    marked, where = write(pixels, words, at, max(10, round(share * side)), ink, paper)
    found = find_burned_in(marked, find_lung_field(marked))
    assert found.shape == pixels.shape
    assert found[where].mean() > 0.85
    assert found.mean() < 3 * where.mean() + 0.01


def test_signs_in_the_lungs_are_found_only_if_no_lungs_are_given() -> None:
    pixels = draw_grey(2)
    field = find_lung_field(pixels)
    row, col = (int(np.median(axis)) for axis in np.nonzero(field.mask[:, :256]))
    marked, where = write(pixels, "A", (row, col), 30)
    assert find_burned_in(marked)[where].mean() > 0.8
    assert not find_burned_in(marked, field)[where].any()
    assert not (find_burned_in(marked, field) & field.mask).any()


def test_long_lines_soft_edges_and_frames_are_no_signs() -> None:
    rows, cols = np.mgrid[:400, :400]
    wire = np.full((400, 400), 0.3, np.float32)
    wire[198:202] = 0.9
    wire[:, 101:104] = 0.8
    rib = (0.3 + 0.4 * np.exp(-(((rows - 150) / 8.0) ** 2) - ((cols - 200) / 30.0) ** 2)).astype(
        np.float32
    )
    frame = np.zeros((400, 400), np.float32)
    frame[30:-30, 40:-20] = 0.6
    for image in (wire, rib, frame):
        assert not find_burned_in(image).any()


@given(st.integers(16, 200), st.integers(16, 200), st.integers(0, 2**31), st.floats(0, 1, width=32))
@settings(max_examples=15, deadline=None)
def test_even_images_and_noise_hold_none(rows: int, cols: int, seed: int, value: float) -> None:
    assert not find_burned_in(np.full((rows, cols), value, np.float32)).any()
    noise = np.random.default_rng(seed).random((rows, cols), dtype=np.float32)
    assert find_burned_in(noise).mean() < 0.3
    assert find_burned_in(np.full((rows, cols), 0.5, np.float32) + noise / 20).sum() == 0
