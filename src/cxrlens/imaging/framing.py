"""The exposed field of an image: what is left when its flat black or white frame is cut off.

SPDX-License-Identifier: Apache-2.0
"""

import numpy as np
from jaxtyping import Float32
from PIL import Image

from cxrlens.imaging.reduction import Reduction
from cxrlens.imaging.resampling import resample, weigh_boxes
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

_AT_ONCE = 16
"""Rows that are judged together."""

SmallImage = Float32[np.ndarray, "rows cols"]
"""Grey in [0, 1], shrunk from a larger image or cut from one."""


def shrink(pixels: GreyImage, side: int = SIDE, reduction: Reduction | None = None) -> SmallImage:
    """Give the means of `side` x `side` equal boxes, whatever the image's proportions.

    Args:
        pixels: height x width in [0, 1].
        side: rows and columns of the result.
        reduction: how they lie on the image's own pixels; None where they are those. The boxes are
            those of the own pixels, so that signs as fine as a box look the same.

    Returns:
        `side` x `side`, float32 in [0, 1].
    """
    if reduction is None:
        image, box = Image.fromarray(pixels), None
    else:
        rows, cols = reduction.source_size
        steps = max(1, rows // side), max(1, cols // side)
        down = weigh_boxes(pixels.shape[0], rows, steps[0], reduction.factor, reduction.top)
        across = weigh_boxes(pixels.shape[1], cols, steps[1], reduction.factor, reduction.left)
        # Not rounded to bytes in between: what is seen in the dark would be lost.
        image = Image.fromarray(resample(pixels, down, across))
        box = (0.0, 0.0, cols / steps[1], rows / steps[0])
    small = image.resize((side, side), Image.Resampling.BOX, box, reducing_gap=1.0)
    return np.asarray(np.clip(np.asarray(small), 0, 1))


def measure_contrast(small: SmallImage) -> tuple[float, float]:
    """Give an image's black and white: the 1st and the 99th percentile of its greys.

    Args:
        small: rows x columns, in [0, 1].

    Returns:
        (black, white), in [0, 1].
    """
    low = small.size // 100
    high = small.size - 1 - low
    ordered = np.sort(small, axis=None)  # half the time of a partition
    return float(ordered[low]), float(ordered[high])


def cut_frame(small: GreyImage, contrast: tuple[float, float] | None = None) -> SmallImage:
    """Cut off what a collimator, a letter box or a viewer put around the exposed field.

    Black and white are treated alike, so an inverted image is cut in the same way.

    Args:
        small: an image of some hundred rows and columns (`shrink`).
        contrast: its black and white (`measure_contrast`), where they are known.

    Returns:
        A view of the rows and columns of the field; all of them where there is no frame.

    Example:
        >>> import numpy as np
        >>> image = np.zeros((128, 128), dtype=np.float32)
        >>> image[30:100, 20:120] = np.random.default_rng(0).random((70, 100))
        >>> cut_frame(image).shape
        (70, 100)
    """
    black, white = contrast or measure_contrast(small)
    if white <= black:
        return small
    field = _cut_rows(small, black, white)
    narrow = _cut_rows(field.T, black, white).T
    if narrow.shape == field.shape:
        return field
    return _cut_rows(narrow, black, white)  # rows that are flat now that the sides are gone


def _cut_rows(image: GreyImage, black: float, white: float) -> SmallImage:
    first = _count_flat(image, black, white)
    stop = len(image) - _count_flat(image[::-1], black, white)
    return image if stop - first < _MIN_SHARE * SIDE else image[first:stop]


def _count_flat(image: GreyImage, black: float, white: float) -> int:
    """Count the rows before the first that is no frame: mostly few, so the others go unjudged."""
    contrast, tenth = white - black, image.shape[1] // 10
    for start in range(0, len(image), _AT_ONCE):
        ordered = np.sort(image[start : start + _AT_ONCE], axis=1)
        low, high = ordered[:, tenth], ordered[:, -1 - tenth]
        is_at_end = (high < black + _MAX_DEPTH * contrast) | (low > white - _MAX_DEPTH * contrast)
        is_inside = ~is_at_end | (high - low >= _MAX_SPREAD * contrast)
        if is_inside.any():
            return start + int(is_inside.argmax())
    return len(image)
