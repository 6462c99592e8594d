"""The map of one case becomes a picture: the image, the overlay, and what is said of them.

SPDX-License-Identifier: Apache-2.0
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from cxrlens.imaging import overlay
from cxrlens.imaging.preprocessing import NetworkImage
from cxrlens.vocabulary import NOT_A_DEVICE, ColourBytes, Geometry, Grid, Heatmap, show_name

HEIGHT = 224
"""Rows of the image in the picture, whatever the network's input: TensorBoard shows it so."""

_WIDTH = 2 * HEIGHT
_LINE, _FONT_SIZE, _SMALL = 19, 14, 11
_PAPER, _INK = (255, 255, 255), (32, 32, 32)


@dataclass(frozen=True, eq=False)
class MapPanel:
    """One case."""

    title: str
    """What tells it from others."""

    pixels: NetworkImage
    """As the network sees it, in [0, 1]."""

    grid: Grid
    """The map over it, signed."""

    lines: tuple[str, ...]
    """What stands below; the middle of what is too long is left out."""


def draw_map(panel: MapPanel) -> ColourBytes:
    """Draw the image, beside it the positive evidence over it, and the lines below.

    Args:
        panel: the case; heat is on its own scale.

    Returns:
        A picture with an image `HEIGHT` rows high.
    """
    pair = Image.fromarray(_draw_pair(panel))
    n_lines = len(panel.lines) + 1
    size = (max(_WIDTH, pair.width), pair.height + n_lines * _LINE + 4)
    picture = Image.new("RGB", size, _PAPER)
    picture.paste(pair, (0, 0))
    draw = ImageDraw.Draw(picture)
    for number, line in enumerate((*panel.lines, NOT_A_DEVICE)):
        font = _load_font(_SMALL if number == len(panel.lines) else _FONT_SIZE)
        shown = "".join(c if c.isprintable() else "?" for c in show_name(line))
        place = (2, pair.height + 2 + number * _LINE)
        draw.text(place, _cut(shown, font, size[0] - 4), fill=_INK, font=font)
    return np.asarray(picture)


def _draw_pair(panel: MapPanel) -> ColourBytes:
    rows, cols = panel.pixels.shape
    size = (HEIGHT, max(1, round(cols * HEIGHT / rows)))
    shown = Image.fromarray(panel.pixels).resize(size[::-1], Image.Resampling.BILINEAR)
    grey = np.clip(np.asarray(shown, dtype=np.float32), 0, 1)
    geometry = Geometry(size, (rows, cols), 0.0, 0.0, float(size[0]), float(size[1]))
    heat = Heatmap(panel.grid, geometry, panel.title, "cam").on_source()
    nothing = np.zeros_like(heat)
    return np.concatenate([overlay(grey, nothing), overlay(grey, heat)], axis=1)


def _cut(text: str, font: ImageFont.FreeTypeFont, width: int) -> str:
    whole, kept = text, len(text)
    while font.getlength(text) > width and kept > 1:
        kept -= 1
        text = f"{whole[: kept // 2]}…{whole[len(whole) - (kept + 1) // 2 :]}"
    return text


@cache
def _load_font(size: int) -> ImageFont.FreeTypeFont:
    # Matplotlib's own: Pillow brings one of few characters.
    path = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
    return ImageFont.truetype(path, size)
