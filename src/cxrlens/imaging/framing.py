"""The exposed field of an image: what is left when its flat black or white frame is cut off.

SPDX-License-Identifier: Apache-2.0
"""

import numpy as np
from jaxtyping import Float32
from PIL import Image

from cxrlens.imaging.scan import ScanPixels
from cxrlens.vocabulary import GreyImage

SIDE = 128
"""Rows and columns of the small image that quality is judged on."""

_MAX_SPREAD = 0.04
"""A line belongs to the frame if its greys differ by less, as a share of the image's contrast; a
tenth of the line at either end may differ: letters, markers."""

_MAX_DEPTH = 0.12
"""… and if it is so near to the image's black or white, as a share of its contrast."""

_MIN_SHARE = 1 / 3
"""A frame that would leave less of the height or width is none."""


SmallImage = Float32[np.ndarray, "rows cols"]
"""Grey in [0, 1], shrunk from a larger image or cut from one."""


def shrink(pixels: ScanPixels, side: int = SIDE) -> SmallImage:
    """Give the means of `side` x `side` equal boxes, whatever the image's proportions.

    Args:
        pixels: height x width, float32 in [0, 1] or bytes in 0…255.
        side: rows and columns of the result.

    Returns:
        `side` x `side`, float32 in [0, 1].
    """
    image = Image.fromarray(pixels)
    white, box = 1.0, (0.0, 0.0, float(image.width), float(image.height))
    if pixels.dtype == np.uint8:
        # As bytes while there are many, and as numbers before a second rounding.
        steps = max(1, image.width // side), max(1, image.height // side)
        image = image.reduce(steps).convert("F")
        white, box = 255.0, (0.0, 0.0, box[2] / steps[0], box[3] / steps[1])
    small = image.resize((side, side), Image.Resampling.BOX, box, reducing_gap=1.0)
    return np.asarray(np.clip(np.asarray(small, dtype=np.float32) / np.float32(white), 0, 1))


def measure_contrast(small: SmallImage) -> tuple[float, float]:
    """Give an image's black and white: the 1st and the 99th percentile of its greys.

    Args:
        small: rows x columns, in [0, 1].

    Returns:
        (black, white), in [0, 1].
    """
    ordered = np.sort(small, axis=None)
    hundredth = ordered.size // 100
    return float(ordered[hundredth]), float(ordered[-1 - hundredth])


def cut_frame(small: GreyImage) -> SmallImage:
    """Cut off what a collimator, a letter box or a viewer put around the exposed field.

    Black and white are treated alike, so an inverted image is cut in the same way.

    Args:
        small: an image of some hundred rows and columns (`shrink`).

    Returns:
        A view of the rows and columns of the field; all of them where there is no frame.

    Example:
        >>> import numpy as np
        >>> image = np.zeros((128, 128), dtype=np.float32)
        >>> image[30:100, 20:120] = np.random.default_rng(0).random((70, 100))
        >>> cut_frame(image).shape
        (70, 100)
    """
    black, white = measure_contrast(small)
    if white <= black:
        return small
    field = _cut_rows(small, black, white)
    field = _cut_rows(field.T, black, white).T
    return _cut_rows(field, black, white)  # rows that are flat now that the sides are gone


def _cut_rows(image: GreyImage, black: float, white: float) -> SmallImage:
    ordered = np.sort(image, axis=1)
    tenth = image.shape[1] // 10
    low, high = ordered[:, tenth], ordered[:, -1 - tenth]
    contrast = white - black
    is_at_end = (high < black + _MAX_DEPTH * contrast) | (low > white - _MAX_DEPTH * contrast)
    inside = np.flatnonzero(~is_at_end | (high - low >= _MAX_SPREAD * contrast))
    if len(inside) == 0 or inside[-1] + 1 - inside[0] < _MIN_SHARE * SIDE:
        return image
    return image[inside[0] : inside[-1] + 1]
