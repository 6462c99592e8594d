"""A picture of any colours becomes grey.

SPDX-License-Identifier: Apache-2.0
"""

import numpy as np
from PIL import Image, ImageChops

_MEASURED_SIDE = 128
"""Colours are measured on a copy whose shorter side has about so many pixels."""


def make_grey(image: Image.Image) -> tuple[Image.Image, float]:
    """Weigh the colours by Rec. 601, lay what is transparent on black, measure the colours.

    The colours are measured on a copy made smaller by averaging squares of pixels, which costs
    next to nothing and takes away the coloured noise of JPEG; its every pixel counts alike.

    Args:
        image: decoded; of whole or floating numbers it is grey already.

    Returns:
        An image of mode `L`, `I`, `I;16`, `I;16B` or `F`; and its colourfulness in [0, 1], as
        `Scan.colourfulness`.
    """
    if image.mode[0] in "IF":
        return image, 0.0
    if image.has_transparency_data:
        return _lay_on_black(image)
    if image.mode in {"L", "1"}:
        return image.convert("L"), 0.0
    colours = image if image.mode == "RGB" else image.convert("RGB")
    return colours.convert("L"), _measure(colours)


def _lay_on_black(image: Image.Image) -> tuple[Image.Image, float]:
    colours = image if image.mode == "RGBA" else image.convert("RGBA")
    alpha = colours.getchannel("A")
    grey = ImageChops.multiply(colours.convert("L"), alpha)
    return grey, 0.0 if image.mode in {"L", "1", "LA", "La"} else _measure(colours)


def _measure(colours: Image.Image) -> float:
    """Give the 99th percentile of the largest difference between two colours."""
    factor = max(1, min(colours.size) // _MEASURED_SIDE)
    bands = np.stack(
        [np.asarray(colours.getchannel(band).reduce(factor)) for band in colours.getbands()]
    ).astype(np.float32)
    spread = (bands[:3].max(axis=0) - bands[:3].min(axis=0)) / 255
    if len(bands) == 4:  # with alpha: as laid on black
        spread *= bands[3] / 255
    return float(np.percentile(spread, 99))
