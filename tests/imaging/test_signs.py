"""Signs are measured where there is more than a side marker.

SPDX-License-Identifier: Apache-2.0
"""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from cxrlens.imaging.burned_in import find_burned_in
from cxrlens.imaging.framing import shrink
from cxrlens.imaging.signs import measure_signs
from cxrlens.phantom import draw_nth


def write(text: str) -> np.ndarray:
    image = Image.fromarray(draw_nth(0, seed=0).pixels).resize((512, 512))
    ImageDraw.Draw(image).text((20, 20), text, fill=255, font_size=28)
    return np.asarray(image, dtype=np.float32) / 255


def test_without_signs_there_are_none() -> None:
    plain = write("")
    assert measure_signs(plain, shrink(plain)) == 0


def test_captions_take_their_share() -> None:
    pixels = write("PORTABLE AP 14:32\nERECT, 2 m")
    share = measure_signs(pixels, shrink(pixels))
    assert share == pytest.approx(float(find_burned_in(pixels).mean()), rel=0.5)
    assert share > 0.006
