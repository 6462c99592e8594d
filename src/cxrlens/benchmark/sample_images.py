"""Files to measure with: radiographs as they come from a detector, two megapixels of JPEG.

SPDX-License-Identifier: Apache-2.0
"""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from cxrlens.imaging import read_radiograph
from cxrlens.phantom import draw_nth
from cxrlens.vocabulary import GreyImage

QUALITY = 90
"""Of the JPEG files."""

SEED = 2026
"""Of the phantoms."""


def write_sample(
    folder: Path, n: int, megapixels: float, sources: Sequence[str] = ()
) -> list[Path]:
    """Write grey JPEG files of one size in pixels, whatever they are made from.

    Small images are enlarged, bicubic: they then show no more than before, and cost as much to
    decode as if they did (a little less: they compress better).

    Args:
        folder: exists; gets `0000.jpg`, ….
        n: how many files.
        megapixels: millions of pixels of each; its proportions stay.
        sources: image files, taken in turns; where there are none, phantoms are drawn.

    Returns:
        The files.

    Raises:
        ImageRefused: if a source cannot be read.
    """
    paths = []
    for number in range(n):
        grey = _read(sources[number % len(sources)]) if sources else _draw(number)
        rows, cols = grey.shape
        scale = math.sqrt(megapixels * 1e6 / (rows * cols))
        size = (round(cols * scale), round(rows * scale))
        image = Image.fromarray(np.rint(grey * 255).astype(np.uint8))
        path = folder / f"{number:04d}.jpg"
        image.resize(size, Image.Resampling.BICUBIC).save(path, quality=QUALITY)
        paths.append(path)
    return paths


def _read(source: str) -> GreyImage:
    return read_radiograph(source).pixels


def _draw(number: int) -> GreyImage:
    return np.asarray(draw_nth(number, SEED).pixels / 255, dtype=np.float32)
